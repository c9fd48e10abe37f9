/** Look-ups: by text, where text decides where to stop; and by tokens, where text guides the walk and tokens decide. */
import { continuesSequence } from "./bytes";
import { findChild } from "./children";
import { header, result } from "./header";
import {
  exists,
  INSERTED,
  MEMO,
  Node,
  none,
  parentOf,
  Point,
  RETRIEVE_ONLY,
  SCOPE_NONE,
  Segment,
  SPLICE,
  TRIMMED,
} from "./layout";
import { equalLogprobs } from "./logprobs";
import { cutOf, equalIds, equalMask, tokensTo } from "./segments";
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
 * What a segment continues has a point at or above its own, made earlier: so walking down, oldest first, meets it before.
 */
export function findTokens(text: usize, length: u32, scope: u32): Point {
  const h = header();
  const r = result();
  nextStamp();
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
    const better = betterAt(node, best, scope, depth == length);
    if (better == best) continue;
    best = better;
    r.spliceBytes = depth;
  }
  r.matchedBytes = matched;
  return best;
}

/** A better point at a node than the best known, or that. Counts those that agree when it is better. */
function betterAt(node: Node, known: Point, scope: u32, atEnd: bool): Point {
  let best = known;
  let agreeing: u32 = 0;
  let point = node.points;
  while (exists(point.nextAtNode)) point = point.nextAtNode;
  for (; exists(point); point = point.prevAtNode) {
    if (!agrees(point)) continue;
    if (scope != ANY_SCOPE && !inScope(point.segment, scope)) continue;
    agreeing++;
    if (!leavesToken(point, atEnd)) continue;
    if (!exists(best) || !outranks(best, point)) best = point;
  }
  if (best != known) result().candidates = agreeing;
  return best;
}

/** Whether `a` is preferred to `b`, which lies deeper or is newer. */
function outranks(a: Point, b: Point): bool {
  const left = tokensTo(a);
  const right = tokensTo(b);
  if (left != right) return left > right;
  return !(a.flags & TRIMMED) && (b.flags & TRIMMED) != 0;
}

/** Text must not outlast the tokens: what is added holds at least one. */
function leavesToken(point: Point, atEnd: bool): bool {
  const wanted = changetype<Wanted>(WANTED);
  return !wanted.whole || atEnd || tokensTo(point) < wanted.count;
}

// --- what has been compared ----------------------------------------------------------------------------------------

/**
 * How many own tokens of a segment agree, for segments that are asked about again: those of several points, and those
 * that others continue. A place for each by its address; one that another has taken costs a comparison.
 */
@unmanaged
class Memo {
  /** Operation that wrote it. */
  stamp: u32;
  segment: Segment = none<Segment>();
  equal: u32;
}
const MEMO_COUNT: usize = 512;

function memoOf(segment: Segment): Memo {
  const address = changetype<usize>(segment);
  return changetype<Memo>(MEMO + (((address >> 4) ^ (address >> 13)) & (MEMO_COUNT - 1)) * offsetof<Memo>());
}

function holdsFor(memo: Memo, segment: Segment): bool {
  return memo.segment == segment && memo.stamp == header().stamp;
}

/** Whether the path up to a point has the wanted tokens of the last `findTokens`. */
export function agrees(point: Point): bool {
  const segment = point.segment;
  const memo = memoOf(segment);
  return point.kept <= (holdsFor(memo, segment) ? memo.equal : compare(segment, memo));
}

/** How many own tokens of a segment agree: none where what it continues does not. */
function compare(segment: Segment, memo: Memo): u32 {
  let equal: u32 = 0;
  if (continuesAgreeing(segment)) equal = equalOwn(segment, 0xffffffff);
  if (exists(segment.firstChild) || exists(segment.points.nextOfSegment)) {
    memo.stamp = header().stamp;
    memo.segment = segment;
    memo.equal = equal;
  }
  return equal;
}

function continuesAgreeing(segment: Segment): bool {
  const parent = parentOf(segment);
  if (!exists(parent)) return true;
  const memo = memoOf(parent);
  const cut = segment.link.base - parent.base;
  if (holdsFor(memo, parent)) return cut <= memo.equal;
  // It is asked about again, by others that continue it.
  return cut <= compareLost(parent, memo);
}

/** As `compare`, where another has taken the place: what is above is compared once more, too, up to what is known. */
function compareLost(segment: Segment, memo: Memo): u32 {
  let child = segment;
  let agreeing = true;
  for (let s = segment.parent; exists(s) && agreeing; s = s.parent) {
    const cut = cutOf(child);
    const known = memoOf(s);
    if (holdsFor(known, s)) {
      agreeing = cut <= known.equal;
      break;
    }
    agreeing = cut <= equalOwn(s, s.base + cut);
    child = s;
  }
  memo.stamp = header().stamp;
  memo.segment = segment;
  return memo.equal = agreeing ? equalOwn(segment, 0xffffffff) : 0;
}

/** How many own tokens of a segment are those wanted at their places, of the first `count` of the path. */
function equalOwn(segment: Segment, count: u32): u32 {
  const wanted = changetype<Wanted>(WANTED);
  const base = segment.base;
  const end = min<u32>(count, wanted.count);
  if (base >= end) return 0;
  let equal = equalIds(segment, wanted.ids + (<usize> base << 2), end - base);
  if (wanted.whole && equal) {
    equal = equalMask(segment, wanted.mask + base, equal);
    const logprobs = wanted.logprobs ? wanted.logprobs + (<usize> base << 3) : 0;
    equal = equalLogprobs(segment, logprobs, equal);
  }
  return equal;
}

/** Begins an operation that compares: what others have compared holds no more. */
function nextStamp(): void {
  const h = header();
  if (++h.stamp == 0) {
    memory.fill(MEMO, 0, MEMO_COUNT * offsetof<Memo>());
    h.stamp = 1;
  }
}
