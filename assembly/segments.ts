/**
 * Segments: the tokens of one event, and the path that they continue.
 *
 * After the record lie the ids (u32), the logprobs (f32 when every one survives the narrowing exactly, else f64, or
 * none), and the spans: maximal runs of tokens with one loss mask and one version.
 *
 *   span   0                  4         8
 *          +------------------+---------+
 *          | tokens | mask<<31 | version |
 *          +------------------+---------+
 *
 *   packed     all prompt     nothing                        mask 0, version -1
 *              all sampled    | version |                    mask 1
 *              turn           | tokens | version |           so many of the prompt, the others sampled
 *              many           | count | spans … |
 */
import { allocate, release } from "./arena";
import { commonPrefix, runLength } from "./bytes";
import { header } from "./header";
import {
  Continuation,
  CONTINUES,
  exists,
  IDS_OF_SEGMENT,
  LOGPROBS_DEFAULT,
  LOGPROBS_F32,
  LOGPROBS_F64,
  none,
  OWN_IS_PATH,
  OWN_NONE,
  OWN_SHIFT,
  OWN_STORED,
  PATH_SCOPE_SHIFT,
  Point,
  SCOPE_MIXED,
  SCOPE_NONE,
  Segment,
  SPANS_SHIFT,
  UNPACKED,
} from "./layout";
import { areDefaults, narrow, sealLogprobs } from "./logprobs";
import { delist, isListed, touch, unlisted } from "./recency";

export const SPAN_BYTES: u32 = 8;
const SPAN_MASK_BIT: u32 = 0x80000000;
/** How spans are packed. The first two are the mask, too. */
const SPANS_PROMPT: u32 = 0;
const SPANS_SAMPLED: u32 = 1;
const SPANS_TURN: u32 = 2;
const SPANS_MANY: u32 = 3;
const SCOPES_MIN: u32 = 64;

// @ts-ignore: decorator
@inline
export function idsOf(segment: Segment): usize {
  return changetype<usize>(segment) + IDS_OF_SEGMENT;
}

export function logprobsOf(segment: Segment): usize {
  return idsOf(segment) + (<usize> segment.count << 2);
}

/** Where the packed spans begin. */
function packedOf(segment: Segment): usize {
  return logprobsOf(segment) + <usize> segment.count * logprobBytes(logprobKindOf(segment));
}

// @ts-ignore: decorator
@inline
function packingOf(segment: Segment): u32 {
  return (segment.facts >>> SPANS_SHIFT) & 3;
}

/** The spans of a segment; good until those of another are asked for. */
export function spansOf(segment: Segment): usize {
  const at = packedOf(segment);
  const packing = packingOf(segment);
  if (packing == SPANS_MANY) return at + 4;
  const count = segment.count;
  if (packing == SPANS_TURN) {
    const tokens = load<u32>(at);
    writeSpan(UNPACKED, tokens, 0, -1);
    writeSpan(UNPACKED + SPAN_BYTES, count - tokens, 1, load<i32>(at, 4));
  } else {
    writeSpan(UNPACKED, count, packing, packing ? load<i32>(at) : -1);
  }
  return UNPACKED;
}

function spanCountOf(segment: Segment): u32 {
  const packing = packingOf(segment);
  return packing == SPANS_MANY ? load<u32>(packedOf(segment)) : packing == SPANS_TURN ? 2 : 1;
}

function packingFor(spans: usize, spanCount: u32): u32 {
  const mask = spanMask(spans);
  if (!mask && spanVersion(spans) != -1) return SPANS_MANY;
  if (spanCount == 1) return mask;
  return spanCount == 2 && !mask && spanMask(spans + SPAN_BYTES) ? SPANS_TURN : SPANS_MANY;
}

// @ts-ignore: decorator
@inline
function packedBytes(packing: u32, spanCount: u32): u32 {
  return packing == SPANS_MANY ? 4 + spanCount * SPAN_BYTES : packing << 2;
}

function packSpans(at: usize, packing: u32, spans: usize, spanCount: u32): void {
  if (packing == SPANS_MANY) {
    store<u32>(at, spanCount);
    memory.copy(at + 4, spans, <usize> spanCount * SPAN_BYTES);
  } else if (packing == SPANS_TURN) {
    store<u32>(at, spanTokens(spans));
    store<i32>(at, spanVersion(spans + SPAN_BYTES), 4);
  } else if (packing == SPANS_SAMPLED) {
    store<i32>(at, spanVersion(spans));
  }
}

// @ts-ignore: decorator
@inline
export function spanTokens(span: usize): u32 {
  return load<u32>(span) & ~SPAN_MASK_BIT;
}

