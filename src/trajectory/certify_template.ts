/**
 * What a chat template promises, found out before the first request: does a conversation that goes on keep its beginning?
 *
 * Sampled ids are never rendered anew, so what counts is whether the text behind them can be told from what the template
 * writes. A template that leaves earlier reasoning out, as Qwen3's does behind a user, means to: such a turn begins a row of its
 * own, with the prompt that the model is used to. One that changes what stood before, or leaves out what was said, is broken.
 *
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { JsonObject } from "../types.ts";
import { CALL_WORDS, type CertificationProbe, probesOf } from "./certification_probes.ts";
import { ChatRenderer, type MessageForm, type RenderSettings, type Template } from "./chat_renderer.ts";
import { closingOf } from "./closing.ts";
import { extensionOf } from "./extension.ts";
import { placeholder, printsReasoning, textAround, textThrough } from "./placeholder.ts";

/** How a template breaks a conversation. */
export type CertificationFailure =
  | "refused" // the template throws
  | "reasoning left out" // of the assistant's turn, and nothing else
  | "prompt changes" // it renders what stood before the assistant's turn anew
  | "words left out"; // it drops content or calls of the assistant's turn

/** What becomes of a conversation when a user, or results of tools, are appended. */
export type RoleVerdict =
  | "kept" // its tokens stay: one row
  | "reasoning left out" // the turn begins a row of its own, as the template means it to
  | "refused" // the template takes no such conversation, and says so with each request
  | "broken"; // the model would read another conversation than it was in

/** The smallest conversation that a template does not keep. */
export interface Counterexample {
  readonly failure: CertificationFailure;
  /** Messages up to the assistant's turn, that turn included. */
  readonly messages: readonly JsonObject[];
  /** Messages that are appended. */
  readonly appended: readonly JsonObject[];
  /** UTF-16 offset in the longer prompt at which it departs from the shorter one. */
  readonly atUnit: number;
  /** Up to `SHOWN_UNITS` from there on, of the shorter prompt and of the longer one; or the template's refusal. */
  readonly expected: string;
  readonly found: string;
}

/** What a template was found to do. */
export interface TemplateCertificate {
  /** Users can be appended, and nothing is broken: a fork can only be for reasoning's sake. */
  readonly isCertified: boolean;
  readonly verdicts: { readonly user: RoleVerdict; readonly tool: RoleVerdict };
  readonly appendOnly: { readonly user: boolean; readonly tool: boolean };
  /** For each kind that fails, the smallest of the worst failure. */
  readonly counterexamples: { readonly user: Counterexample | null; readonly tool: Counterexample | null };
  /** What the template writes at the two junctions: behind an assistant's words, and before them. */
  readonly junctions: { readonly closing: string; readonly generationPrompt: string };
  /**
   * Encoding the longer prompt begins with the ids of the shorter one, in every probe that keeps its text. Where it does not,
   * tokens merge over the junction: whoever encodes conversations anew breaks them, and splicing ids does not.
   */
  readonly isPrefixExactOnIds: boolean;
  readonly form: MessageForm;
}

/** Characters of a counterexample that are shown. */
const SHOWN_UNITS = 80;

/** Options of {@link certifyTemplate}. */
export interface CertifyOptions {
  /** Variables that every request gives to the template. Default none. */
  readonly templateKwargs?: JsonObject;
  /** Renders with it in place of a fresh renderer. */
  readonly renderer?: ChatRenderer;
  /** What the clock tells the template. Default: the epoch. */
  readonly dateMs?: number;
}

/**
 * Tries a template on small conversations, the smallest first. Some 30 renders.
 *
 * @example
 * ```ts ignore
 * const { tokenizer, chatTemplate } = await loadTokenizer("models/Qwen3-8B");
 * const certificate = certifyTemplate(chatTemplate, tokenizer);
 * if (!certificate.isCertified) log.warn("{counterexamples}", { ...certificate });
 * ```
 */
export function certifyTemplate(
  template: Template,
  tokenizer: Tokenizer,
  options: CertifyOptions = {},
): TemplateCertificate {
  const renderer = options.renderer ?? new ChatRenderer(template);
  const settings: RenderSettings = {
    tools: null,
    templateKwargs: options.templateKwargs ?? {},
    dateMs: options.dateMs ?? 0,
  };
  const closing = closingOf(renderer, settings);
  let isPrefixExactOnIds = true;
  const worst: Record<CertificationProbe["kind"], Counterexample | null> = { user: null, tool: null };
  for (const probe of probesOf(renderer, settings)) {
    const result = tryProbe(probe, renderer, settings, closing);
    if (result === null) continue;
    if (!("failure" in result)) isPrefixExactOnIds &&= keepsIds(tokenizer, result.shorter, result.longer);
    else if (gravityOf(result) > gravityOf(worst[probe.kind])) worst[probe.kind] = result;
  }
  const verdicts = { user: verdictOf(worst.user), tool: verdictOf(worst.tool) };
  const takesUsers = verdicts.user === "kept" || verdicts.user === "reasoning left out";
  return {
    isCertified: takesUsers && verdicts.tool !== "broken",
    verdicts,
    appendOnly: { user: verdicts.user === "kept", tool: verdicts.tool === "kept" },
    counterexamples: worst,
    junctions: { closing, generationPrompt: generationPromptOf(renderer, settings) },
    isPrefixExactOnIds,
    form: renderer.form,
  };
}

