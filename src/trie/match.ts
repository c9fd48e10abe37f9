/**
 * What look-ups have in common, whichever implementation answers.
 *
 * @module
 */
import type { MatchReason, TrieStats } from "./token_trie.ts";

/** What a point may be used for. The WASM core uses the same bits. */
export const PointFlag = {
  /** Text may be cut here and continued with newly encoded text. */
  SPLICE: 1,
  /** An inserted text ends here. */
  INSERTED: 2,
  /** The text stands for fewer tokens than the segment has: it leaves out a trailing stop token. */
  TRIMMED: 4,
  /** Counts as an entry: every inserted text but the further keys of a segment. */
  ENTRY: 8,
  /** An inserted text ends here that leaves out what no cut can: it is found, and never continued. */
  RETRIEVE_ONLY: 16,
} as const;

/** The questions a text is looked up with. The WASM core uses the same numbers. */
export const LookupMode = { LONGEST: 0, RETRIEVE: 1, CONTINUE: 2 } as const;
export type LookupMode = (typeof LookupMode)[keyof typeof LookupMode];

/**
 * Reason of an answer that uses `spliceBytes` of the `matchedBytes` that stored text shares with the query; `evicted`: the
 * query begins with a longer text that has left.
 */
export function matchReason(
  queryBytes: number,
  matchedBytes: number,
  spliceBytes: number,
  evicted: boolean,
): MatchReason {
  if (queryBytes === 0) return "empty";
  if (evicted) return "evicted";
  if (matchedBytes === 0) return "no match";
  return spliceBytes === matchedBytes ? "hit" : "not at a splice point";
}

const NOTHING_COUNTED = {
  misses_by_reason: { "evicted": 0, "no match": 0, "not at a splice point": 0, "empty": 0 },
  hits_by_reason: { "hit": 0, "evicted": 0, "not at a splice point": 0 },
};

type HitReason = keyof TrieStats["hits_by_reason"];
/** What of look-ups a snapshot keeps. */
export type LookupCounts = Pick<TrieStats, "misses_by_reason" | "hits_by_reason">;

/** Counts look-ups. A hit is a look-up that found tokens, whatever the reason it stopped there. */
export class LookupCounters {
  /** Hits that use all that stored text shares with the query: by far the most, so they have a field of their own. */
  #wholeHits: number;
  readonly #hits: Record<HitReason, number>;
  readonly #misses: Record<Exclude<MatchReason, "hit">, number>;

  /** Counts on from `counted`. */
  constructor(counted: LookupCounts = NOTHING_COUNTED) {
    this.#wholeHits = counted.hits_by_reason.hit;
    this.#hits = { ...counted.hits_by_reason };
    this.#misses = { ...counted.misses_by_reason };
  }

  count(found: boolean, reason: MatchReason): void {
    if (reason === "hit") this.#wholeHits++;
    else if (found) this.#hits[reason as HitReason]++;
    else this.#misses[reason]++;
  }

  stats(): LookupCounts & Pick<TrieStats, "hits" | "misses"> {
    const hits_by_reason = { ...this.#hits, hit: this.#wholeHits };
    const misses_by_reason = { ...this.#misses };
    return { hits: sum(hits_by_reason), misses: sum(misses_by_reason), misses_by_reason, hits_by_reason };
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
