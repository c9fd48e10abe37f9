/**
 * The memory map and the layout of every record but the two that are there once (header.ts). All state of the trie is
 * here, in linear memory: there are no mutable globals and no managed objects, so the memory image is the whole trie.
 *
 *   0        512      1024   6144      7472     7936     9088   9216   15360    16384
 *   +--------+--------+------+---------+--------+--------+------+------+--------+-------------- … --+
 *   | Header | Result | Bins | scratch | unused | tables |      | memo | unused | arena: arena.ts   |
 *   +--------+--------+------+---------+--------+--------+------+------+--------+-------------- … --+
 *
 * The build reserves the first RESERVED_BYTES (`--memoryBase`); the arena uses only pages that it has grown itself.
 * References are addresses (u32), 0 means none (no record that others refer to lies there): a class-typed field below is
 * such a reference, never a managed object.
 */

/** Address of the one {@link Header}. */
export const HEADER: usize = 0;
/** Address of the one {@link Result}. */
export const RESULT: usize = 512;
/** Address of the arena's bins. */
export const BINS: usize = 1024;
/** Where evicted.ts keeps words of a text, and a block of it with 8 bytes before. */
export const EVICTED_WORDS: usize = 6144;
export const GATHERED: usize = 6400;
/** Tables of digits.ts: 72 x 16 bytes. */
export const DIGIT_ORDERS: usize = 7936;
/** Where segments.ts unpacks spans. */
export const UNPACKED: usize = 7456;
/** What match.ts has compared in this operation. */
export const MEMO: usize = 9216;
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
 *    0        4             8          12       16        20      24      28
 *    +--------+-------------+----------+--------+---------+-------+-------+
 *    | parent | labelLen, 1 | children | points | holders | outer | block |    a label that lies in a text block
 *    +--------+-------------+----------+--------+---------+-------+-------+
 *    | parent | labelLen, 0 | children | points | holders | label … as far as the node's own block goes |
 *    +--------+-------------+----------+--------+---------+-------------- … ----------------------------+
 *               31 bits  1
 *
 * The root has no label. Without points a node other than the root has two or more children.
 */
@unmanaged
export class Node {
  parent: Node = none<Node>();
  labelWord: u32;
  /** Their table and its kind: see children.ts. */
  children: usize;
  /** Points at this text, newest first. */
  points: Point = none<Point>();
  /** Workers that hold this text: see holders.ts. */
  holders: usize;
  /** Address of a label inside `block`. */
  outer: usize;
  block: TextBlock = none<TextBlock>();

  // @ts-ignore: decorator
  @inline
  get labelLen(): u32 {
    return this.labelWord >>> 1;
  }

  /** Whether the label lies in a text block. */
  // @ts-ignore: decorator
  @inline
  get isOuter(): bool {
    return (this.labelWord & 1) != 0;
  }

  /** Address of the label. */
  get label(): usize {
    return labelOf(this);
  }
}
/** Where a node's own text begins. */
export const TEXT_OF_NODE: usize = 20;

/** What a segment has that continues another: lies before its record.
 *
 *   -16       -12    -8            -4            0
 *    +--------+------+-------------+-------------+----------
 *    | parent | base | nextSibling | prevSibling | Segment …
 *    +--------+------+-------------+-------------+----------
 */
@unmanaged
export class Continuation {
  /** What this continues. The tokens of the path before this are some of its first ones. */
  parent: Segment = none<Segment>();
  /** Tokens of the path before the own. */
  base: u32;
  next: Segment = none<Segment>();
  previous: Segment = none<Segment>();
}

/** A run of tokens that one event added; its payload follows the record.
 *
 *    0       4       8      12       16                20           24      28      32
 *    +-------+-------+------+--------+-----------------+------------+-------+-------+
 *    | count | facts | tick | points | traverseVersion | firstChild | older | newer |
 *    +-------+-------+------+--------+-----------------+------------+-------+-------+
 *    32
 *    +------------------+-------------------------+-------------------+---------------------+
 *    | ids: u32 a token | logprobs: f32 or f64 or | spans, packed:    | own scope: u32, if  |
 *    |                  | nothing a token         | see segments.ts   | it is no other fact |
 *    +------------------+-------------------------+-------------------+---------------------+
 *
 *   facts   0               2               4           5           7            32
 *           +---------------+---------------+-----------+-----------+------------+
 *           | LOGPROBS_ : 2 | SPANS_ : 2    | CONTINUES | OWN_ : 2  | path scope |
 *           +---------------+---------------+-----------+-----------+------------+
 */