const VERDICTS: readonly RoleVerdict[] = ["kept", "reasoning left out", "refused", "broken"];

function verdictOf(example: Counterexample | null): RoleVerdict {
  if (example === null) return "kept";
  const { failure } = example;
  return failure === "reasoning left out" || failure === "refused" ? failure : "broken";
}

function gravityOf(example: Counterexample | null): number {
  return VERDICTS.indexOf(verdictOf(example));
}

/** What a probe shows; null where the template takes no such conversation to begin with. */
function tryProbe(
  { before, reply, appended }: CertificationProbe,
  renderer: ChatRenderer,
  settings: RenderSettings,
  closing: string,
): Counterexample | { shorter: string; longer: string } | null {
  if (before.length > 1 && refuses(renderer, before, settings)) return null;
  const conversation = { messages: [...before, reply], appended };
  const all = [...before, reply, ...appended];
  let shorter: string, longer: string;
  try {
    shorter = renderer.render(before, settings, true);
    longer = renderer.render(all, settings, true);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { ...conversation, failure: "refused", atUnit: 0, expected: "", found };
  }
  const fails = (failure: CertificationFailure, expected: string): Counterexample => {
    const atUnit = commonPrefix(expected, longer);
    const shown = (text: string) => text.slice(atUnit, atUnit + SHOWN_UNITS);
    return { ...conversation, failure, atUnit, expected: shown(expected), found: shown(longer) };
  };
  if (!longer.startsWith(shorter)) {
    const isOpener = departsInReasoning(shorter, longer) && saysAll(longer, reply);
    return fails(isOpener ? "reasoning left out" : "prompt changes", shorter);
  }
  // A body that no prompt has: what counts here is the turn in the template's words.
  const sampled = { body: placeholder(0), stop: "" };
  const status = "completed" as const;
  const turn = { promptUnits: shorter.length, sampled, reply, status, reasoningOpen: false };
  const textBehind = () => textAround(renderer, all, settings, true, [before.length])?.[1] ?? null;
  const parts = {
    prompt: longer,
    closing,
    textBehind,
    textThrough: () => textThrough(renderer, [...before, reply], settings),
    printsReasoning: () => printsReasoning(renderer, all, settings, true, before.length),
  };
  if (extensionOf(turn, parts) !== null) return { shorter, longer };
  const isReasoning = saysAll(longer.slice(shorter.length), reply);
  return fails(
    isReasoning ? "reasoning left out" : "words left out",
    renderer.render([...before, reply], settings, false),
  );
}

/** The prompt opens the model's reasoning, and only that is missing later on. */
function departsInReasoning(shorter: string, longer: string): boolean {
  const opened = shorter.lastIndexOf("<think>");
  if (opened < 0 || commonPrefix(shorter, longer) < opened) return false;
  return /^<think>\s*(<\/think>\s*)?$/.test(shorter.slice(opened));
}

/** Whether a text has what a probe's reply says, its reasoning left aside. */
function saysAll(text: string, { content, tool_calls: calls }: JsonObject): boolean {
  const said = String(content).split("</think>").pop()!.trim();
  const words = Array.isArray(calls) ? [said, ...CALL_WORDS] : [said];
  return words.every((word) => text.includes(word));
}

function refuses(renderer: ChatRenderer, messages: readonly JsonObject[], settings: RenderSettings): boolean {
  try {
    renderer.render(messages, settings, true);
    return false;
  } catch {
    return true;
  }
}

function keepsIds(tokenizer: Tokenizer, shorter: string, longer: string): boolean {
  const ids = tokenizer.encode(longer);
  return tokenizer.encode(shorter).every((id, index) => id === ids[index]);
}

function generationPromptOf(renderer: ChatRenderer, settings: RenderSettings): string {
  const user: JsonObject = { role: "user", content: "x" };
  try {
    const without = renderer.render([user], settings, false);
    const text = renderer.render([user], settings, true);
    return text.startsWith(without) ? text.slice(without.length) : "";
  } catch {
    return "";
  }
}

function commonPrefix(left: string, right: string): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return length;
}
