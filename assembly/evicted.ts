/**
 * Which texts have been evicted or collected, so that a look-up can tell what a larger cache would have found.
 *
 * The last `evictedCap` such texts are remembered by their depth and 64 bits of hash over all their bytes. An entry is
 * found by what lies at the grid position at or below the text's end: 1, 2, 4, … 64, then every 64 bytes. The key of a
 * position is a hash of it, of the 8 bytes before it and of the text's first 8. A query computes it at grid positions
 * past what it can use, and whole hashes only where an entry agrees in key and last bytes.
 *
 *   entry   0      8       12      16         20
 *           +------+-------+-------+----------+
 *           | hash | depth | check | previous |     a ring: number n lies in place n % cap
 *           +------+-------+-------+----------+
 *   table   | cap entries | number of the newest entry by key: cap x u32 | marks by key: cap x 16 x u8 |
 *
 * `previous` is the number of the next older entry of the same key: a chain is over where a number has left the ring (as
 * in LZ77). Marks stand at the powers of two from 64 up to a text's end and tell the time, in 16ths of a turn of the
 * ring: where a query meets none of the last turn, nothing longer is remembered. A mark too many costs time only.
 *
 * The hash is a sum over blocks, so that a path that goes from its end is hashed once: `pathNode`, and what stands beside
 * it in the header, is the place where the next eviction is likely to end.
 */
import { allocate, release } from "./arena";
import { continuesSequence } from "./bytes";
import { xxh64 } from "./checksum";
import { header, Header } from "./header";
import { exists, EVICTED_WORDS as WORDS, GATHERED, Node, none, WORK_SHIFT } from "./layout";
import { findBelow } from "./trie";

/** Texts remembered: one for so many tokens that the trie may hold (a shift), within these bounds. */
const TOKENS_SHIFT: u32 = 6;
const CAP_MIN: u32 = 1 << 10;
const CAP_MAX: u32 = 1 << 14;
const LARGE_CAP: u32 = 1 << 12;
/** And not in more than this part of the bytes that the trie may use (a shift). */
const BYTES_SHIFT: u32 = 4;
/** Bytes hashed for one text: a longer one is not remembered. A node climbed costs as much as so many. */
const HASHED_MAX: u32 = 1 << 20;
const NODE_COST: u32 = 64;
/** Depth of `pathNode` below more nodes than are climbed: what goes from that path's end is not remembered. */
const TOO_DEEP: u32 = 0xffffffff;
/** Entries of one chain that a look-up tries. */
const TRIED_MAX: u32 = 1 << 10;

const ENTRY_BYTES: u32 = 20;
const MARKS: u32 = 16;
const PLACE_BYTES: u32 = ENTRY_BYTES + 4 + MARKS;
/** Marks tell the time in so many parts of a turn of the ring (a shift). */
const EPOCHS_SHIFT: u32 = 4;
/** Set in every mark: 0 is a place that was never marked. */
const EPOCH_BIT: u32 = 0x80;
const GRID: u32 = 64;
const BLOCK: u32 = 1024;
const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;

/** How many texts a trie of these bounds remembers: a power of two, or 0. */
export function evictedCapOf(maxTokens: u32, maxBytes: u32): u32 {
  let cap = CAP_MAX;
  while (cap > CAP_MIN && cap > maxTokens >> TOKENS_SHIFT) cap >>= 1;
  while (cap * PLACE_BYTES > maxBytes >> BYTES_SHIFT) cap >>= 1;
  return cap >> EPOCHS_SHIFT ? cap : 0;
}

/** Makes the number of texts that are remembered that of the bounds. Where it was another, they are forgotten. */
export function followBounds(): void {
  const h = header();
  const cap = evictedCapOf(h.maxTokens, h.maxBytes);
  if (cap == h.evictedCap) return;
  if (h.evicted) release(h.evicted);
  h.evicted = h.evictedCount = h.evictedLengths = 0;
  h.pathNode = none<Node>();
  h.evictedCap = cap;
}

/** Bytes that the table will take; 0 once it is there. */
export function evictedBytesWanted(): u32 {
  const h = header();
  return h.evicted ? 0 : h.evictedCap * PLACE_BYTES;
}

/** Makes the table, on the first eviction. */
function reserveTable(h: Header): bool {
  const bytes = evictedBytesWanted();
  if (bytes) {
    h.evicted = allocate(bytes);
    if (h.evicted) memory.fill(h.evicted, 0, bytes);
  }
  return h.evicted != 0;
}

