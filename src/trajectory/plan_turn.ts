/**
 * From messages to the ids that are POSTed.
 *
 * Tokens are the truth: the prompt of a conversation that goes on is its parent's ids and the ids of the text behind them. The
 * template is rendered over the whole history, with the router's own copies of its assistant messages, for only so does one see
 * whether it still stands; nothing of the history is encoded again.
 *
 * @module
 */
import { closingOf } from "./closing.ts";
import { type Draft, draft } from "./draft.ts";
import { encodeContinuation, type EncodedPrompt, encodeWhole, settlePrompt } from "./encode_prompt.ts";
import { foreignSpans } from "./foreign_parts.ts";
import { causeBelow, causeOfRoot } from "./fork_cause.ts";
import { locate, type Located, repeatedTurn } from "./locate.ts";
import { joinedIds, openingIdsOf, type OpenPrompt, openPrompt } from "./opening.ts";
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
  const { opened } = found;
  if (opened?.turn) return reopenedPlan(session, found, opened.turn, parts);
  const open = opened === null ? null : openPrompt(found, opened.message, parts);
  const drafted = draft(session, found, parts, open);
  const encoded = drafted.extension === null
    ? await encodeWhole(parts, drafted.prompt, session.id, signal)
    : await encodeContinuation(parts, drafted.extension.text, signal);
  const plan = assemble(session, found, drafted, encoded, parts);
  return open === null ? plan : await withForeignOpening(plan, found, open, parts, signal);
}

/** The same prompt again, to the id. */
function repeatedPlan(session: Session, found: Located, repeats: Turn, parts: PlanParts): TurnPlan {
  const { parent, droppedIds, promptIds, promptRuns, messages, reopensParent } = repeats;
  const ids = openingIdsOf(repeats);
  return {
    ...knownPrompt(session, found, repeats, postedIds(parent, droppedIds, promptIds), ids, parts),
    parent,
    droppedIds,
    promptIds,
    promptRuns,
    opening: found.opened === null ? null : { message: found.opened.message, ids, reopensParent },
    cause: "retry",
    suffix: null,
    messages,
    repeats,
    ambiguity: session.index.ofRequest(found.requestKey).some((turn) => turn.isDelivered)
      ? "retry"
      : ambiguityOf(found),
  };
}

/** The tokens of a turn, less its stop token, for its reply to go on. */
function reopenedPlan(session: Session, found: Located, turn: Turn, parts: PlanParts): TurnPlan {
  const droppedIds = endsInStop(session, found, turn, parts) ? 1 : 0;
  const words = turn.outputIds.subarray(0, turn.outputIds.length - droppedIds);
  const ids = joinedIds([openingIdsOf(turn), words]);
  return {
    ...knownPrompt(session, found, turn, postedIds(turn, droppedIds, new Uint32Array()), ids, parts),
    parent: turn,
    droppedIds,
    promptIds: new Uint32Array(),
    promptRuns: [],
    opening: { message: turn.reply, ids, reopensParent: true },
    cause: causeBelow(session, turn),
    suffix: "verbatim",
    messages: [],
    repeats: null,
    ambiguity: ambiguityOf(found),
  };
}

/** Whether the turn's last id ended it. A special one that a limit fell behind may be a delimiter within the message. */
function endsInStop(session: Session, { settings }: Located, turn: Turn, { tokenizer, renderer }: PlanParts) {
  const { endsWithStop } = session.index.factsOf(turn);
  if (!endsWithStop || turn.status === "completed") return endsWithStop;
  return closingOf(renderer, settings).startsWith(tokenizer.decode(turn.outputIds.subarray(-1)));
}

/** What plans have in common that encode nothing: the text before the reply is the one of `turn`. */
function knownPrompt(
  session: Session,
  found: Located,
  turn: Turn,
  fullIds: Uint32Array,
  openingIds: Uint32Array,
  { tokenizer }: PlanParts,
) {
  const { reasoningOpen, promptUnits, promptHash } = session.index.factsOf(turn);
  const before = fullIds.subarray(0, fullIds.length - openingIds.length);
  return {
    ...common(session, found),
    fullIds,
    hasCallsAsText: false,
    branchKey: turn.branchKey,
    encodedTokens: 0,
    reasoningOpen,
    promptTail: tailOf(tokenizer.decode(before.subarray(-PROMPT_TAIL_IDS))),
    prepared: null,
    record: record(session, found, promptUnits, promptHash),
  };
}

/** A plan whose prompt ends with words of the client's. What the cache lent is given back: a sample does not follow it. */
async function withForeignOpening(
  plan: TurnPlan,
  { opened }: Located,
  { opening }: OpenPrompt,
  parts: PlanParts,
  signal?: AbortSignal,
): Promise<TurnPlan> {
  await settlePrompt(parts, plan, null);
  const { ids } = await encodeContinuation(parts, opening, signal);
  const { promptRuns, encodedTokens } = plan;
  return {
    ...plan,
    promptIds: joinedIds([plan.promptIds, ids]),
    promptRuns: ids.length === 0 ? promptRuns : [...promptRuns, { tokens: ids.length, provenance: "f" }],
    opening: { message: opened!.message, ids, reopensParent: false },
    fullIds: joinedIds([plan.fullIds, ids]),
    encodedTokens: encodedTokens + ids.length,
    prepared: null,
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
    opening: null,
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
