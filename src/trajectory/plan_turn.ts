/**
 * From messages to the ids that are POSTed.
 *
 * Tokens are the truth: the prompt of a conversation that goes on is its parent's ids and the ids of the text behind them. The
 * template is rendered over the whole history, with the router's own copies of its assistant messages, for only so does one see
 * whether it still stands; nothing of the history is encoded again.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { branchKeyOf } from "./branch_key.ts";
import { reasoningOf } from "./canonical.ts";
import type { RenderSettings } from "./chat_renderer.ts";
import { closingOf } from "./closing.ts";
import { encodeContinuation, type EncodedPrompt, encodeWhole } from "./encode_prompt.ts";
import { type Extension, extensionOf } from "./extension.ts";
import { foreignSpans } from "./foreign_parts.ts";
import { causeBelow, causeOfRoot } from "./fork_cause.ts";
import { findLineage, type Lineage } from "./lineage.ts";
import { MessageChain } from "./message_chain.ts";
import { pathMessages, postedIds } from "./path.ts";
import { printsReasoning, textAround } from "./placeholder.ts";
import {
  type Ambiguity,
  type ChatRequest,
  type PlanParts,
  type PlanRecord,
  PROMPT_TAIL_UNITS,
  type TurnPlan,
} from "./plan.ts";
import { promptRuns, type TextPart } from "./provenance_runs.ts";
import { sampledTextOf } from "./sampled_text.ts";
import type { Session } from "./session.ts";
import { prefixHashes } from "./text_marks.ts";
import { findByText } from "./text_lineage.ts";
import type { Turn } from "./turn.ts";

/**
 * Plans a turn. Nothing is written to the session: a plan that comes to nothing leaves no trace. Hold `session.begin()` from
 * before the plan until after the commit.
 *
 * @throws {ChatTemplateError} when the template refuses the messages
 * @throws {SessionFinishedError | SessionLimitError | IdempotencyConflictError} when the session refuses the turn
 * @throws {TypeError} without messages
 *
 * @example
 * ```ts no-eval
 * using _turn = session.begin();
 * const plan = await planTurn(session, { messages, tools }, parts);
 * const output = await post(plan.fullIds);
 * const result = commitTurn(session, plan, output, reply, parts);
 * await settlePrompt(parts, plan, result.ok ? output : null);
 * if (result.ok) markDelivered(session, result.turn); // once the last byte is out
 * ```
 */
export async function planTurn(
  session: Session,
  request: ChatRequest,
  parts: PlanParts,
  signal?: AbortSignal,
): Promise<TurnPlan> {
  const found = locate(session, request, parts);
  const repeats = repeatedTurn(session, found);
  if (repeats !== null) return repeatedPlan(session, found, repeats);
  const drafted = draft(session, found, parts);
  const encoded = drafted.extension === null
    ? await encodeWhole(parts, drafted.prompt, session.id, signal)
    : await encodeContinuation(parts, drafted.extension.text, signal);
  return assemble(session, found, drafted, encoded, parts);
}

/** What the messages and the session tell before anything is rendered. */
interface Located {
  readonly chain: MessageChain;
  readonly settings: RenderSettings;
  readonly branchKey: string;
  readonly requestKey: string;
  readonly lineage: Lineage;
  readonly answered: Turn | null;
  /** The conversation with the router's own copies. */
  readonly messages: readonly JsonObject[];
}

