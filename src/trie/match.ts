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

/** Reason of an answer that uses `spliceBytes` of the `matchedBytes` that stored text shares with the query. */
export function matchReason(queryBytes: number, matchedBytes: number, spliceBytes: number): MatchReason {
  if (queryBytes === 0) return "empty";
  if (matchedBytes === 0) return "no match";
  return spliceBytes === matchedBytes ? "hit" : "not at a splice point";
}

const NOTHING_COUNTED = {
  hits: 0,
  misses_by_reason: { "no match": 0, "not at a splice point": 0, "empty": 0 },
};

/** Counts look-ups. A hit is a look-up that found tokens, whatever the reason it stopped there. */
export class LookupCounters {
  #hits: number;
  readonly #missesByReason: Record<Exclude<MatchReason, "hit">, number>;

  /** Counts on from `counted`. */
  constructor(counted: Pick<TrieStats, "hits" | "misses_by_reason"> = NOTHING_COUNTED) {
    this.#hits = counted.hits;
    this.#missesByReason = { ...counted.misses_by_reason };
  }

  count(found: boolean, reason: MatchReason): void {
    if (found) this.#hits++;
    else if (reason !== "hit") this.#missesByReason[reason]++;
  }

  stats(): Pick<TrieStats, "hits" | "misses" | "misses_by_reason"> {
    const by = this.#missesByReason;
    const misses = by["no match"] + by["not at a splice point"] + by.empty;
    return { hits: this.#hits, misses, misses_by_reason: { ...by } };
  }
}
