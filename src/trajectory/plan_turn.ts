/**
 * From messages to the ids that are POSTed.
 *
 * Tokens are the truth: the prompt of a conversation that goes on is its parent's ids and the ids of the text behind them. The
 * template is rendered over the whole history, with the router's own copies of its assistant messages, for only so does one see
 * whether it still stands; nothing of the history is encoded again.
 *
 * @module
 */
import { type Draft, draft } from "./draft.ts";
import { encodeContinuation, type EncodedPrompt, encodeWhole } from "./encode_prompt.ts";
import { foreignSpans } from "./foreign_parts.ts";
import { causeBelow, causeOfRoot } from "./fork_cause.ts";
import { locate, type Located, repeatedTurn } from "./locate.ts";
import { postedIds } from "./path.ts";
import {
  type Ambiguity,
  type ChatRequest,
  type PlanParts,
  type PlanRecord,
  PROMPT_TAIL_UNITS,
  type TurnPlan,
} from "./plan.ts";
import { promptRuns, type TextPart } from "./provenance_runs.ts";
import type { Session } from "./session.ts";
import { pathOf, type Turn } from "./turn.ts";

/**
 * Plans a turn. Nothing is written to the session: a plan that comes to nothing leaves no trace. Hold `session.begin()` from
 * before the plan until after the commit.
 *
 * @throws {ChatTemplateError} when the template refuses the messages
 * @throws {SessionFinishedError | SessionLimitError | IdempotencyConflictError} when the session refuses the turn
 * @throws {TypeError} without messages
 *
 * @example
 * ```ts ignore
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
  if (repeats !== null) return repeatedPlan(session, found, repeats, parts);
  const drafted = draft(session, found, parts);
  const encoded = drafted.extension === null
    ? await encodeWhole(parts, drafted.prompt, session.id, signal)
    : await encodeContinuation(parts, drafted.extension.text, signal);
  return assemble(session, found, drafted, encoded, parts);
}

/** The same prompt again, to the id. */
function repeatedPlan(session: Session, found: Located, repeats: Turn, { tokenizer }: PlanParts): TurnPlan {
  const facts = session.index.factsOf(repeats);
  const { parent, droppedIds, promptIds, promptRuns, branchKey, messages } = repeats;
  const fullIds = postedIds(parent, droppedIds, promptIds);
  return {
    ...common(session, found),
    parent,
    droppedIds,
    promptIds,
    promptRuns,
    fullIds,
    cause: "retry",
    hasCallsAsText: false,
    suffix: null,
    branchKey,
    messages,
    encodedTokens: 0,
    repeats,
    ambiguity: session.index.ofRequest(found.requestKey).some((turn) => turn.isDelivered)
      ? "retry"
      : ambiguityOf(found),
    reasoningOpen: facts.reasoningOpen,
    promptTail: tailOf(tokenizer.decode(fullIds.subarray(-PROMPT_TAIL_IDS))),
    prepared: null,
    record: record(session, found, facts.promptUnits, facts.promptHash),
  };
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
    hasCallsAsText: drafted.hasCallsAsText,
    suffix: drafted.suffix,
    branchKey: found.branchKey,
    messages: parent === null ? found.messages : found.messages.slice(coveredMessages),
    encodedTokens,
    repeats: null,
    ambiguity: ambiguityOf(found),
    reasoningOpen: prompt.trimEnd().endsWith("<think>"),
    promptTail: tailOf(prompt),
    prepared,
    record: record(session, found, prompt.length, promptHash),
  };
}

/** Ids that have the tail of a prompt among them: an id has a byte or more, a UTF-16 unit at most three. */
const PROMPT_TAIL_IDS = 3 * PROMPT_TAIL_UNITS;

function tailOf(prompt: string): string {
  return prompt.slice(-PROMPT_TAIL_UNITS);
}

/** Closing of the parent's turn, then prompt, with the client's own assistant messages in it. */
function textParts(found: Located, drafted: Draft, { renderer }: PlanParts): TextPart[] {
  const { prompt, extension, coveredMessages } = drafted;
  const { settings, messages, lineage } = found;
  // A prompt that begins anew has the client's earlier words in it, too.
  const from = extension === null ? 0 : coveredMessages;
  const own = new Set(lineage.matched === null ? [] : pathOf(lineage.matched).map(({ reply }) => reply));
  const length = extension?.text.length ?? prompt.length;
  const offset = prompt.length - length;
  const parts: TextPart[] = [];
  let at = extension?.closingUnits ?? 0;
  if (extension !== null) parts.push({ endUnit: at, provenance: extension.closingProvenance });
  for (const { start, end } of foreignSpans({ renderer, settings, messages, prompt, from, own })) {
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
