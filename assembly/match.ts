/** Look-ups: by text, where text decides where to stop; and by tokens, where text guides the walk and tokens decide. */
import { continuesSequence } from "./bytes";
import { findChild } from "./children";
import {
  exists,
  header,
  INSERTED,
  Node,
  none,
  Point,
  result,
  RETRIEVE_ONLY,
  SCOPE_NONE,
  Segment,
  SPLICE,
  TRIMMED,
} from "./layout";
import { equalLogprobs } from "./logprobs";
import { cutOf, equalIds, equalMask } from "./segments";
import { sharedOfLabel, walk } from "./trie";

/** Questions: the longest inserted text; tokens to give out; tokens to continue. */
export const MODE_LONGEST: u32 = 0;
export const MODE_RETRIEVE: u32 = 1;
export const MODE_CONTINUE: u32 = 2;

/** Scope argument of a look-up that takes any. */
const ANY_SCOPE: u32 = 0;

/** Tokens that `findTokens` compares with; `mask` 0: ids only; `logprobs` 0: defaults. */
@unmanaged
export class Wanted {
  ids: usize;
  count: u32;
  /** Whether loss mask and logprobs must agree, and a token must be left unless text and tokens end together. */
  whole: bool;
  mask: usize;
  logprobs: usize;
}
/** Where the operation keeps its `Wanted`. */
export const WANTED: usize = 704;

/** The newest usable point at the deepest node that has one. Writes the text figures of the result. */
export function findText(mode: u32, text: usize, length: u32, scope: u32): Point {
  const h = header();
  const r = result();
  let node = walk(text, length);
  let depth = h.walkDepth;
  r.matchedBytes = h.walkMatched;
  r.spliceBytes = 0;
  r.candidates = 0;
  while (depth) {
    const atEnd = depth == length;
    if (exists(node.points) && (atEnd || !continuesSequence(text + depth))) {
      const point = firstUsable(node.points, usableFlags(mode, atEnd), scope);
      if (exists(point)) {
        r.spliceBytes = depth;
        r.candidates = countUsable(point, usableFlags(mode, atEnd), scope);
        return point;
      }
    }
    depth -= node.labelLen;
    node = node.parent;
  }
  return none<Point>();
}

/** How many of a found point's tokens are given: all, where the text leaves out a stop token and none is cut. */
export function tokensGiven(point: Point, mode: u32, atEnd: bool): u32 {
  const whole = mode == MODE_LONGEST || (mode == MODE_RETRIEVE && atEnd);
  return whole && point.flags & TRIMMED ? point.segment.count : point.kept;
}

/** The point of the same segment at which that many tokens end. */
export function pointOfTokens(point: Point, kept: u32): Point {
  let found = point;
  if (point.kept == kept) return found;
  for (let p = point.segment.points; exists(p); p = p.nextOfSegment) {
    if (p.kept == kept) found = p;
  }
  return found;
}

function usableFlags(mode: u32, atEnd: bool): u32 {
  const ends = mode == MODE_CONTINUE ? INSERTED : INSERTED | RETRIEVE_ONLY;
  if (mode == MODE_LONGEST) return ends;
  return atEnd ? SPLICE | ends : SPLICE;
}

// @ts-ignore: decorator
@inline
function isUsable(point: Point, flags: u32, scope: u32): bool {
  if (!(point.flags & flags)) return false;
  return scope == ANY_SCOPE || inScope(point.segment, scope);
}

function inScope(segment: Segment, scope: u32): bool {
  const own = segment.pathScope;
  return own == SCOPE_NONE || own == scope;
}

function firstUsable(first: Point, flags: u32, scope: u32): Point {
  let point = first;
  while (exists(point) && !isUsable(point, flags, scope)) point = point.nextAtNode;
  return point;
}

function countUsable(first: Point, flags: u32, scope: u32): u32 {
  let count: u32 = 0;
  for (let p = first; exists(p); p = p.nextAtNode) {
    if (isUsable(p, flags, scope)) count++;
  }
  return count;
}

