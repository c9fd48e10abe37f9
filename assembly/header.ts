/**
 * The two records that are there once: the header, which is all of the trie that is no record of its own, and the result.
 */
import { HEADER, Node, none, Point, RESULT, Segment } from "./layout";

/**
 * Everything that is not a record of its own: first what goes when everything is forgotten, then what outlasts that. What
 * the code names most often lies below 64, where an address is one byte of it.
 */
@unmanaged
export class Header {
  root: Node = none<Node>();
  /** Sizes. */
  tokens: u32;
  entries: u32;
  segments: u32;
  pins: u32;
  heldTokens: u32;
  /** The ends of the list by last use; the segment that a sliced collection has looked at last. */
  newest: Segment = none<Segment>();
  oldest: Segment = none<Segment>();
  gcCursor: Segment = none<Segment>();
  /** List of free points. */
  freePoint: Point = none<Point>();
  /** Windows. */
  input: usize;
  output: usize;
  /** Evicted texts, see evicted.ts: the table, or 0. */
  evicted: usize;
  /** Where the next eviction is likely to end, or none: its depth, sum of whole blocks, first bytes of its text. */
  pathNode: Node = none<Node>();
  /** Holders: for each worker the last stamp before it was removed. */
  removedAt: usize;
  /** Units of work of a slice: see reclaim.ts. */
  work: u32;
  pathSum: u64;
  pathFirst: u64;
  pathDepth: u32;
  /** Evicted texts remembered so far; their lengths as powers of two at or below: a bit each; parts of a turn of the ring. */
  evictedCount: u32;
  evictedLengths: u32;
  evictedEpoch: u32;
  /** Workers are below this. */
  workers: u32;
  nodes: u32;
  /** The last use. */
  tick: u32;
  /** Limit of the last collection that a full cache caused. */
  collectedLimit: i32;
  /** Limit of the collection that a full cache began and has not come to the end of. */
  collectingLimit: i32;
  /** Points: number of the trie in handles, last chunk. */
  epoch: u32;
  chunk: usize;
  /** Scopes: number of segments of each. */
  scopeRefs: usize;
  scopeCap: u32;
  inputCap: u32;
  outputCap: u32;
  /** Results of `walk`: bytes shared with the query, and text length of the deepest whole node. */
  walkMatched: u32;
  walkDepth: u32;
  /** Merges that found no memory: nodes with one child and no point are right then. */
  mergesSkipped: u32;
  /** Bytes of the text in the input window that the trie is known to have; the host sets it to 0 when it writes one. */
  known: u32;
  /** Fault injection, for tests: allocations until one fails (0: never); whether all after it fail; that one did. */
  faultIn: u32;
  faultStays: u32;
  faulted: u32;

  /** Bounds. */
  maxTokens: u32;
  maxBytes: u32;
  gcThresholdK: u32;
  newestVersion: i32;
  /** Number of the operation, for what it has compared; of the last mark, see holders.ts. */
  stamp: u32;
  holderStamp: u32;
  /** Evicted texts that are remembered. */
  evictedCap: u32;
  /** Arena: see arena.ts. */
  firstRegion: usize;
  lastRegion: usize;
  arenaEnd: usize;
  arenaBytes: u32;
  usedBytes: u32;
  freeBytes: u32;
  windowBytes: u32;
  evictedLru: u64;
  evictedVersion: u64;
  evictedRemoved: u64;
}
/** Where the part ends that is forgotten. */
export const FORGOTTEN: usize = offsetof<Header>("maxTokens");

/** What an operation answers, besides the output window. */
@unmanaged
export class Result {
  /** Of the path found; of what was refused. */
  tokens: u32;
  matchedBytes: u32;
  spliceBytes: u32;
  units: u32;
  candidates: u32;
  /** Handle; the address is NO_POINT when there is none. */
  point: u32;
  serialLow: u32;
  serialHigh: u32;
  /** Addresses of what was asked for, in the output window; ids may lie in their segment. */
  ids: usize;
  logprobs: usize;
  lossMask: usize;
  versions: usize;
  digits: usize;
  digitsLen: u32;
  /** Collections and refusals. */
  removedEntries: u32;
  removedTokens: u32;
  heldTokens: u32;
  /** Bytes of one logprob at `logprobs`: 4 when they are read in place and held so. */
  logprobBytes: u32;
  /** Whether the query begins with an evicted text that is longer than what is found. */
  evicted: u32;
}

export const NO_POINT: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
export function header(): Header {
  return changetype<Header>(HEADER);
}

// @ts-ignore: decorator
@inline
export function result(): Result {
  return changetype<Result>(RESULT);
}