/** Makes a table that is so large that to fill it is a slice's work. False: it is there, it is small, or there is no memory. */
export function makesLargeTable(): bool {
  const h = header();
  return h.evicted == 0 && h.evictedCap > LARGE_CAP && reserveTable(h);
}

// --- hashes --------------------------------------------------------------------------------------------------------

/** The power of two at or below. */
// @ts-ignore: decorator
@inline
function lengthOf(depth: u32): u32 {
  return 0x80000000 >> clz<u32>(depth);
}

// @ts-ignore: decorator
@inline
function gridOf(depth: u32): u32 {
  return depth < GRID ? lengthOf(depth) : depth & ~(GRID - 1);
}

/** Of the first 8 bytes of a text and the `last` 8 before a grid position: bytes behind it have no part in it. */
function keyOf(first: u64, last: u64, position: u32): u32 {
  const beyond: u64 = max<i32>(8 - (position as i32), 0) << 3;
  const mixed = ((first << beyond) * P1 + (last << beyond) + position) * P2;
  return (mixed >> 32) as u32;
}

/** The 8 bytes before a position; the first 8 where there are not as many. */
// @ts-ignore: decorator
@inline
function lastAt(text: usize, position: u32): u64 {
  return load<u64>(text + max<u32>(position, 8) - 8);
}

/** The last four bytes of a text. */
// @ts-ignore: decorator
@inline
function lastFour(text: usize, depth: u32): u32 {
  const from = max<u32>(depth, 4);
  return load<u32>(text + from - 4) << ((from - depth) << 3);
}

/** What the block at `at`, a multiple of BLOCK, adds to the sum. */
function hashBlock(text: usize, at: u32): u64 {
  const mixed = xxh64(text + at, BLOCK) + at * P1;
  return (mixed ^ (mixed >> 32)) * P2;
}

// @ts-ignore: decorator
@inline
function wholeBlocks(depth: u32): u32 {
  return depth & ~(BLOCK - 1);
}

/** `sum` is that of the whole blocks. */
function hashOf(sum: u64, text: usize, depth: u32): u64 {
  const whole = wholeBlocks(depth);
  return xxh64(text + whole, depth - whole) + (sum + depth) * P1;
}

// --- the table -----------------------------------------------------------------------------------------------------

function entryAt(h: Header, number: u32): usize {
  return h.evicted + (number & (h.evictedCap - 1)) * ENTRY_BYTES;
}

// @ts-ignore: decorator
@inline
function newestAt(h: Header, key: u32): usize {
  return h.evicted + h.evictedCap * ENTRY_BYTES + ((key & (h.evictedCap - 1)) << 2);
}

function markAt(h: Header, key: u32): usize {
  return h.evicted + h.evictedCap * (ENTRY_BYTES + 4) + (key & (h.evictedCap * MARKS - 1));
}

// --- evictions -----------------------------------------------------------------------------------------------------