function locate(session: Session, request: ChatRequest, { templateId }: PlanParts): Located {
  const refusal = session.refusal();
  const settings = {
    tools: request.tools ?? null,
    templateKwargs: request.templateKwargs ?? {},
    dateMs: session.frozenMs,
  };
  if (request.messages.length === 0) throw new TypeError("Cannot plan a turn: there are no messages");
  const chain = request.chain ?? new MessageChain(request.messages);
  const branchKey = branchKeyOf({ templateId, ...settings });
  const requestKey = `${branchKey} ${chain.last}`;
  const key = request.idempotencyKey;
  const answered = key === undefined ? null : session.turnOfKey(key, requestKey);
  if (refusal !== null && answered === null) throw refusal;
  const { parentTurnId } = request;
  const lineage = findLineage(session, chain, {
    branchKey,
    requestKey,
    ...(parentTurnId === undefined ? {} : { parentTurnId }),
  });
  const own = lineage.matched === null ? [] : pathMessages(lineage.matched);
  const messages = [...own, ...request.messages.slice(lineage.coveredMessages)];
  return { chain, settings, branchKey, requestKey, lineage, answered, messages };
}

/** The newest turn that answered this very request, or null. */
function repeatedTurn(session: Session, { requestKey, lineage, answered, messages }: Located): Turn | null {
  if (answered !== null) return answered;
  const same = session.index.ofRequest(requestKey).filter((turn) =>
    session.index.factsOf(turn).matched === lineage.matched && hasSameReasoning(turn, messages)
  );
  return same[same.length - 1] ?? null;
}

/** Reasoning in the client's own assistant messages is rendered as it comes, and no part of the request's hash. */
function hasSameReasoning({ messages: stored }: Turn, messages: readonly JsonObject[]): boolean {
  const asked = messages.slice(messages.length - stored.length);
  return stored.every((message, index) => reasoningOf(message) === reasoningOf(asked[index]!));
}

/** The same prompt again, to the id. */
function repeatedPlan(session: Session, found: Located, repeats: Turn): TurnPlan {
  const facts = session.index.factsOf(repeats);
  const { parent, droppedIds, promptIds, promptRuns, branchKey, messages } = repeats;
  return {
    ...common(session, found),
    parent,
    droppedIds,
    promptIds,
    promptRuns,
    fullIds: postedIds(parent, droppedIds, promptIds),
    cause: "retry",
    branchKey,
    messages,
    encodedTokens: 0,
    repeats,
    ambiguity: session.index.ofRequest(found.requestKey).some((turn) => turn.isDelivered)
      ? "retry"
      : ambiguityOf(found),
    reasoningOpen: facts.reasoningOpen,
    promptTail: facts.promptTail,
    prepared: null,
    record: record(session, found, facts.promptUnits, facts.promptHash),
  };
}

/** A rendered prompt and the turn that it continues. */
interface Draft {
  readonly prompt: string;
  readonly promptHash: string;
  readonly parent: Turn | null;
  /** Null exactly when `parent` is. */
  readonly extension: Extension | null;
  /** Messages on the parent's path, or that the router knows as its own in a prompt that begins anew. */
  readonly coveredMessages: number;
}

function draft(session: Session, found: Located, parts: PlanParts): Draft {
  const { lineage, messages, settings } = found;
  const prompt = parts.renderer.render(messages, settings, true);
  const anew = { prompt, parent: null, extension: null, coveredMessages: lineage.coveredMessages };
  const parent = lineage.isSameBranch ? lineage.matched : null;
  const promptUnits = parent === null ? 0 : session.index.factsOf(parent).promptUnits;
  const [before, whole] = prefixHashes(prompt, [promptUnits, prompt.length]);
  const promptHash = whole!;
  const byText = textParent(session, found, prompt, parts);
  if (byText !== null) return { ...anew, ...byText, promptHash };
  if (parent === null || before !== session.index.factsOf(parent).promptHash) return { ...anew, promptHash };
  const extension = extend(session, parent, prompt, found, parts);
  return extension === null ? { ...anew, promptHash } : { ...anew, promptHash, parent, extension };
}

/** A deeper turn that the prompt continues word for word, when the messages leave assistant turns unexplained. */
function textParent(session: Session, found: Located, prompt: string, parts: PlanParts) {
  const { lineage, messages, branchKey } = found;
  const { coveredMessages } = lineage;
  if (!messages.slice(coveredMessages).some(({ role }) => role === "assistant")) return null;
  const { tokenizer } = parts;
  const parent = findByText({ session, tokenizer, messages, prompt, branchKey, coveredMessages });
  if (parent === null) return null;
  const extension = extend(session, parent, prompt, found, parts);
  if (extension === null) return null;
  return { parent, extension, coveredMessages: session.index.factsOf(parent).messageCount };
}

