/**
 * Points: where a text leads to tokens. They live in chunks of their own that are never given back, so that a handle,
 * which is a point's address, its generation and the trie's number, can be checked at any time.
 *
 *   chunk   0        4
 *           +--------+--------------------- … ---------------------+
 *           | before | CHUNK_POINTS points                         |
 *           +--------+--------------------- … ---------------------+
 */
import { allocate, release } from "./arena";
import { header, Header } from "./header";
import { ENTRY, exists, FLAGS_BITS, HEADER, Node, none, Point, RESERVED_BYTES, Segment, TRIMMED } from "./layout";
import { isHeld, relist } from "./recency";

export const CHUNK_POINTS: u32 = 64;
const POINTS_OF_CHUNK: usize = 4;
const CHUNK_BYTES: usize = POINTS_OF_CHUNK + <usize> CHUNK_POINTS * offsetof<Point>();

/** The point of that handle; none when it is gone. `serial`: the trie's number above the generation. */
export function pointAt(address: usize, serial: u64): Point {
  const h = header();
  // An address of this trie is one of a point; another is seen by the number.
  const foreign = (serial >> 32) as u32 != h.epoch;
  if (foreign || address < RESERVED_BYTES || address > h.arenaEnd - offsetof<Point>()) return none<Point>();
  const point = changetype<Point>(address);
  return point.generation == serial as u32 && exists(point.segment) ? point : none<Point>();
}

/**
 * The point of `segment` at `node` for `kept` tokens, made or given the further flags: the newest of its node from then
 * on. None when there is no memory.
 */
export function addPoint(segment: Segment, node: Node, kept: u32, flags: u32): Point {
  const h = header();
  const known = findPoint(segment, node, kept, flags);
  if (exists(known)) {
    if (flags & ~known.flags & ENTRY) h.entries++;
    known.keptAndFlags |= flags;
    if (known != node.points) {
      unlink(known);
      linkFirst(known, node);
    }
    return known;
  }
  const point = takePoint();
  if (!exists(point)) return point;
  point.segment = segment;
  point.node = node;
  point.keptAndFlags = kept << FLAGS_BITS | flags;
  linkFirst(point, node);
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

function linkFirst(point: Point, node: Node): void {
  point.prevAtNode = none<Point>();
  point.nextAtNode = node.points;
  if (exists(node.points)) node.points.prevAtNode = point;
  node.points = point;
}

function unlink(point: Point): void {
  const next = point.nextAtNode;
  const previous = point.prevAtNode;
  if (exists(next)) next.prevAtNode = previous;
  if (exists(previous)) previous.nextAtNode = next;
  else point.node.points = next;
}

/** Takes a point from its node and frees it. Its segment's list is the caller's. */
export function freePoint(point: Point): void {
  const h = header();
  unlink(point);
  if (point.flags & ENTRY) h.entries--;
  point.segment = none<Segment>();
  // Where generations have run out, nothing stands any more: no handle may fit again.
  if (++point.generation) listFree(point);
}

/** The segment whose newest point is the `i`th of a chunk, or none: for walks over all segments, each of them once. */
export function segmentIn(chunk: usize, i: u32): Segment {
  const point = changetype<Point>(chunk + POINTS_OF_CHUNK + <usize> i * offsetof<Point>());
  const segment = point.segment;
  return exists(segment) && segment.points == point ? segment : none<Segment>();
}

/**
 * Ends all holds, and gives back chunks without points. For an image alone: handles of this trie could not be checked any
 * more.
 */
export function sweepChunks(): void {
  const h = header();
  h.freePoint = none<Point>();
  let link = HEADER + offsetof<Header>("chunk");
  for (let chunk = load<usize>(link); chunk; chunk = load<usize>(link)) {
    const others = h.freePoint;
    let stand: u32 = 0;
    for (let at = chunk + POINTS_OF_CHUNK; at < chunk + CHUNK_BYTES; at += offsetof<Point>()) {
      const segment = changetype<Point>(at).segment;
      if (!exists(segment)) {
        listFree(changetype<Point>(at));
        continue;
      }
      stand++;
      if (isHeld(segment)) relist(segment);
    }
    if (stand) {
      link = chunk;
    } else {
      h.freePoint = others;
      store<usize>(link, load<usize>(chunk));
      release(chunk);
    }
  }
}

function listFree(point: Point): void {
  const h = header();
  point.nextAtNode = h.freePoint;
  h.freePoint = point;
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
  const chunk = allocate(CHUNK_BYTES as u32);
  if (chunk == 0) return false;
  store<usize>(chunk, h.chunk);
  h.chunk = chunk;
  for (let at = chunk + CHUNK_BYTES; at > chunk + POINTS_OF_CHUNK;) {
    at -= offsetof<Point>();
    const point = changetype<Point>(at);
    point.segment = none<Segment>();
    point.generation = 1;
    listFree(point);
  }
  return true;
}
