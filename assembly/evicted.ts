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
import { allocate } from "./arena";
import { continuesSequence } from "./bytes";
import { xxh64 } from "./checksum";
import { exists, header, Header, Node, none, WORK_SHIFT } from "./layout";
import { reserveOutput } from "./output";
import { findBelow } from "./trie";

/** Texts remembered: one for so many tokens that the trie may hold (a shift), within these bounds. */
const TOKENS_SHIFT: u32 = 6;
const CAP_MIN: u32 = 1 << 10;
const CAP_MAX: u32 = 1 << 15;
/** And not in more than this part of the bytes that the trie may use (a shift). */
const BYTES_SHIFT: u32 = 4;
/** Bytes hashed for one text: a longer one is not remembered. A node climbed costs as much as so many. */
const HASHED_MAX: u32 = 1 << 20;
const NODE_COST: u32 = 64;
/** Entries of one chain that a look-up tries. */
const TRIED_MAX: u32 = 1 << 10;

const ENTRY_BYTES: u32 = 20;
const MARKS: u32 = 16;
const PLACE_BYTES: u32 = ENTRY_BYTES + 4 + MARKS;
/** Marks tell the time in so many parts of a turn of the ring (a shift). */
const EPOCHS_SHIFT: u32 = 4;
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

/** Of a text that begins with `first`, at a grid position: bytes behind it have no part in it. */
function keyAt(text: usize, first: u64, position: u32): u32 {
  const from = max<u32>(position, 8);
  const beyond: u64 = (from - position) << 3;
  const mixed = ((first << beyond) * P1 + (load<u64>(text + from - 8) << beyond) + position) * P2;
  return (mixed >> 32) as u32;
}

/** A key, and the last four bytes of the text. */
// @ts-ignore: decorator
@inline
function checkOf(key: u32, text: usize, depth: u32): u32 {
  const from = max<u32>(depth, 4);
  return key ^ (load<u32>(text + from - 4) << ((from - depth) << 3));
}

/** Sum over the blocks of the text from `from` to `to`, which are multiples of BLOCK. */
function sumBlocks(text: usize, from: u32, to: u32): u64 {
  let sum: u64 = 0;
  for (let at = from; at < to; at += BLOCK) {
    const mixed = xxh64(text + at, BLOCK) + at * P1;
    sum += (mixed ^ (mixed >> 32)) * P2;
  }
  return sum;
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

// @ts-ignore: decorator
@inline
function entryAt(h: Header, number: u32): usize {
  return h.evicted + (number & (h.evictedCap - 1)) * ENTRY_BYTES;
}

// @ts-ignore: decorator
@inline
function newestAt(h: Header, key: u32): usize {
  return h.evicted + h.evictedCap * ENTRY_BYTES + ((key & (h.evictedCap - 1)) << 2);
}

// @ts-ignore: decorator
@inline
function markAt(h: Header, key: u32): usize {
  return h.evicted + h.evictedCap * (ENTRY_BYTES + 4) + (key & (h.evictedCap * MARKS - 1));
}

// @ts-ignore: decorator
@inline
function epochOf(h: Header): u32 {
  return h.evictedCount / (h.evictedCap >> EPOCHS_SHIFT);
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
  if (node == cached) {
    base -= length;
  } else if (above != cached) {
    base = 0;
    for (let n = above; n != root && cost < HASHED_MAX; n = n.parent) {
      base += n.labelLen;
      cost += NODE_COST;
    }
  }
  const depth = base + length;
  const whole = wholeBlocks(base);
  // A key looks up to 8 bytes back.
  const from = known && whole ? whole - 8 : 0;
  const bytes = depth - from;
  cost += bytes;
  h.work += cost >> WORK_SHIFT;
  if (cost > HASHED_MAX || !reserveOutput(bytes)) return;
  const text = h.output - from;
  let end = depth;
  for (let n = node; end > from; n = n.parent) {
    const part = min<u32>(end - from, n.labelLen);
    end -= part;
    memory.copy(text + end, n.label + n.labelLen - part, part);
  }

  if (from == 0) h.pathFirst = load<u64>(text);
  const rest = sumBlocks(text, whole, wholeBlocks(depth));
  let sum = h.pathSum;
  if (node == cached) sum -= rest;
  else if (!known) sum = sumBlocks(text, 0, whole);
  h.pathNode = above;
  h.pathDepth = base;
  h.pathSum = sum;
  addEntry(h, text, from, depth, hashOf(sum + rest, text, depth));
}

/** `text` can be read from `from` on: what lies before has been marked in this epoch. */
function addEntry(h: Header, text: usize, from: u32, depth: u32, hash: u64): void {
  const epoch = epochOf(h);
  const number = ++h.evictedCount;
  h.evictedLengths |= lengthOf(depth);
  let position = GRID;
  while (true) {
    const last = position > depth;
    if (last) position = gridOf(depth);
    if (position >= from + 8 || from == 0) {
      const key = keyAt(text, h.pathFirst, position);
      if (last) {
        const newest = newestAt(h, key);
        const entry = entryAt(h, number);
        store<u64>(entry, hash);
        store<u32>(entry, depth, 8);
        store<u32>(entry, checkOf(key, text, depth), 12);
        store<u32>(entry, load<u32>(newest), 16);
        store<u32>(newest, number);
        break;
      }
      store<u8>(markAt(h, key), epoch);
    }
    position <<= 1;
  }
  if (epochOf(h) != epoch) h.pathNode = none<Node>();
}

// --- look-ups ------------------------------------------------------------------------------------------------------

/** Whether the query begins with an evicted text, longer than `used`, that is not stored now. */
export function beginsWithEvicted(text: usize, length: u32, used: u32): bool {
  const h = header();
  const first = load<u64>(text);
  let sum: u64 = 0;
  let summed: u32 = 0;
  for (let position = gridOf(used + 1); position <= length; position += min<u32>(position, GRID)) {
    const lengths = h.evictedLengths;
    if (position < GRID && !(lengths & position)) continue;
    if (lengths < lengthOf(position)) break;
    const key = keyAt(text, first, position);
    if (position >= GRID && popcnt<u32>(position) == 1) {
      // Of this turn of the ring, or so many turns older that its time looks the same.
      if (((epochOf(h) - load<u8>(markAt(h, key))) & 0xff) > 1 << EPOCHS_SHIFT) break;
    }
    let number = load<u32>(newestAt(h, key));
    for (let tried: u32 = 0; number && h.evictedCount - number < h.evictedCap && tried < TRIED_MAX; tried++) {
      const entry = entryAt(h, number);
      const depth = load<u32>(entry, 8);
      if (depth > used && depth <= length && load<u32>(entry, 12) == checkOf(key, text, depth)) {
        const whole = wholeBlocks(depth);
        sum += sumBlocks(text, summed, whole);
        summed = whole;
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