function extend(
  session: Session,
  parent: Turn,
  prompt: string,
  { messages, settings }: Located,
  { tokenizer, renderer }: PlanParts,
): Extension | null {
  const { promptUnits, endsWithStop, messageCount, reasoningOpen } = session.index.factsOf(parent);
  const { reply, status } = parent;
  const sampled = sampledTextOf(tokenizer, parent, endsWithStop);
  return extensionOf({ promptUnits, sampled, reply, status, reasoningOpen }, {
    prompt,
    closing: closingOf(renderer, settings),
    textBehind: () => textAround(renderer, messages, settings, true, [messageCount - 1])?.[1] ?? null,
    printsReasoning: () => printsReasoning(renderer, messages, settings, true, messageCount - 1),
  });
}

function assemble(
  session: Session,
  found: Located,
  drafted: Draft,
  { ids, encodedTokens, prepared }: EncodedPrompt,
  parts: PlanParts,
): TurnPlan {
  const { parent, extension, prompt, promptHash, coveredMessages } = drafted;
  const droppedIds = extension?.droppedIds ?? 0;
  const text = extension?.text ?? prompt;
  return {
    ...common(session, found),
    parent,
    droppedIds,
    promptIds: ids,
    promptRuns: promptRuns(parts.tokenizer, text, ids, textParts(found, drafted, parts)),
    fullIds: postedIds(parent, droppedIds, ids),
    cause: parent === null
      ? causeOfRoot(session, found.chain, found.lineage, found.branchKey)
      : causeBelow(session, parent),
    branchKey: found.branchKey,
    messages: parent === null ? found.messages : found.messages.slice(coveredMessages),
    encodedTokens,
    repeats: null,
    ambiguity: ambiguityOf(found),
    reasoningOpen: prompt.trimEnd().endsWith("<think>"),
    promptTail: prompt.slice(-PROMPT_TAIL_UNITS),
    prepared,
    record: record(session, found, prompt.length, promptHash),
  };
}

/** Closing of the parent's turn, then prompt, with the client's own assistant messages in it. */
function textParts(found: Located, drafted: Draft, { renderer }: PlanParts): TextPart[] {
  const { prompt, extension, coveredMessages } = drafted;
  const { settings, messages } = found;
  const length = extension?.text.length ?? prompt.length;
  const offset = prompt.length - length;
  const parts: TextPart[] = [];
  let at = extension?.closingUnits ?? 0;
  if (extension !== null) parts.push({ endUnit: at, provenance: extension.closingProvenance });
  for (
    const { start, end } of foreignSpans({ renderer, settings, messages, prompt, from: coveredMessages })
  ) {
    const from = Math.max(start - offset, at);
    at = Math.max(end - offset, from);
    parts.push({ endUnit: from, provenance: "p" }, { endUnit: at, provenance: "f" });
  }
  return [...parts, { endUnit: length, provenance: "p" }];
}

function common(session: Session, { lineage, answered }: Located) {
  const { matched, candidates } = lineage;
  return { sessionId: session.id, serial: session.nextPlanSerial(), matched, candidates, answered };
}

function ambiguityOf({ lineage }: Located): Ambiguity | null {
  return lineage.candidates > 1 ? "lineage" : null;
}

function record(session: Session, found: Located, promptUnits: number, promptHash: string): PlanRecord {
  const { chain, requestKey, settings, lineage } = found;
  return {
    chain,
    requestKey,
    promptUnits,
    promptHash,
    plannedAfterTurns: session.turns.length,
    coveredMessages: lineage.coveredMessages,
    settings,
  };
}