// @ts-ignore: decorator
@inline
export function spanMask(span: usize): u32 {
  return load<u32>(span) >>> 31;
}

// @ts-ignore: decorator
@inline
export function spanVersion(span: usize): i32 {
  return load<i32>(span, 4);
}

export function writeSpan(span: usize, tokens: u32, mask: u32, version: i32): void {
  store<u32>(span, tokens | (mask << 31));
  store<i32>(span, version, 4);
}

/** How a segment holds its logprobs. */
// @ts-ignore: decorator
@inline
export function logprobKindOf(segment: Segment): u32 {
  return segment.facts & 3;
}

/** How many of the parent's own tokens come before this. */
export function cutOf(segment: Segment): u32 {
  return segment.facts & CONTINUES ? segment.link.base - segment.link.parent.base : 0;
}

/** Tokens of the path up to a point. */
export function tokensTo(point: Point): u32 {
  return point.segment.base + point.kept;
}

// @ts-ignore: decorator
@inline
export function logprobBytes(kind: u32): u32 {
  return kind == LOGPROBS_DEFAULT ? 0 : kind == LOGPROBS_F32 ? 4 : 8;
}

/**
 * A segment below `parent`, linked into every list but without points yet. `logprobs` are doubles, filled in here where
 * missing, or 0 for the defaults. `spans` holds `spanCount` spans, each with its mask.
 * None when there is no memory: nothing has changed.
 */
export function newSegment(
  parent: Segment,
  cut: u32,
  count: u32,
  ids: usize,
  logprobs: usize,
  spans: usize,
  spanCount: u32,
  scope: u32,
): Segment {
  const h = header();
  if (!reserveScope(scope)) return none<Segment>();
  let kind = logprobs == 0 || areDefaults(logprobs, spans, spanCount) ? LOGPROBS_DEFAULT : LOGPROBS_F32;
  const packing = packingFor(spans, spanCount);
  const path = exists(parent) ? joinScopes(parent.pathScope, scope) : scope;
  const own: u32 = scope == SCOPE_NONE ? OWN_NONE : scope == path ? OWN_IS_PATH : OWN_STORED;
  const before: usize = exists(parent) ? offsetof<Continuation>() : 0;
  const fixed = before as u32 + (IDS_OF_SEGMENT as u32) + packedBytes(packing, spanCount) + (own == OWN_STORED ? 4 : 0);
  const narrowed = before + IDS_OF_SEGMENT + (<usize> count << 2);
  let at = allocateFor(count, kind, fixed);
  // Nearly all are given and are f32: so they are written as such, and only then looked at closer where they are not.
  if (at && kind && !narrow(logprobs, count, at + narrowed)) {
    release(at);
    kind = sealLogprobs(logprobs, spans, spanCount);
    at = allocateFor(count, kind, fixed);
    if (at && kind == LOGPROBS_F32) narrow(logprobs, count, at + narrowed);
  }
  if (at == 0) return none<Segment>();
  const segment = changetype<Segment>(at + before);
  v128.store(changetype<usize>(segment), i8x16.splat(0));
  v128.store(changetype<usize>(segment), i8x16.splat(0), 16);
  segment.count = count;
  segment.facts = kind | packing << SPANS_SHIFT | own << OWN_SHIFT | path << PATH_SCOPE_SHIFT;
  segment.traverseVersion = -1;
  memory.copy(idsOf(segment), ids, <usize> count << 2);
  if (kind == LOGPROBS_F64) memory.copy(logprobsOf(segment), logprobs, <usize> count << 3);
  packSpans(packedOf(segment), packing, spans, spanCount);
  if (own == OWN_STORED) store<u32>(ownScopePlace(segment), scope);
  if (exists(parent)) linkToParent(segment, parent, cut);
  h.segments++;
  h.tokens += count;
  countScope(scope, 1);
  unlisted(segment);
  touch(segment);
  return segment;
}

/** Memory for a segment, with `fixed` bytes beside what a token has; 0 when there is none. */
function allocateFor(count: u32, kind: u32, fixed: u32): usize {
  const bytes: u64 = <u64> (4 + logprobBytes(kind)) * count + fixed;
  return bytes > 0x7fffffff ? <usize> 0 : allocate(bytes as u32);
}

function linkToParent(segment: Segment, parent: Segment, cut: u32): void {
  segment.facts |= CONTINUES;
  const link = segment.link;
  link.parent = parent;
  link.base = parent.base + cut;
  const first = parent.firstChild;
  link.next = first;
  link.previous = none<Segment>();
  if (exists(first)) first.link.previous = segment;
  parent.firstChild = segment;
}

