/**
 * Which turn a request continues, as far as its messages tell.
 *
 * @module
 */
import { reasoningAgrees, toolCallIds } from "./canonical.ts";
import type { MessageChain } from "./message_chain.ts";
import { pathMessages } from "./path.ts";
import type { Session } from "./session.ts";
import type { Turn } from "./turn.ts";
import type { RequestKey } from "./turn_index.ts";

/** Where a request's messages lead to. */
export interface Lineage {
  /** The deepest turn whose conversation the request begins with; null: none. */
  readonly matched: Turn | null;
  /** That turn was rendered with the same tools, arguments and date. */
  readonly isSameBranch: boolean;
  /** Messages of the request that the matched turn's path covers. */
  readonly coveredMessages: number;
  /** Turns that the request could mean as well, the matched one and retried ones included; 0: none matched. */
  readonly candidates: number;
}

/** What a request tells besides its messages. */
export interface LineageHints {
  readonly branchKey: string;
  /** Key of the request: a turn that it continued before is the one that is meant. Default: the newest is. */
  readonly requestKey?: RequestKey;
  /** The turn that the client says it continues. */
  readonly parentTurnId?: string;
}

/**
 * Finds the turn. The deepest place counts; at one place: the turn that the client names, one whose tool calls have the ids that the
 * client sends, one of the same branch, one that this very request continued before, one that was delivered; the newest of those.
 */
export function findLineage(session: Session, chain: MessageChain, hints: LineageHints): Lineage {
  for (const { index, hash } of chain.assistantPlaces()) {
    const equal = session.index.endingAt(hash).filter((turn) => agreesWithPath(turn, chain));
    if (equal.length === 0) continue;
    const possible = narrow(session, equal, chain, index, hints);
    const meant = kept(possible, (turn) => turn.isDelivered && !turn.isSuperseded);
    const matched = meant[meant.length - 1]!;
    return {
      matched,
      isSameBranch: matched.branchKey === hints.branchKey,
      coveredMessages: index + 1,
      // A reply that was retried may still be the one that somebody goes on with.
      candidates: Math.max(meant.length, possible.filter(({ isDelivered }) => isDelivered).length),
    };
  }
  return { matched: null, isSameBranch: true, coveredMessages: 0, candidates: 0 };
}

/** What the request tells of turns that have the same messages. */
function narrow(
  session: Session,
  turns: readonly Turn[],
  chain: MessageChain,
  index: number,
  { branchKey, requestKey, parentTurnId }: LineageHints,
): readonly Turn[] {
  const ids = toolCallIds(chain.messages[index]!).filter((id) => id !== null);
  const hasIds = (turn: Turn) => ids.length > 0 && ids.every((id) => session.index.byToolCall(id) === turn);
  const asked = requestKey === undefined ? [] : session.index.ofRequest(requestKey);
  const wasAsked = new Set(asked.map((turn) => session.index.factsOf(turn).matched));
  const steps: ((turn: Turn) => boolean)[] = [
    (turn) => turn.id === parentTurnId,
    hasIds,
    (turn) => turn.branchKey === branchKey,
    (turn) => wasAsked.has(turn),
  ];
  return steps.reduce(kept, turns);
}

/** The turns that a step speaks for, or all when it speaks for none. */
function kept(turns: readonly Turn[], speaksFor: (turn: Turn) => boolean): readonly Turn[] {
  const left = turns.filter(speaksFor);
  return left.length > 0 ? left : turns;
}

/** Whether reasoning that the client sends is the model's own, in every assistant message of the path. */
function agreesWithPath(turn: Turn, chain: MessageChain): boolean {
  return pathMessages(turn).every((own, index) =>
    own.role !== "assistant" || reasoningAgrees(own, chain.messages[index]!)
  );
}
