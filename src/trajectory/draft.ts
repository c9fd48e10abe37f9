/**
 * A rendered prompt, and how it continues a turn's tokens.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { closingOf } from "./closing.ts";
import { type Extension, extensionOf } from "./extension.ts";
import type { Located } from "./locate.ts";
import type { OpenPrompt } from "./opening.ts";
import { printsReasoning, textAround, textThrough } from "./placeholder.ts";
import type { PlanParts, SuffixCheck } from "./plan.ts";
import { withCallsAsText, withReadableCalls } from "./readable_calls.ts";
import { sampledTextOf } from "./sampled_text.ts";
import type { Session } from "./session.ts";
import { findByText } from "./text_lineage.ts";
import { prefixHashes } from "./text_marks.ts";
import type { Turn } from "./turn.ts";

/** A rendered prompt and the turn that it continues. */
export interface Draft {
  readonly prompt: string;
  readonly promptHash: string;
  readonly parent: Turn | null;
  /** Null exactly when `parent` is. */
  readonly extension: Extension | null;
  readonly suffix: SuffixCheck | null;
  /** Messages on the parent's path, or that the router knows as its own in a prompt that begins anew. */
  readonly coveredMessages: number;
  /** Calls that the template cannot read stand in the prompt as text. */
  readonly hasCallsAsText: boolean;
}

/**
 * Renders the conversation and decides whether a turn's tokens can stand in the prompt.
 *
 * @param open the prompt as it is rendered for a message that goes on. Default: the header of a new turn ends it
 * @throws {ChatTemplateError} when the template refuses the messages
 */
export function draft(
  session: Session,
  found: Located,
  parts: PlanParts,
  open: OpenPrompt | null = null,
): Draft {
  try {
    return draftOf(session, found, parts, open?.prompt);
  } catch (error) {
    const drafted = attempted(() => draftBehindBrokenCalls(session, found, parts)) ??
      attempted(() => draftWithCallsAsText(session, found, parts));
    if (drafted === null) throw error;
    return drafted;
  }
}

/** A draft that needs no words of the calls that the template cannot read: their tokens stand in the prompt. */
function draftBehindBrokenCalls(session: Session, found: Located, parts: PlanParts): Draft | null {
  const { coveredMessages } = found.lineage;
  const messages = withReadableCalls(found.messages, coveredMessages);
  if (messages === null) return null;
  const drafted = draftOf(session, { ...found, messages }, parts);
  return drafted.extension !== null && drafted.coveredMessages >= coveredMessages ? drafted : null;
}

/** A draft with the words of those calls, for prompts that begin anew. */
function draftWithCallsAsText(session: Session, found: Located, parts: PlanParts): Draft | null {
  const messages = withCallsAsText(found.messages);
  return messages === null
    ? null
    : { ...draftOf(session, { ...found, messages }, parts), hasCallsAsText: true };
}

/** Null where the template refuses this conversation, too. */
function attempted(draft: () => Draft | null): Draft | null {
  try {
    return draft();
  } catch {
    return null;
  }
}

function draftOf(session: Session, found: Located, parts: PlanParts, given?: string): Draft {
  const { lineage, messages, settings } = found;
  const prompt = given ?? parts.renderer.render(messages, settings, true);
  const { coveredMessages } = lineage;
  const anew = {
    prompt,
    coveredMessages,
    parent: null,
    extension: null,
    suffix: null,
    hasCallsAsText: false,
  };
  const parent = lineage.isSameBranch ? lineage.matched : null;
  const promptUnits = parent === null ? 0 : session.index.factsOf(parent).promptUnits;
  const [before, whole] = prefixHashes(prompt, [promptUnits, prompt.length]);
  const promptHash = whole!;
  const byText = textParent(session, found, prompt, parts);
  if (byText !== null) return { ...anew, ...byText, promptHash };
  if (parent === null || before !== session.index.factsOf(parent).promptHash) return { ...anew, promptHash };
  const extended = extend(session, parent, prompt, found, parts);
  return extended === null ? { ...anew, promptHash } : { ...anew, ...extended, promptHash, parent };
}

/** A deeper turn that the prompt continues word for word, when the messages leave assistant turns unexplained. */
function textParent(session: Session, found: Located, prompt: string, parts: PlanParts) {
  const { lineage, messages, branchKey } = found;
  const { coveredMessages } = lineage;
  if (!messages.slice(coveredMessages).some(({ role }) => role === "assistant")) return null;
  const { tokenizer } = parts;
  const parent = findByText({ session, tokenizer, messages, prompt, branchKey, coveredMessages });
  if (parent === null) return null;
  const extended = extend(session, parent, prompt, found, parts);
  if (extended === null) return null;
  return { ...extended, parent, coveredMessages: session.index.factsOf(parent).messageCount };
}

function extend(
  session: Session,
  parent: Turn,
  prompt: string,
  { messages, settings }: Located,
  { tokenizer, renderer }: PlanParts,
): { extension: Extension; suffix: SuffixCheck } | null {
  const { promptUnits, endsWithStop, messageCount, reasoningOpen } = session.index.factsOf(parent);
  const { reply, status } = parent;
  const sampled = sampledTextOf(tokenizer, parent, endsWithStop);
  const at = messageCount - 1;
  const textBehind = (of: readonly JsonObject[], index: number) =>
    textAround(renderer, of, settings, true, [index])?.[1] ?? null;
  const extension = extensionOf({ promptUnits, sampled, reply, status, reasoningOpen }, {
    prompt,
    closing: closingOf(renderer, settings),
    textBehind: () => textBehind(messages, at),
    textThrough: () => textThrough(renderer, messages.slice(0, at + 1), settings),
    printsReasoning: () => printsReasoning(renderer, messages, settings, true, at),
  });
  if (extension === null) return null;
  if (extension.isVerbatim) return { extension, suffix: "verbatim" };
  const elsewhere = textBehind([DUMMY, ...messages.slice(at)], 1);
  const isSame = elsewhere !== null && extension.text.endsWith(elsewhere.slice(-extension.text.length));
  return { extension, suffix: isSame ? "confirmed" : "unconfirmed" };
}

/** Stands for the whole history where it is seen whether the text behind a turn depends on it. */
const DUMMY: JsonObject = { role: "user", content: "x" };