@unmanaged
export class Segment {
  /** Own tokens. */
  count: u32;
  facts: u32;
  /** When it was last used: around the wrap, see recency.ts. */
  tick: u32;
  /** Places of this segment, newest first. */
  points: Point = none<Point>();
  /** Newest integer version that passed through, or -1. At least its children's. */
  traverseVersion: i32;
  firstChild: Segment = none<Segment>();
  /** Neighbours by last use, or holds and pins: see recency.ts. */
  older: Segment = none<Segment>();
  newer: Segment = none<Segment>();

  // @ts-ignore: decorator
  @inline
  get link(): Continuation {
    return changetype<Continuation>(changetype<usize>(this) - offsetof<Continuation>());
  }

  /** What this continues; none at the root. */
  get parent(): Segment {
    return parentOf(this);
  }

  get base(): u32 {
    return this.facts & CONTINUES ? this.link.base : 0;
  }

  /** Scope of all samples on the path. A host that counts its scopes in a `Map` has no more than 2^24. */
  // @ts-ignore: decorator
  @inline
  get pathScope(): u32 {
    return this.facts >>> PATH_SCOPE_SHIFT;
  }
}
/** Where a segment's ids begin. */
export const IDS_OF_SEGMENT: usize = offsetof<Segment>();

/** `Segment.facts`: how spans are packed (see segments.ts); whether there is a Continuation; own scope. */
export const SPANS_SHIFT: u32 = 2;
export const CONTINUES: u32 = 16;
export const OWN_SHIFT: u32 = 5;
export const PATH_SCOPE_SHIFT: u32 = 7;
/** The own scope: SCOPE_NONE; the path's; another, which lies behind the spans. */
export const OWN_NONE: u32 = 0;
export const OWN_IS_PATH: u32 = 1;
export const OWN_STORED: u32 = 2;

/** A place in a stored sequence that a text leads to.
 *
 *    0         4      8            12           16           20              24           28
 *    +---------+------+------------+------------+------------+---------------+------------+
 *    | segment | node | kept flags | nextAtNode | prevAtNode | nextOfSegment | generation |
 *    +---------+------+------------+------------+------------+---------------+------------+
 *                      27 bits  5
 *
 * A free point has no segment, and `nextAtNode` links to the next free one. Points never move, and their memory serves
 * nothing else: so a handle (address, generation), which names the trie too, can always be checked.
 */
@unmanaged
export class Point {
  segment: Segment = none<Segment>();
  node: Node = none<Node>();
  keptAndFlags: u32;
  nextAtNode: Point = none<Point>();
  prevAtNode: Point = none<Point>();
  nextOfSegment: Point = none<Point>();
  /** How many points stood here before, and 1. */
  generation: u32;

  /** How many of the segment's tokens lie before it. */
  // @ts-ignore: decorator
  @inline
  get kept(): u32 {
    return this.keptAndFlags >>> FLAGS_BITS;
  }

  // @ts-ignore: decorator
  @inline
  get flags(): u32 {
    return this.keptAndFlags & ((1 << FLAGS_BITS) - 1);
  }
}
export const FLAGS_BITS: u32 = 5;
/** Tokens of one segment at most. */
export const COUNT_MAX: u32 = (1 << (32 - FLAGS_BITS)) - 1;

/** `node.label`, for where it is to be fast; the other is a call. */
// @ts-ignore: decorator
@inline
export function labelOf(node: Node): usize {
  return node.isOuter ? node.outer : changetype<usize>(node) + TEXT_OF_NODE;
}

/** `segment.parent`, for where it is to be fast. */
// @ts-ignore: decorator
@inline
export function parentOf(segment: Segment): Segment {
  return segment.facts & CONTINUES ? segment.link.parent : none<Segment>();
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