/** Remembers the text of a node as evicted. Where there is no memory, nothing happens. */
export function rememberText(node: Node): void {
  const h = header();
  if (!reserveTable(h)) return;
  const root = h.root;
  let length: u32 = 0;
  let above = node;
  do {
    length += above.labelLen;
    above = above.parent;
  } while (above != root && !exists(above.points));

  const cached = h.pathNode;
  const known = node == cached || above == cached;
  let base = h.pathDepth;
  let cost: u32 = 0;
  if (known && base == TOO_DEEP) {
    h.pathNode = above == root ? none<Node>() : above;
    return;
  }
  if (node == cached) {
    base -= length;
  } else if (above != cached) {
    base = 0;
    for (let n = above; n != root && cost < HASHED_MAX; n = n.parent) {
      base += n.labelLen;
      cost += NODE_COST;
    }
  }
  if (cost >= HASHED_MAX) {
    h.work += cost >> WORK_SHIFT;
    h.pathNode = above;
    h.pathDepth = TOO_DEEP;
    return;
  }
  const depth = base + length;
  const whole = wholeBlocks(base);
  const lowest = known ? whole : 0;
  const bytes = depth - lowest;
  if (bytes > HASHED_MAX) return;
  h.work += (cost + bytes) >> WORK_SHIFT;

  // Block by block from the end, as labels are met on the way up: most lie in one piece.
  const position = gridOf(depth);
  let first = h.pathFirst;
  let last: u64 = 0;
  let check: u32 = 0;
  let hash: u64 = 0;
  let sum: u64 = 0;
  let rest: u64 = 0;
  let n = node;
  let start = depth - node.labelLen;
  for (let at = wholeBlocks(depth);; at -= BLOCK) {
    const end = min<u32>(at + BLOCK, depth);
    while (start && start >= end) {
      n = n.parent;
      start -= n.labelLen;
    }
    const text = textOf(n, start, at ? at - 8 : 0, end);
    if (at == 0) first = load<u64>(text);
    if (at + BLOCK > depth) {
      last = lastAt(text, position);
      check = lastFour(text, depth);
      hash = xxh64(text + at, depth - at);
    } else if (at < whole) {
      sum += hashBlock(text, at);
    } else {
      rest += hashBlock(text, at);
    }
    for (let mark = lengthOf(end); mark >= GRID && mark > at; mark >>= 1) {
      store<u64>(WORDS + (ctz<u32>(mark) << 3), lastAt(text, mark));
    }
    if (at <= lowest) break;
  }
  if (known) sum = node == cached ? h.pathSum - rest : h.pathSum;
  h.pathNode = above;
  h.pathDepth = base;
  h.pathSum = sum;
  h.pathFirst = first;

  // What is not above `lowest` has been marked in this epoch.
  for (let mark = lengthOf(depth); mark >= GRID && mark > lowest; mark >>= 1) {
    store<u8>(markAt(h, keyOf(first, load<u64>(WORDS + (ctz<u32>(mark) << 3)), mark)), h.evictedEpoch | EPOCH_BIT);
  }
  const number = ++h.evictedCount;
  const key = keyOf(first, last, position);
  const newest = newestAt(h, key);
  const entry = entryAt(h, number);
  h.evictedLengths |= lengthOf(depth);
  store<u64>(entry, hash + (sum + rest + depth) * P1);
  store<u32>(entry, depth, 8);
  store<u32>(entry, key ^ check, 12);
  store<u32>(entry, load<u32>(newest), 16);
  store<u32>(newest, number);
  if ((number & ((h.evictedCap >> EPOCHS_SHIFT) - 1)) == 0) {
    h.evictedEpoch++;
    h.pathNode = none<Node>();
  }
}

/**
 * Where the text would begin that can be read from `from` to `end`, 8 bytes at least. `node` holds what comes before
 * `end`; its label begins at `start`. Where that is later than `from`, what is missing is gathered from above.
 */
function textOf(node: Node, start: u32, from: u32, end: u32): usize {
  if (from >= start && end - from >= 8) return node.label - start;
  for (let n = node, top = start, to = end; to > from;) {
    const part = max<u32>(from, top);
    memory.copy(GATHERED + (part - from), n.label + (part - top), to - part);
    to = part;
    n = n.parent;
    top -= n.labelLen;
  }
  return GATHERED - from;
}

// --- look-ups ------------------------------------------------------------------------------------------------------

/** Whether the query begins with an evicted text, longer than `used`, that is not stored now. */
export function beginsWithEvicted(text: usize, length: u32, used: u32): bool {
  const h = header();
  const first = load<u64>(text);
  let sum: u64 = 0;
  let summed: u32 = 0;
  let position = gridOf(used + 1);
  if (position < GRID && !(h.evictedLengths & (GRID - 1))) position = GRID;
  for (; position <= length; position += min<u32>(position, GRID)) {
    const lengths = h.evictedLengths;
    if (position < GRID && !(lengths & position)) continue;
    if (lengths < lengthOf(position)) break;
    const key = keyOf(first, lastAt(text, position), position);
    if (position >= GRID && popcnt<u32>(position) == 1) {
      // Of this turn of the ring, or so many turns older that its time looks the same.
      const mark: u32 = load<u8>(markAt(h, key));
      if (mark < EPOCH_BIT || ((h.evictedEpoch - mark) & (EPOCH_BIT - 1)) > 1 << EPOCHS_SHIFT) break;
    }
    let number = load<u32>(newestAt(h, key));
    for (let tried: u32 = 0; number && h.evictedCount - number < h.evictedCap && tried < TRIED_MAX; tried++) {
      const entry = entryAt(h, number);
      const depth = load<u32>(entry, 8);
      if (depth > used && depth <= length && load<u32>(entry, 12) == (key ^ lastFour(text, depth))) {
        for (; summed + BLOCK <= depth; summed += BLOCK) sum += hashBlock(text, summed);
        if (hashOf(sum, text, depth) == load<u64>(entry) && wouldServe(text, length, depth)) return true;
      }
      number = load<u32>(entry, 16);
    }
  }
  return false;
}

/** Whether a query may be cut there, and no text ends there now. */
function wouldServe(text: usize, length: u32, depth: u32): bool {
  if (depth < length && continuesSequence(text + depth)) return false;
  const node = findBelow(header().root, text, depth);
  return !exists(node) || !exists(node.points);
}
