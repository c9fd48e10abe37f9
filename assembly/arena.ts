/**
 * The allocator: two-level segregated fit (Masmano et al. 2004). Free blocks hang in bins by size class; a bit map a
 * level finds the smallest fitting bin without a search; neighbours that are free are joined at once.
 *
 *   block, in use   +--------------+---------------------------- … --+
 *                   | size | flags | payload                         |
 *                   +--------------+---------------------------- … --+
 *   block, free     +--------------+------+------+----- … -+---------+
 *                   | size | flags | prev | next |         | address |   (so that the next block finds this one)
 *                   +--------------+------+------+----- … -+---------+
 *                   0              4      8      12        size - 4
 *
 * Sizes are multiples of 8, headers lie at 4 modulo 8, so payloads are 8-aligned. A region is what one or more grows
 * gave in one piece: it begins with the address of the next region and its own end, its blocks begin REGION_HEADER
 * behind, and a header of size 0 ends them, REGION_END before its end: so a vector can be read from any byte of a block.
 * Every byte of `arenaBytes` is in `usedBytes` or in `freeBytes`.
 */
import { Header, header } from "./header";
import { BINS } from "./layout";

const FREE: u32 = 1;
const PREVIOUS_FREE: u32 = 2;
const FLAGS: u32 = FREE | PREVIOUS_FREE;

const BLOCK_MIN: u32 = 16;
/** A block may be taken larger by this: what would be left is too small to be one. */
const REST_MAX: u32 = BLOCK_MIN - 8;
/** Bytes that are given back of a block at least: a smaller rest would serve nothing. */
const SHRUNK_MIN: u32 = 32;
const ALLOCATION_MAX: u32 = 0x7fffff00;
const PAGE_BITS: u32 = 16;
const REGION_HEADER: u32 = 12;
/** The end mark, and a vector behind it. */
const REGION_END: u32 = 4 + 16;
/** What of a region is no block. */
const REGION_OVERHEAD: u32 = REGION_HEADER + REGION_END;
/** Pages grown at least: growing makes the host refresh its views, so it must not happen often. */
const GROW_PAGES_MIN: u32 = 4;
/** And at least this part of the memory (a shift): doubling would waste, a constant would grow too often. */
const GROW_SHIFT: u32 = 4;

const SECOND_BITS: u32 = 5;
const SECOND_COUNT: u32 = 1 << SECOND_BITS;
const SMALL_MAX: u32 = 256;
const FIRST_OF_SMALL_MAX: u32 = 7;
const FIRST_COUNT: u32 = 25;
const SECOND_MAPS: usize = BINS + 4;
const HEADS: usize = SECOND_MAPS + 4 * FIRST_COUNT;
const BINS_BYTES: u32 = 4 + 4 * FIRST_COUNT + 4 * FIRST_COUNT * SECOND_COUNT;

/** `size` usable bytes, 8-aligned; 0 when the byte bound or the memory does not allow it. */
export function allocate(size: u32): usize {
  const h = header();
  if (size > ALLOCATION_MAX || fails(h)) return 0;
  const need = max<u32>((size + 4 + 7) & ~7, BLOCK_MIN);
  const inUse = h.usedBytes - h.windowBytes;
  if (inUse > h.maxBytes || h.maxBytes - inUse < need + REST_MAX) return 0;
  return take(h, need);
}

/** As `allocate`, for windows: they serve the host and do not count against the byte bound. */
export function allocateWindow(size: u32): usize {
  const h = header();
  if (size > ALLOCATION_MAX || fails(h)) return 0;
  const payload = take(h, max<u32>((size + 4 + 7) & ~7, BLOCK_MIN));
  if (payload) h.windowBytes += load<u32>(payload - 4) & ~FLAGS;
  return payload;
}

/** Makes the allocation after the next `skipped` ones fail, and all after it if `stays`. For tests. */
export function injectFault(skipped: u32, stays: bool): void {
  const h = header();
  h.faultIn = skipped + 1;
  h.faultStays = stays;
  h.faulted = 0;
}

/** Ends what `injectFault` began. Whether an allocation has failed. */
export function endFaults(): bool {
  const h = header();
  const faulted = h.faulted != 0;
  h.faultIn = h.faulted = 0;
  return faulted;
}

/** Whether this allocation is one that a test wants to fail. */
// @ts-ignore: decorator
@inline
function fails(h: Header): bool {
  return h.faultIn != 0 && countFault(h);
}

