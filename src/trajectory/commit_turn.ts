/**
 * From an engine's reply to a turn: checked first, then recorded at once and whole.
 *
 * @module
 */
import type { FinishReason, SampledOutput } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { JsonObject } from "../types.ts";
import { sameReasoning } from "./canonical.ts";
import { replyHashOf } from "./fork_cause.ts";
import { withOpening } from "./opening.ts";
import type { TurnPlan } from "./plan.ts";
import { postedHashAfter } from "./posted_hash.ts";
import { RecordedTurn } from "./recorded_turn.ts";
import { endsWithStopToken } from "./sampled_text.ts";
import type { Session } from "./session.ts";
import type { ForkCause, SampledRun, Turn, TurnStatus } from "./turn.ts";
import type { TurnFacts } from "./turn_index.ts";
import { turnBytes } from "./turn_bytes.ts";

/** What a commit needs besides the reply. */
export interface CommitParts {
  readonly tokenizer: Tokenizer;
  /** Wall clock, milliseconds. */
  readonly epochMs: () => number;
}

/** Options of {@link commitTurn}. */
export interface CommitOptions {
  /** The key that came with the request: a second commit under it gives the first one's turn. */
  readonly idempotencyKey?: string;
}

/** Why nothing was recorded; a metric label. */
export type CommitRefusal =
  | "session" // it was finished, removed, or is full
  | "prompt" // the plan's prompt does not begin with the parent's ids
  | "inconsistent reply" // ids, logprobs, versions and counts contradict one another
  | "prompt count" // the engine counted another number of prompt tokens than were sent
  | "unknown token"; // the tokenizer has no such id: router and engine differ

/** What became of a reply. */
export type TurnCommit =
  | { readonly ok: true; readonly turn: Turn; readonly isNew: boolean }
  | { readonly ok: false; readonly reason: CommitRefusal; readonly detail: string };

/**
 * Records what an engine sampled after `plan.fullIds`. Several outputs of one plan become siblings. On a refusal the session is as it
 * was. Atomic: there is no `await` in it.
 *
 * @param sampled the assistant message that the client gets: behind the words that it goes on with, it is the turn's reply
 */
