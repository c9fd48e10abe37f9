/**
 * The memory map and the layout of every record. All state of the trie is here, in linear memory: there are no mutable
 * globals and no managed objects, so the memory image is the whole trie.
 *
 *   0        64       512      1024   6144      7432     7936     9088     16384
 *   +--------+--------+--------+------+---------+--------+--------+--------+------------------------ … --+
 *   | unused | Header | Result | Bins | scratch | unused | tables | unused | arena: blocks, see arena.ts |
 *   +--------+--------+--------+------+---------+--------+--------+--------+------------------------ … --+
 *
 * The build reserves the first RESERVED_BYTES (`--memoryBase`); the arena uses only pages that it has grown itself.
 * References are addresses (u32), 0 means none: a class-typed field below is such a reference, never a managed object.
 */

/** Address of the one {@link Header}. */
export const HEADER: usize = 64;
/** Address of the one {@link Result}. */
export const RESULT: usize = 512;
/** Address of the arena's bins. */
export const BINS: usize = 1024;
/** Where evicted.ts keeps words of a text, and a block of it with 8 bytes before. */
export const EVICTED_WORDS: usize = 6144;
export const GATHERED: usize = 6400;
/** Tables of digits.ts: 72 x 16 bytes. */
export const DIGIT_ORDERS: usize = 7936;
/** Bytes below the arena, for the build's `--memoryBase`. */
export const RESERVED_BYTES: usize = 16384;

/** Bits of {@link Point.flags}: text may be cut here and continued. */
export const SPLICE: u32 = 1;
/** An inserted text ends here. */
export const INSERTED: u32 = 2;
/** The text stands for fewer tokens than the segment has. */
export const TRIMMED: u32 = 4;
/** Counts as an entry. */
export const ENTRY: u32 = 8;
/** An inserted text ends here that leaves out what no cut can: it is found, and never continued. */
export const RETRIEVE_ONLY: u32 = 16;

/** Scopes of samples: nothing was sampled; sampled without a scope; of several scopes. Others are ids from 3 on. */
export const SCOPE_NONE: u32 = 0;
export const SCOPE_UNNAMED: u32 = 1;
export const SCOPE_MIXED: u32 = 2;

/** Why segments leave: index into {@link Header}'s counters. */
export const CAUSE_LRU: u32 = 0;
export const CAUSE_VERSION: u32 = 1;
export const CAUSE_REMOVED: u32 = 2;
/** An operation that failed half-way takes back what it made: counted nowhere. */
export const CAUSE_UNDONE: u32 = 3;

/** Bytes of text copied or hashed that count as one unit of {@link Header.work} (a shift): 8 KiB. */
export const WORK_SHIFT: u32 = 13;

/** How a segment holds its logprobs: 0 for mask 0 and NaN for mask 1; as f32; as f64. */
export const LOGPROBS_DEFAULT: u32 = 0;
export const LOGPROBS_F32: u32 = 1;
export const LOGPROBS_F64: u32 = 2;

/** Text that the labels of one or more nodes point into.
 *
 *    0      4      8
 *    +------+------+----------- … -+
 *    | refs | live | text          |
 *    +------+------+----------- … -+
 */
@unmanaged
export class TextBlock {
  /** Nodes whose labels lie here. */
  refs: u32;
  /** Bytes in use by those labels. */
  live: u32;
}
export const TEXT_OF_BLOCK: usize = 8;

/** A node of the radix trie. Its text is the labels from the root down to and with its own.
 *
 *    0        4       8       12         16         20       24        28
 *    +--------+-------+-------+----------+----------+--------+---------+
 *    | parent | block | label | labelLen | children | points | holders |
 *    +--------+-------+-------+----------+----------+--------+---------+
 *
 * The label is an address inside `block`; the root has neither. Without points a node other than the root has two or
 * more children.
 */
@unmanaged
export class Node {
  parent: Node = none<Node>();
  block: TextBlock = none<TextBlock>();
  label: usize;
  labelLen: u32;
  /** Their table and its kind: see children.ts. */
  children: usize;
  /** Points at this text, newest first. */
  points: Point = none<Point>();
  /** Workers that hold this text: see holders.ts. */
  holders: usize;
}

/** A run of tokens that one event added; its payload follows the record.
 *
 *    0        4       8      12         16     24      28      32          36      40       44
 *    +--------+-------+------+----------+------+-------+-------+-----------+-------+--------+-----------+--
 *    | parent | count | base | spans    | tick | stamp | equal | pathScope | scope | points | traverse  |
 *    |        |       |      | AndKind  | u64  |       |       |           |       |        | Version   |
 *    +--------+-------+------+----------+------+-------+-------+-----------+-------+--------+-----------+--
 *    48           52            56            60      64      68     72      76        80
 *  --+------------+-------------+-------------+-------+-------+------+-------+---------+
 *    | firstChild | nextSibling | prevSibling | newer | older | pins | holds | heapPos |
 *  --+------------+-------------+-------------+-------+-------+------+-------+---------+
 *    80
 *  --+------------------+-------------------------+-------------------+
 *    | ids: u32 a token | logprobs: f32 or f64 or | spans, 8 B each:  |
 *    |                  | nothing a token         | see segments.ts   |
 *  --+------------------+-------------------------+-------------------+
 *
 * What a look-up touches comes first, so that it lies in one or two lines of the processor's cache.
 */
