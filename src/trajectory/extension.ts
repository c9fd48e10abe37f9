/**
 * How a rendered prompt continues a turn's tokens.
 *
 * The tokens of the turn stay; only the text that follows them is encoded. That is right when the template renders everything
 * up to the turn's header as it did when the turn was asked for, and the turn itself without leaving anything out. What it
 * writes behind the turn's own words is then the same text that has to follow the tokens, less what was sampled of it.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { isPlainObject, plainContent, reasoningOf } from "./canonical.ts";
import type { SampledText } from "./sampled_text.ts";
import type { TurnStatus } from "./turn.ts";

/** The delimiters of reasoning that is cut off before a word of it is there for the template to print. */
const REASONING_OPENS = "<think>";
const REASONING_CLOSES = "</think>";

/** What is known of the turn to be continued. */
export interface ExtendedTurn {
  readonly promptUnits: number;
  readonly sampled: SampledText;
  readonly reply: JsonObject;
  readonly status: TurnStatus;
  /** The turn's prompt ends inside its reasoning. */
  readonly reasoningOpen: boolean;
}

/** Text to encode behind the turn's tokens. */
export interface Extension {
  /** 1: the sampled stop token is not what the template writes there, and is left out. */
  readonly droppedIds: 0 | 1;
  readonly text: string;
  /** UTF-16 length of the beginning of `text` that closes the turn. */
  readonly closingUnits: number;
  /** `b` the template's own closing of a complete turn; `c` closes a turn that was cut short. */
  readonly closingProvenance: "b" | "c";
  /** The turn's words stand in the prompt exactly as they were sampled. */
  readonly isVerbatim: boolean;
}

/** What the decision needs to look at, each found out when it is needed. */
export interface ExtensionParts {
  /** The whole prompt as rendered. Its first `promptUnits` are known to be the turn's own prompt. */
  readonly prompt: string;
  /** What the template writes behind an assistant's words to close the turn. */
  readonly closing: string;
  /** The prompt behind the turn's words, by rendering it with a placeholder for them; null: not to be found out. */
  readonly textBehind: () => string | null;
  /** The conversation up to the turn's end, rendered by itself; null: the template refuses it. */
  readonly textThrough: () => string | null;
  /** The template prints the reasoning of the turn here. */
  readonly printsReasoning: () => boolean;
}

/** Decides; null when the turn's tokens cannot stand in this prompt. */
export function extensionOf(turn: ExtendedTurn, parts: ExtensionParts): Extension | null {
  return verbatim(turn, parts) ?? byPlaceholder(turn, parts);
}

/** The prompt has the sampled text itself, and goes on with the stop token or the closing. */
function verbatim(turn: ExtendedTurn, { prompt, closing }: ExtensionParts): Extension | null {
  const { body, stop } = turn.sampled;
  if (!prompt.startsWith(body, turn.promptUnits)) return null;
  const rest = prompt.slice(turn.promptUnits + body.length);
  const goesOn = (stop !== "" && rest.startsWith(stop)) || (closing !== "" && rest.startsWith(closing));
  return goesOn ? joined(turn, rest, rest.startsWith(closing) ? closing.length : 0, true) : null;
}

/** The prompt has the turn in the template's words: less white space, arguments written anew. */
function byPlaceholder(turn: ExtendedTurn, parts: ExtensionParts): Extension | null {
  const { prompt, closing, printsReasoning } = parts;
  const behind = textBehind(turn, parts);
  if (behind === null) return null;
  const rendered = prompt.slice(turn.promptUnits, prompt.length - behind.length);
  if (!retains(rendered, turn.reply)) return null;
  if (reasoningOf(turn.reply) !== "" && !printsReasoning()) return null;
  const closed = turn.sampled.stop === "" ? unsaid(turn, rendered) : "";
  const closingUnits = closed.length + (behind.startsWith(closing) ? closing.length : 0);
  return joined(turn, closed + behind, closingUnits, false);
}

/**
 * What stands behind the turn: by a placeholder for it, else, where the template goes on otherwise behind calls, by its end.
 * The end begins with the closing, or with the stop token where calls have one of their own (`<|call|>`).
 */
function textBehind({ promptUnits, sampled }: ExtendedTurn, parts: ExtensionParts): string | null {
  const { prompt, closing } = parts;
  const isBehind = (text: string) => prompt.endsWith(text) && prompt.length - text.length >= promptUnits;
  const marked = parts.textBehind();
  if (marked !== null && isBehind(marked)) return marked;
  const through = parts.textThrough();
  if (through === null || !prompt.startsWith(through)) return null;
  const end = [closing, sampled.stop].find((each) => each !== "" && through.endsWith(each)) ?? "";
  const units = through.length - end.length;
  return units < promptUnits ? null : prompt.slice(units);
}

/** `rest` stands behind the words of the turn; its first `closingUnits` close it. */
function joined(turn: ExtendedTurn, rest: string, closingUnits: number, isVerbatim: boolean): Extension {
  const { stop } = turn.sampled;
  if (stop !== "" && rest.startsWith(stop)) {
    const units = Math.max(closingUnits - stop.length, 0);
    const text = rest.slice(stop.length);
    return { droppedIds: 0, text, closingUnits: units, closingProvenance: "b", isVerbatim };
  }
  const closingProvenance = stop === "" && turn.status !== "completed" ? "c" : "b";
  return { droppedIds: stop === "" ? 0 : 1, text: rest, closingUnits, closingProvenance, isVerbatim };
}

/** What has to be said for a turn that was cut short, before it can be closed: the end of its reasoning, say. */
function unsaid({ reply, sampled, reasoningOpen }: ExtendedTurn, rendered: string): string {
  const { body } = sampled;
  if (rendered.startsWith(body)) return rendered.slice(body.length);
  const content = typeof reply.content === "string" ? reply.content.trim() : "";
  const hasCalls = Array.isArray(reply.tool_calls) && reply.tool_calls.length > 0;
  const lastWords = content !== "" ? content : reasoningOf(reply);
  if (!hasCalls && lastWords !== "" && body.trimEnd().endsWith(lastWords)) {
    const behind = rendered.slice(rendered.lastIndexOf(lastWords) + lastWords.length);
    if (behind.trim() !== "") return behind;
  }
  const opened = reasoningOpen ? 0 : body.lastIndexOf(REASONING_OPENS);
  const isOpen = opened >= 0 && !body.includes(REASONING_CLOSES, opened);
  return isOpen ? `${body.endsWith("\n") ? "" : "\n"}${REASONING_CLOSES}\n\n` : "";
}

/** Whether a rendered turn has its content and each of its calls, one after the other. */
function retains(rendered: string, reply: JsonObject): boolean {
  const content = plainContent(reply.content);
  const calls = Array.isArray(reply.tool_calls) ? reply.tool_calls : [];
  const words = [
    typeof content === "string" ? content.trim() : "",
    ...calls.map((call) => isPlainObject(call) && isPlainObject(call.function) ? call.function.name : ""),
  ];
  let from = 0;
  return words.every((word) => {
    if (typeof word !== "string") return true;
    const at = rendered.indexOf(word, from);
    from = at + word.length;
    return at >= 0;
  });
}