export function commitTurn(
  session: Session,
  plan: TurnPlan,
  output: SampledOutput,
  sampled: JsonObject,
  parts: CommitParts,
  options: CommitOptions = {},
): TurnCommit {
  const { idempotencyKey } = options;
  if (idempotencyKey !== undefined) {
    const known = session.turnOfKey(idempotencyKey, plan.record.requestKey);
    if (known !== null) return { ok: true, turn: known, isNew: false };
  }
  const refusal = refuse(session, plan, output, parts.tokenizer);
  if (refusal !== null) return { ok: false, ...refusal };
  const reply = plan.opening === null ? sampled : withOpening(plan.opening.message, sampled);
  const twin = plan.repeats ?? sampleOf(session, plan);
  const turn = new RecordedTurn(turnOf(session, plan, output, reply, parts), twin);
  const { chain, coveredMessages } = plan.record;
  session.add({
    turn,
    facts: factsOf(plan, turn, output, parts),
    places: {
      chainEnd: chain.with(reply),
      prefixes: chain.range(coveredMessages),
      replyHash: replyHashOf(reply),
    },
    sizeBytes: turnBytes(turn, {
      sharesPrompt: twin !== null,
      knownMessages: coveredMessages,
      idempotencyKey: idempotencyKey ?? null,
    }),
    chain,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  return { ok: true, turn, isNew: true };
}

/**
 * The last byte of the turn's reply was handed to the client. Turns of the same request that were there when this one was planned,
 * and that nobody has continued, are superseded. Turns that were generated at the same time are samples, and stay.
 */
export function markDelivered(session: Session, turn: Turn): void {
  const { index } = session;
  const { requestPath: path, matched, plannedAfterTurns } = index.factsOf(turn);
  turn.isDelivered = true;
  for (const other of index.ofRequest({ branchKey: turn.branchKey, path })) {
    const facts = index.factsOf(other);
    const isEarlier = other.index < plannedAfterTurns && facts.matched === matched;
    if (!isEarlier || !sameReasoning(other.messages, turn.messages)) continue;
    if (!facts.isExtended) other.isSuperseded = true;
  }
}

function turnOf(
  session: Session,
  plan: TurnPlan,
  output: SampledOutput,
  reply: JsonObject,
  { epochMs }: CommitParts,
): Turn {
  const { parent, droppedIds, promptIds, promptRuns, opening, branchKey, messages } = plan;
  const reopensParent = opening?.reopensParent ?? false;
  return {
    id: session.newTurnId(),
    index: session.turns.length,
    parent,
    droppedIds,
    promptIds,
    promptRuns,
    openingTokens: opening === null || reopensParent ? 0 : opening.ids.length,
    reopensParent,
    outputIds: output.tokenIds,
    logprobs: output.logprobs,
    sampledRuns: sampledRuns(output),
    cause: causeNow(session, plan),
    status: statusOf(output.finishReason),
    // Equal keys are one string.
    branchKey: parent?.branchKey === branchKey ? parent.branchKey : branchKey,
    messages,
    reply,
    postedHash: postedHashAfter(parent, droppedIds, promptIds),
    committedMs: epochMs(),
    isDelivered: false,
    isSuperseded: false,
  };
}

function factsOf(plan: TurnPlan, turn: Turn, output: SampledOutput, { tokenizer }: CommitParts): TurnFacts {
  const { chain, requestKey, promptUnits, promptHash, plannedAfterTurns } = plan.record;
  const { matched, serial, reasoningOpen } = plan;
  const { finishReason } = output;
  const endsWithStop = endsWithStopToken(tokenizer, turn.outputIds, finishReason);
  return {
    messageCount: chain.length + 1,
    requestPath: requestKey.path,
    matched,
    promptUnits,
    promptHash,
    reasoningOpen,
    endsWithStop,
    mayHideWords: finishReason?.type === "stop" && !endsWithStop && typeof finishReason.matched !== "number",
    plannedAfterTurns,
    planSerial: serial,
    isExtended: false,
  };
}

/** A turn that is a sample of the same plan already. */
function sampleOf({ index }: Session, { serial, record }: TurnPlan): Turn | null {
  return index.ofRequest(record.requestKey).find((turn) => index.factsOf(turn).planSerial === serial) ?? null;
}

/** The plan's cause, in the light of what was committed since. */
function causeNow(session: Session, plan: TurnPlan): ForkCause | null {
  const { requestKey, plannedAfterTurns } = plan.record;
  const same = session.index.ofRequest(requestKey).filter((turn) =>
    session.index.factsOf(turn).matched === plan.matched
  );
  const isSibling = (turn: Turn) =>
    session.index.factsOf(turn).planSerial === plan.serial || turn.index >= plannedAfterTurns;
  if (same.some(isSibling)) return "best of n";
  if (plan.cause !== null || plan.parent === null) return plan.cause;
  return session.index.factsOf(plan.parent).isExtended ? "edit" : null;
}

function refuse(
  session: Session,
  plan: TurnPlan,
  output: SampledOutput,
  tokenizer: Tokenizer,
): { reason: CommitRefusal; detail: string } | null {
  const closed = session.refusal();
  if (closed !== null) return { reason: "session", detail: closed.message };
  const contradiction = output.inconsistency ?? contradictionOf(output);
  if (contradiction !== null) return { reason: "inconsistent reply", detail: contradiction };
  if (output.promptTokens !== null && output.promptTokens !== plan.fullIds.length) {
    const detail =
      `the engine counted ${output.promptTokens} prompt tokens, ${plan.fullIds.length} were sent`;
    return { reason: "prompt count", detail };
  }
  const unknown = output.tokenIds.find((id) => tokenizer.byteLength(id) < 0);
  if (unknown === undefined) return null;
  return { reason: "unknown token", detail: `the tokenizer has no token ${unknown}` };
}

function contradictionOf({ tokenIds, logprobs, completionTokens, versions }: SampledOutput): string | null {
  if (logprobs.length !== tokenIds.length) {
    return `${tokenIds.length} ids came with ${logprobs.length} logprobs`;
  }
  if (completionTokens !== null && completionTokens !== tokenIds.length) {
    return `the engine counted ${completionTokens} tokens, ${tokenIds.length} ids came`;
  }
  const versioned = versions.reduce((sum, { tokens }) => sum + tokens, 0);
  if (versions.length === 0 || versioned === tokenIds.length) return null;
  return `${tokenIds.length} ids came with versions for ${versioned}`;
}

/** Runs of the output; one without a version where the engine told none. */
function sampledRuns({ versions, tokenIds }: SampledOutput): SampledRun[] {
  const runs = versions.filter(({ tokens }) => tokens > 0);
  if (runs.length > 0 || tokenIds.length === 0) return [...runs];
  return [{ tokens: tokenIds.length, version: null }];
}

function statusOf(finish: FinishReason | null): TurnStatus {
  if (finish === null || finish.type === "abort") return "aborted";
  return finish.type === "length" ? "truncated" : "completed";
}