/**
 * The point, on the way that the text leads, whose path holds most of the beginning of the wanted tokens; among equals
 * whole segments before trimmed ones, then the deepest, then the newest. Cost: text and tokens compared.
 *
 * A segment is compared once: `equal` tells, under this operation's stamp, how many of its tokens agree. What a segment
 * continues has a point at or above its own, made earlier: so walking down, oldest first, meets it before.
 */
export function findTokens(text: usize, length: u32, scope: u32): Point {
  const h = header();
  const r = result();
  const stamp = nextStamp();
  let best = none<Point>();
  let node = h.root;
  let depth: u32 = 0;
  let matched: u32 = 0;
  r.spliceBytes = 0;
  r.candidates = 0;
  while (depth < length) {
    const child = findChild(node, load<u8>(text + depth));
    if (!exists(child)) break;
    const same = sharedOfLabel(child, text, depth, length);
    matched = depth + same;
    if (same < child.labelLen) break;
    depth = matched;
    node = child;
    if (!exists(node.points)) continue;
    const better = betterAt(node, best, stamp, scope, depth == length);
    if (better == best) continue;
    best = better;
    r.spliceBytes = depth;
  }
  r.matchedBytes = matched;
  if (exists(best)) r.candidates = countAgreeing(best.node.points, scope);
  return best;
}

function betterAt(node: Node, known: Point, stamp: u32, scope: u32, atEnd: bool): Point {
  let best = known;
  let point = node.points;
  while (exists(point.nextAtNode)) point = point.nextAtNode;
  for (; exists(point); point = point.prevAtNode) {
    const segment = point.segment;
    if (segment.stamp != stamp) compareOwn(segment, stamp);
    if (point.kept > segment.equal) continue;
    if (scope != ANY_SCOPE && !inScope(segment, scope)) continue;
    if (!leavesToken(point, atEnd)) continue;
    if (!exists(best) || !outranks(best, point)) best = point;
  }
  return best;
}

/** Whether `a` is preferred to `b`, which lies deeper or is newer. */
function outranks(a: Point, b: Point): bool {
  const left = a.segment.base + a.kept;
  const right = b.segment.base + b.kept;
  if (left != right) return left > right;
  return !(a.flags & TRIMMED) && (b.flags & TRIMMED) != 0;
}

/** Text must not outlast the tokens: what is added holds at least one. */
function leavesToken(point: Point, atEnd: bool): bool {
  const wanted = changetype<Wanted>(WANTED);
  return !wanted.whole || atEnd || point.segment.base + point.kept < wanted.count;
}

function compareOwn(segment: Segment, stamp: u32): void {
  segment.stamp = stamp;
  segment.equal = 0;
  const parent = segment.parent;
  if (exists(parent) && (parent.stamp != stamp || parent.equal < cutOf(segment))) return;
  const wanted = changetype<Wanted>(WANTED);
  const base = segment.base;
  if (base >= wanted.count) return;
  let equal = equalIds(segment, wanted.ids + (<usize> base << 2), wanted.count - base);
  if (wanted.whole && equal) {
    equal = equalMask(segment, wanted.mask + base, equal);
    const logprobs = wanted.logprobs ? wanted.logprobs + (<usize> base << 3) : 0;
    equal = equalLogprobs(segment, logprobs, equal);
  }
  segment.equal = equal;
}

function countAgreeing(first: Point, scope: u32): u32 {
  let count: u32 = 0;
  for (let p = first; exists(p); p = p.nextAtNode) {
    const fits = scope == ANY_SCOPE || inScope(p.segment, scope);
    if (fits && p.kept <= p.segment.equal) count++;
  }
  return count;
}

/** A stamp that no segment bears. */
function nextStamp(): u32 {
  const h = header();
  if (++h.stamp != 0) return h.stamp;
  for (let s = h.newest; exists(s); s = s.older) s.stamp = 0;
  return ++h.stamp;
}