@unmanaged
export class Segment {
  /** What this continues; none at the root. The tokens of the path before this are some of its first ones. */
  parent: Segment = none<Segment>();
  /** Own tokens. */
  count: u32;
  /** Tokens of the path before the own. */
  base: u32;
  /** Number of spans, and how logprobs are held: see segments.ts. */
  spansAndKind: u32;
  /** When it was last used. */
  tick: u64;
  /** Operation that wrote `equal`. */
  stamp: u32;
  /** Own tokens that equal those of the operation. */
  equal: u32;
  /** Scope of all samples on the path. */
  pathScope: u32;
  scope: u32;
  /** Places of this segment, newest first. */
  points: Point = none<Point>();
  /** Newest integer version that passed through, or -1. At least its children's. */
  traverseVersion: i32;
  firstChild: Segment = none<Segment>();
  nextSibling: Segment = none<Segment>();
  prevSibling: Segment = none<Segment>();
  /** All segments, in order of creation: a parent is older than its children. */
  newer: Segment = none<Segment>();
  older: Segment = none<Segment>();
  /** Pins on this segment. */
  pins: u32;
  /** Pins, and children with holds. */
  holds: u32;
  /** Place in the eviction heap from 1; 0: not there. */
  heapPos: u32;
}
/** Where a segment's ids begin. */
export const IDS_OF_SEGMENT: usize = offsetof<Segment>();

/** A place in a stored sequence that a text leads to.
 *
 *    0         4      8      12      16           20           24              28      32       40
 *    +---------+------+------+-------+------------+------------+---------------+-------+--------+
 *    | segment | node | kept | flags | nextAtNode | prevAtNode | nextOfSegment | index | serial |
 *    +---------+------+------+-------+------------+------------+---------------+-------+--------+
 *
 * A free point has serial 0, and `nextAtNode` links to the next free one. Points never move, and their memory serves
 * nothing else: so a handle (index, serial) can always be checked.
 */
@unmanaged
export class Point {
  segment: Segment = none<Segment>();
  node: Node = none<Node>();
  /** How many of the segment's tokens lie before it. */
  kept: u32;
  flags: u32;
  nextAtNode: Point = none<Point>();
  prevAtNode: Point = none<Point>();
  nextOfSegment: Point = none<Point>();
  index: u32;
  serial: u64;
}

/** Everything that is not a record of its own. */
@unmanaged
export class Header {
  root: Node = none<Node>();
  /** Bounds. */
  maxTokens: u32;
  maxBytes: u32;
  gcThresholdK: u32;
  /** Sizes. */
  tokens: u32;
  entries: u32;
  segments: u32;
  nodes: u32;
  pins: u32;
  heldTokens: u32;
  /** Segments by age; where a sliced collection goes on. */
  newest: Segment = none<Segment>();
  oldest: Segment = none<Segment>();
  gcCursor: Segment = none<Segment>();
  newestVersion: i32;
  /** Limit of the last collection that a full cache caused. */
  collectedLimit: i32;
  /** Operation counter for `Segment.stamp`. */
  stamp: u32;
  /** Eviction heap: 1-based array of entries, see heap.ts. */
  heap: usize;
  heapLen: u32;
  heapCap: u32;
  /** Points: directory of chunks, list of free ones. */
  chunks: usize;
  chunkCount: u32;
  chunkCap: u32;
  freePoint: Point = none<Point>();
  /** Scopes: number of segments of each. */
  scopeRefs: usize;
  scopeCap: u32;
  /** Windows. */
  input: usize;
  inputCap: u32;
  output: usize;
  outputCap: u32;
  windowBytes: u32;
  /** Arena: see arena.ts. */
  firstRegion: usize;
  lastRegion: usize;
  arenaEnd: usize;
  usedBytes: u32;
  freeBytes: u32;
  arenaBytes: u32;
  /** Results of `walk`: bytes shared with the query, and text length of the deepest whole node. */
  walkMatched: u32;
  walkDepth: u32;
  /** Merges that found no memory: nodes with one child and no point are right then. */
  mergesSkipped: u32;
  /** Bytes of the text in the input window that the trie is known to have; the host sets it to 0 when it writes one. */
  known: u32;
  tick: u64;
  serial: u64;
  evictedLru: u64;
  evictedVersion: u64;
  evictedRemoved: u64;
  /** Fault injection, for tests: allocations until one fails (0: never); whether all after it fail; that one did. */
  faultIn: u32;
  faultStays: u32;
  faulted: u32;
  /** Holders: workers are below this; stamp of the last mark; for each worker the last stamp before it was removed. */
  workers: u32;
  holderStamp: u32;
  removedAt: usize;
  /** Evicted texts, see evicted.ts: the table, or 0; texts it remembers; texts remembered so far. */
  evicted: usize;
  evictedCap: u32;
  evictedCount: u32;
  /** Their lengths as powers of two at or below: a bit each. */
  evictedLengths: u32;
  /** Parts of a turn of the ring so far. */
  evictedEpoch: u32;
  /** Where the next eviction is likely to end, or none: its depth, sum of whole blocks, first bytes of its text. */
  pathNode: Node = none<Node>();
  pathDepth: u32;
  /** Limit of the collection that a full cache began and has not come to the end of. */
  collectingLimit: i32;
  /** Units of work of a slice: see reclaim.ts. */
  work: u32;
  pathSum: u64;
  pathFirst: u64;
}

/** What an operation answers, besides the output window. */
@unmanaged
export class Result {
  /** Of the path found; of what was refused. */
  tokens: u32;
  matchedBytes: u32;
  spliceBytes: u32;
  units: u32;
  candidates: u32;
  /** Handle; index is NO_POINT when there is none. */
  index: u32;
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

/** The reference that refers to nothing. */
// @ts-ignore: decorator
@inline
export function none<T>(): T {
  return changetype<T>(0);
}

// @ts-ignore: decorator
@inline
export function exists<T>(reference: T): bool {
  return changetype<usize>(reference) != 0;
}