function countFault(h: Header): bool {
  if (--h.faultIn) return false;
  h.faultIn = h.faultStays;
  h.faulted = 1;
  return true;
}

export function releaseWindow(payload: usize): void {
  if (payload == 0) return;
  header().windowBytes -= load<u32>(payload - 4) & ~FLAGS;
  release(payload);
}

/** Bytes that the payload at this address may use. */
export function usableSize(payload: usize): u32 {
  return (load<u32>(payload - 4) & ~FLAGS) - 4;
}

/** Gives a payload back. */
export function release(payload: usize): void {
  const h = header();
  let block = payload - 4;
  const head = load<u32>(block);
  let size = head & ~FLAGS;
  h.usedBytes -= size;
  h.freeBytes += size;
  const next = block + size;
  const nextHead = load<u32>(next);
  if (nextHead & FREE) {
    unlink(next, nextHead & ~FLAGS);
    size += nextHead & ~FLAGS;
  }
  if (head & PREVIOUS_FREE) {
    const previous = load<usize>(block - 4);
    const previousSize = load<u32>(previous) & ~FLAGS;
    unlink(previous, previousSize);
    block = previous;
    size += previousSize;
  }
  putFree(block, size);
}

/** Gives back what of a payload is beyond `size`, where that is worth a block. */
export function shrink(payload: usize, size: u32): void {
  const block = payload - 4;
  const head = load<u32>(block);
  const need = (size + 4 + 7) & ~7;
  const rest = (head & ~FLAGS) - need;
  if (rest < SHRUNK_MIN) return;
  store<u32>(block, need | (head & PREVIOUS_FREE));
  store<u32>(block + need, rest);
  release(block + need + 4);
}

function take(h: Header, need: u32): usize {
  let block = findFree(need);
  if (block == 0) {
    if (!growFor(h, need)) return 0;
    block = findFree(need);
    if (block == 0) return 0;
  }
  const head = load<u32>(block);
  const size = head & ~FLAGS;
  unlink(block, size);
  const rest = size - need;
  if (rest >= BLOCK_MIN) {
    store<u32>(block, need | (head & PREVIOUS_FREE));
    putFree(block + need, rest);
    h.usedBytes += need;
    h.freeBytes -= need;
  } else {
    store<u32>(block, size | (head & PREVIOUS_FREE));
    store<u32>(block + size, load<u32>(block + size) & ~PREVIOUS_FREE);
    h.usedBytes += size;
    h.freeBytes -= size;
  }
  return block + 4;
}

/** Size classes: steps of 8 bytes below 256, then 32 a doubling. */
// @ts-ignore: decorator
@inline
function firstOf(size: u32): u32 {
  return size < SMALL_MAX ? 0 : 31 - clz<u32>(size) - FIRST_OF_SMALL_MAX;
}

// @ts-ignore: decorator
@inline
function secondOf(size: u32, first: u32): u32 {
  return first == 0 ? size >> 3 : (size >> (first + FIRST_OF_SMALL_MAX - SECOND_BITS)) & (SECOND_COUNT - 1);
}

// @ts-ignore: decorator
@inline
function headOf(first: u32, second: u32): usize {
  return HEADS + (((first << SECOND_BITS) + second) << 2);
}

/** A free block of at least `need` bytes, still linked; 0 when there is none. */
function findFree(need: u32): usize {
  // Rounded up to a class, so that every block of the class found will do.
  const size = need < SMALL_MAX ? need : need + (1 << (31 - clz<u32>(need) - SECOND_BITS)) - 1;
  let first = firstOf(size);
  if (first >= FIRST_COUNT) return 0;
  let second = secondOf(size, first);
  let map = load<u32>(SECOND_MAPS + (first << 2)) & (~0 << second);
  if (map == 0) {
    if (first + 1 >= FIRST_COUNT) return 0;
    const firsts = load<u32>(BINS) & (~0 << (first + 1));
    if (firsts == 0) return 0;
    first = ctz<u32>(firsts);
    map = load<u32>(SECOND_MAPS + (first << 2));
  }
  return load<usize>(headOf(first, ctz<u32>(map)));
}

