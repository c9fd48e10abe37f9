/**
 * Points: where a text leads to tokens. They live in chunks of their own that are never given back, so that a handle,
 * which is a point's index and serial, can be checked at any time.
 *
 * The directory is an array of chunk addresses; a chunk holds CHUNK_POINTS points. Index i is point i % CHUNK_POINTS of
 * chunk i / CHUNK_POINTS.
 */
import { allocate, release } from "./arena";
import { ENTRY, exists, header, Node, none, Point, Segment, TRIMMED } from "./layout";

const CHUNK_BITS: u32 = 6;
const CHUNK_POINTS: u32 = 1 << CHUNK_BITS;
const CHUNKS_MIN: u32 = 16;

/** The point of that index and serial; none when it is gone. */
export function pointAt(index: u32, serial: u64): Point {
  const h = header();
  const chunk = index >> CHUNK_BITS;
  if (chunk >= h.chunkCount) return none<Point>();
  const start = load<usize>(h.chunks + (<usize> chunk << 2));
  const point = changetype<Point>(start + <usize> (index & (CHUNK_POINTS - 1)) * offsetof<Point>());
  return point.serial == serial && serial != 0 ? point : none<Point>();
}

/**
 * The point of `segment` at `node` for `kept` tokens, made or given the further flags. None when there is no memory.
 */
export function addPoint(segment: Segment, node: Node, kept: u32, flags: u32): Point {
  const h = header();
  const known = findPoint(segment, node, kept, flags);
  if (exists(known)) {
    if (flags & ~known.flags & ENTRY) h.entries++;
    known.flags |= flags;
    return known;
  }
  const point = takePoint();
  if (!exists(point)) return point;
  point.segment = segment;
  point.node = node;
  point.kept = kept;
  point.flags = flags;
  point.serial = ++h.serial;
  point.prevAtNode = none<Point>();
  point.nextAtNode = node.points;
  if (exists(node.points)) node.points.prevAtNode = point;
  node.points = point;
  point.nextOfSegment = segment.points;
  segment.points = point;
  if (flags & ENTRY) h.entries++;
  return point;
}

/** The point that `addPoint` would find; none when it would make one. */
export function findPoint(segment: Segment, node: Node, kept: u32, flags: u32): Point {
  let point = node.points;
  while (exists(point) && !stands(point, segment, kept, flags)) point = point.nextAtNode;
  return point;
}

// @ts-ignore: decorator
@inline
function stands(point: Point, segment: Segment, kept: u32, flags: u32): bool {
  return point.segment == segment && point.kept == kept && !((point.flags ^ flags) & TRIMMED);
}

/** Takes a point from its node and frees it. Its segment's list is the caller's. */
export function freePoint(point: Point): void {
  const h = header();
  const next = point.nextAtNode;
  const previous = point.prevAtNode;
  if (exists(next)) next.prevAtNode = previous;
  if (exists(previous)) previous.nextAtNode = next;
  else point.node.points = next;
  if (point.flags & ENTRY) h.entries--;
  point.serial = 0;
  point.nextAtNode = h.freePoint;
  h.freePoint = point;
}

/** Serials of one trie; they stay in order when they are moved to another's. */
const SERIALS: u64 = 1 << 40;

/** Moves all serials to those above `serial`. O(points). */
export function renumberPoints(serial: u64): void {
  const h = header();
  const points = h.chunkCount << CHUNK_BITS;
  for (let i: u32 = 0; i < points; i++) {
    const start = load<usize>(h.chunks + (<usize> (i >> CHUNK_BITS) << 2));
    const point = changetype<Point>(start + <usize> (i & (CHUNK_POINTS - 1)) * offsetof<Point>());
    if (point.serial) point.serial = serial + (point.serial & (SERIALS - 1));
  }
  h.serial = serial + (h.serial & (SERIALS - 1));
}

function takePoint(): Point {
  const h = header();
  if (!exists(h.freePoint) && !addChunk()) return none<Point>();
  const point = h.freePoint;
  h.freePoint = point.nextAtNode;
  return point;
}

function addChunk(): bool {
  const h = header();
  if (h.chunkCount == h.chunkCap && !growDirectory()) return false;
  const start = allocate(CHUNK_POINTS * offsetof<Point>());
  if (start == 0) return false;
  store<usize>(h.chunks + (<usize> h.chunkCount << 2), start);
  const first = h.chunkCount << CHUNK_BITS;
  for (let i: u32 = CHUNK_POINTS; i-- > 0;) {
    const point = changetype<Point>(start + <usize> i * offsetof<Point>());
    point.serial = 0;
    point.index = first + i;
    point.nextAtNode = h.freePoint;
    h.freePoint = point;
  }
  h.chunkCount++;
  return true;
}

function growDirectory(): bool {
  const h = header();
  const cap = max<u32>(CHUNKS_MIN, h.chunkCap * 2);
  const chunks = allocate(cap << 2);
  if (chunks == 0) return false;
  if (h.chunks) {
    memory.copy(chunks, h.chunks, h.chunkCount << 2);
    release(h.chunks);
  }
  h.chunks = chunks;
  h.chunkCap = cap;
  return true;
}