function ownScopePlace(segment: Segment): usize {
  const packing = packingOf(segment);
  const packed = packedOf(segment);
  return packed + packedBytes(packing, packing == SPANS_MANY ? load<u32>(packed) : 0);
}

/** Scope of a segment's own samples. */
export function scopeOf(segment: Segment): u32 {
  const own = (segment.facts >>> OWN_SHIFT) & 3;
  if (own == OWN_STORED) return load<u32>(ownScopePlace(segment));
  return own == OWN_IS_PATH ? segment.pathScope : SCOPE_NONE;
}

/** Takes a segment out of its parent's list. */
export function detach(segment: Segment): void {
  const parent = segment.parent;
  if (!exists(parent)) return;
  const next = segment.link.next;
  const previous = segment.link.previous;
  if (exists(next)) next.link.previous = previous;
  if (exists(previous)) previous.link.next = next;
  else parent.firstChild = next;
}

/** Frees a segment without points and children that is detached. */
export function freeSegment(segment: Segment): void {
  const h = header();
  if (isListed(segment)) delist(segment);
  h.segments--;
  h.tokens -= segment.count;
  countScope(scopeOf(segment), -1);
  release(changetype<usize>(segment) - (segment.facts & CONTINUES ? offsetof<Continuation>() : 0));
}

/** Raises the traverse version of a segment and all it continues. Stops where a newer one has passed already. */
export function raiseVersion(segment: Segment, version: i32): void {
  for (let s = segment; exists(s) && s.traverseVersion < version; s = s.parent) s.traverseVersion = version;
}

function joinScopes(path: u32, own: u32): u32 {
  if (own == SCOPE_NONE || own == path) return path;
  return path == SCOPE_NONE ? own : SCOPE_MIXED;
}

/** Makes sure that segments of this scope can be counted. */
function reserveScope(scope: u32): bool {
  const h = header();
  if (scope < h.scopeCap) return true;
  const cap = max<u32>(SCOPES_MIN, max<u32>(h.scopeCap * 2, scope + 1));
  const refs = allocate(cap << 2);
  if (refs == 0) return false;
  memory.fill(refs, 0, <usize> cap << 2);
  if (h.scopeRefs) {
    memory.copy(refs, h.scopeRefs, <usize> h.scopeCap << 2);
    release(h.scopeRefs);
  }
  h.scopeRefs = refs;
  h.scopeCap = cap;
  return true;
}

function countScope(scope: u32, by: i32): void {
  const at = header().scopeRefs + (<usize> scope << 2);
  store<u32>(at, load<u32>(at) + by);
}

/** Segments of a scope: 0 means that its id may be given to another. */
export function scopeCount(scope: u32): u32 {
  const h = header();
  return scope < h.scopeCap ? load<u32>(h.scopeRefs + (<usize> scope << 2)) : 0;
}

// --- spans ---------------------------------------------------------------------------------------------------------

/** Writes the spans of a loss mask; sampled tokens get `version`. Returns their number; 0 when a value is not 0 or 1. */
export function writeMaskSpans(mask: usize, count: u32, version: i32, spans: usize): u32 {
  let span = spans;
  for (let i: u32 = 0; i < count; span += SPAN_BYTES) {
    const bit: u32 = load<u8>(mask + i);
    if (bit > 1) return 0;
    const run = runLength(mask + i, count - i, bit);
    writeSpan(span, run, bit, bit ? version : -1);
    i += run;
  }
  return ((span - spans) / SPAN_BYTES) as u32;
}

// --- comparison ----------------------------------------------------------------------------------------------------

/** How many of the first tokens of a segment have these ids. */
export function equalIds(segment: Segment, ids: usize, count: u32): u32 {
  return commonPrefix(idsOf(segment), ids, min<u32>(segment.count, count) << 2) >> 2;
}

/** How many of the first `count` tokens of a segment have this loss mask. */
export function equalMask(segment: Segment, mask: usize, count: u32): u32 {
  let done: u32 = 0;
  for (let span = spansOf(segment); done < count; span += SPAN_BYTES) {
    const tokens = min<u32>(spanTokens(span), count - done);
    const same = runLength(mask + done, tokens, spanMask(span));
    done += same;
    if (same < tokens) break;
  }
  return done;
}

/** Whether the spans are these. */
export function equalSpans(segment: Segment, spans: usize, spanCount: u32): bool {
  const bytes = spanCount * SPAN_BYTES;
  return spanCountOf(segment) == spanCount && commonPrefix(spansOf(segment), spans, bytes) == bytes;
}