function putFree(block: usize, size: u32): void {
  store<u32>(block, size | FREE);
  const first = firstOf(size);
  const second = secondOf(size, first);
  const slot = headOf(first, second);
  const next = load<usize>(slot);
  store<usize>(block, 0, 4);
  store<usize>(block, next, 8);
  if (next) store<usize>(next, block, 4);
  store<usize>(slot, block);
  store<u32>(BINS, load<u32>(BINS) | (1 << first));
  const map = SECOND_MAPS + (first << 2);
  store<u32>(map, load<u32>(map) | (1 << second));
  store<usize>(block + size - 4, block);
  store<u32>(block + size, load<u32>(block + size) | PREVIOUS_FREE);
}

function unlink(block: usize, size: u32): void {
  const previous = load<usize>(block, 4);
  const next = load<usize>(block, 8);
  if (next) store<usize>(next, previous, 4);
  if (previous) {
    store<usize>(previous, next, 8);
    return;
  }
  const first = firstOf(size);
  const second = secondOf(size, first);
  store<usize>(headOf(first, second), next);
  if (next) return;
  const map = SECOND_MAPS + (first << 2);
  const left = load<u32>(map) & ~(1 << second);
  store<u32>(map, left);
  if (left == 0) store<u32>(BINS, load<u32>(BINS) & ~(1 << first));
}

/** Grows the memory so that a block of `need` bytes is found. */
function growFor(h: Header, need: u32): bool {
  const slack = need >> (SECOND_BITS - 1);
  const least = ((need + slack + 0xffff + 64) >>> PAGE_BITS) as i32;
  const usual = max<i32>(GROW_PAGES_MIN, memory.size() >> GROW_SHIFT);
  let pages = max<i32>(least, usual);
  let before = memory.grow(pages);
  if (before < 0 && pages > least) {
    pages = least;
    before = memory.grow(pages);
  }
  if (before < 0) return false;
  addPages(h, (before as usize) << PAGE_BITS, (pages as u32) << PAGE_BITS);
  return true;
}

function addPages(h: Header, start: usize, bytes: u32): void {
  let block: usize;
  let size: u32;
  if (start == h.arenaEnd && h.lastRegion != 0) {
    // Directly behind the last region: its end mark becomes the header of the new block.
    block = start - REGION_END;
    size = bytes;
  } else {
    store<usize>(start, 0);
    if (h.lastRegion) store<usize>(h.lastRegion, start);
    else h.firstRegion = start;
    h.lastRegion = start;
    block = start + REGION_HEADER;
    size = bytes - REGION_OVERHEAD;
    store<u32>(block, 0);
  }
  h.arenaEnd = start + bytes;
  store<usize>(h.lastRegion, h.arenaEnd, 4);
  h.arenaBytes += size;
  h.freeBytes += size;
  store<u32>(block + size, 0);
  const head = load<u32>(block);
  if (head & PREVIOUS_FREE) {
    const previous = load<usize>(block - 4);
    const previousSize = load<u32>(previous) & ~FLAGS;
    unlink(previous, previousSize);
    putFree(previous, previousSize + size);
  } else {
    putFree(block, size);
  }
}

/** Frees everything at once, windows included. */
export function emptyArena(): void {
  const h = header();
  memory.fill(BINS, 0, BINS_BYTES);
  h.usedBytes = 0;
  h.windowBytes = 0;
  h.freeBytes = h.arenaBytes;
  for (let region = h.firstRegion; region != 0; region = load<usize>(region)) {
    const block = region + REGION_HEADER;
    const size = (load<usize>(region, 4) - region) as u32 - REGION_OVERHEAD;
    store<u32>(block + size, 0);
    putFree(block, size);
  }
}

/** Walks every block of every region. Returns 0, or the number of the first broken rule (see index.ts). */
export function checkArena(): u32 {
  const h = header();
  let used: u32 = 0;
  let free: u32 = 0;
  for (let region = h.firstRegion; region != 0; region = load<usize>(region)) {
    let previousFree: u32 = 0;
    let block = region + REGION_HEADER;
    while (true) {
      const head = load<u32>(block);
      const size = head & ~FLAGS;
      if (((head & PREVIOUS_FREE) != 0) != (previousFree != 0)) return 1;
      if (size == 0) break;
      if (head & FREE) {
        if (previousFree) return 1;
        if (load<usize>(block + size - 4) != block) return 1;
        free += size;
      } else {
        used += size;
      }
      previousFree = head & FREE;
      block += size;
    }
  }
  if (used != h.usedBytes || free != h.freeBytes) return 2;
  return used + free == h.arenaBytes ? 0 : 2;
}
