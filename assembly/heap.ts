/**
 * The eviction heap: a binary heap, least recently used first, of segments that nothing continues and nothing holds.
 *
 *   entry i from 1, 12 bytes   +----------+---------+
 *                              | tick u64 | segment |
 *                              +----------+---------+
 *
 * Touching a segment does not reach into the heap: an entry's tick may lag behind its segment's, and is refreshed when
 * it comes to the top. A segment that gets a child or a pin stays until it comes to the top, and comes back when it
 * loses them.
 */
import { allocate, release } from "./arena";
import { exists, header, none, Segment } from "./layout";

const ENTRY_BYTES: u32 = 12;
const CAPACITY_MIN: u32 = 64;

/** Makes room for `count` entries, so that `pushEvictable` cannot fail. */
export function reserveHeap(count: u32): bool {
  const h = header();
  if (count < h.heapCap) return true;
  const cap = max<u32>(CAPACITY_MIN, max<u32>(h.heapCap + (h.heapCap >> 2), count + 1));
  const heap = allocate(cap * ENTRY_BYTES);
  if (heap == 0) return false;
  if (h.heap) {
    memory.copy(heap, h.heap, <usize> (h.heapLen + 1) * ENTRY_BYTES);
    release(h.heap);
  }
  h.heap = heap;
  h.heapCap = cap;
  return true;
}

/** Adds a segment if it may be evicted and is not there yet. */
export function pushEvictable(segment: Segment): void {
  if (segment.heapPos || segment.holds || exists(segment.firstChild)) return;
  const h = header();
  const at = ++h.heapLen;
  place(h.heap, at, segment.tick, segment);
  siftUp(h.heap, at);
}

/** Takes a segment out, if it is there. */
export function dropEvictable(segment: Segment): void {
  const at = segment.heapPos;
  if (at == 0) return;
  const h = header();
  segment.heapPos = 0;
  const last = h.heapLen--;
  if (at == last) return;
  const heap = h.heap;
  place(heap, at, tickAt(heap, last), segmentAt(heap, last));
  if (!siftUp(heap, at)) siftDown(heap, at, h.heapLen);
}

/** The least recently used segment that may go; none when all are held. */
export function leastRecent(): Segment {
  const h = header();
  while (h.heapLen) {
    const heap = h.heap;
    const top = segmentAt(heap, 1);
    if (top.holds || exists(top.firstChild)) {
      dropEvictable(top);
    } else if (tickAt(heap, 1) != top.tick) {
      place(heap, 1, top.tick, top);
      siftDown(heap, 1, h.heapLen);
    } else {
      return top;
    }
  }
  return none<Segment>();
}

// @ts-ignore: decorator
@inline
function tickAt(heap: usize, at: u32): u64 {
  return load<u64>(heap + <usize> at * ENTRY_BYTES);
}

// @ts-ignore: decorator
@inline
function segmentAt(heap: usize, at: u32): Segment {
  return load<Segment>(heap + <usize> at * ENTRY_BYTES, 8);
}

// @ts-ignore: decorator
@inline
function place(heap: usize, at: u32, tick: u64, segment: Segment): void {
  store<u64>(heap + <usize> at * ENTRY_BYTES, tick);
  store<Segment>(heap + <usize> at * ENTRY_BYTES, segment, 8);
  segment.heapPos = at;
}

/** Whether the entry has moved. */
function siftUp(heap: usize, start: u32): bool {
  const tick = tickAt(heap, start);
  const segment = segmentAt(heap, start);
  let at = start;
  while (at > 1) {
    const parent = at >> 1;
    if (tickAt(heap, parent) <= tick) break;
    place(heap, at, tickAt(heap, parent), segmentAt(heap, parent));
    at = parent;
  }
  if (at == start) return false;
  place(heap, at, tick, segment);
  return true;
}

function siftDown(heap: usize, start: u32, length: u32): void {
  const tick = tickAt(heap, start);
  const segment = segmentAt(heap, start);
  let at = start;
  while (true) {
    let child = at << 1;
    if (child > length) break;
    if (child < length && tickAt(heap, child + 1) < tickAt(heap, child)) child++;
    if (tick <= tickAt(heap, child)) break;
    place(heap, at, tickAt(heap, child), segmentAt(heap, child));
    at = child;
  }
  place(heap, at, tick, segment);
}

/** Whether entries are in order and segments know their places. For `checkInvariants`. */
export function heapIsSound(): bool {
  const h = header();
  for (let at: u32 = 1; at <= h.heapLen; at++) {
    const segment = segmentAt(h.heap, at);
    if (segment.heapPos != at || tickAt(h.heap, at) > segment.tick) return false;
    if (at > 1 && tickAt(h.heap, at >> 1) > tickAt(h.heap, at)) return false;
  }
  return true;
}
