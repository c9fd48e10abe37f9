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
 */
import { allocate, release } from "./arena";
import { commonPrefix, runLength } from "./bytes";
import {
  exists,
  header,
  IDS_OF_SEGMENT,
  LOGPROBS_DEFAULT,
  LOGPROBS_F32,
  LOGPROBS_F64,
  none,
  SCOPE_MIXED,
  SCOPE_NONE,
  Segment,
} from "./layout";
import { areDefaults, narrow, sealLogprobs } from "./logprobs";

export const SPAN_BYTES: u32 = 8;
const SPAN_MASK_BIT: u32 = 0x80000000;
/** `spansAndKind`: the kind above the number of spans. */
const KIND_SHIFT: u32 = 30;
const SCOPES_MIN: u32 = 64;

// @ts-ignore: decorator
@inline
export function idsOf(segment: Segment): usize {
  return changetype<usize>(segment) + IDS_OF_SEGMENT;
}

// @ts-ignore: decorator
@inline
export function logprobsOf(segment: Segment): usize {
  return idsOf(segment) + (<usize> segment.count << 2);
}

// @ts-ignore: decorator
@inline
export function spansOf(segment: Segment): usize {
  return logprobsOf(segment) + <usize> segment.count * logprobBytes(logprobKindOf(segment));
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

// @ts-ignore: decorator
@inline
export function writeSpan(span: usize, tokens: u32, mask: u32, version: i32): void {
  store<u32>(span, tokens | (mask << 31));
  store<i32>(span, version, 4);
}

/** Marks a segment as the most recently used. */
export function touch(segment: Segment): void {
  segment.tick = ++header().tick;
}

/** How a segment holds its logprobs. */
// @ts-ignore: decorator
@inline
export function logprobKindOf(segment: Segment): u32 {
  return segment.spansAndKind >>> KIND_SHIFT;
}

/** How many of the parent's own tokens come before this. */
// @ts-ignore: decorator
@inline
export function cutOf(segment: Segment): u32 {
  return exists(segment.parent) ? segment.base - segment.parent.base : 0;
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
  let at = allocateFor(count, kind, spanCount);
  // Nearly all are given and are f32: so they are written as such, and only then looked at closer where they are not.
  if (at && kind && !narrow(logprobs, count, at + IDS_OF_SEGMENT + (<usize> count << 2))) {
    release(at);
    kind = sealLogprobs(logprobs, spans, spanCount);
    at = allocateFor(count, kind, spanCount);
    if (at && kind == LOGPROBS_F32) narrow(logprobs, count, at + IDS_OF_SEGMENT + (<usize> count << 2));
  }
  if (at == 0) return none<Segment>();
  for (let field: usize = 0; field < IDS_OF_SEGMENT; field += 16) v128.store(at + field, i8x16.splat(0));
  const segment = changetype<Segment>(at);
  segment.parent = parent;
  segment.base = cut;
  segment.count = count;
  segment.spansAndKind = spanCount | kind << KIND_SHIFT;
  segment.traverseVersion = -1;
  segment.scope = scope;
  segment.pathScope = scope;
  memory.copy(idsOf(segment), ids, <usize> count << 2);
  if (kind == LOGPROBS_F64) memory.copy(logprobsOf(segment), logprobs, <usize> count << 3);
  const ownSpans = spansOf(segment);
  for (let i: u32 = 0; i < spanCount * SPAN_BYTES; i += SPAN_BYTES) store<u64>(ownSpans + i, load<u64>(spans + i));
  if (exists(parent)) linkToParent(segment, parent);
  linkAsNewest(segment);
  h.segments++;
  h.tokens += count;
  countScope(scope, 1);
  touch(segment);
  return segment;
}

/** Memory for a segment; 0 when there is none. */
function allocateFor(count: u32, kind: u32, spanCount: u32): usize {
  const perToken: u64 = 4 + logprobBytes(kind);
  const bytes = <u64> IDS_OF_SEGMENT + perToken * count + <u64> spanCount * SPAN_BYTES;
  return bytes > 0x7fffffff ? <usize> 0 : allocate(bytes as u32);
}

function linkToParent(segment: Segment, parent: Segment): void {
  segment.base += parent.base;
  segment.pathScope = joinScopes(parent.pathScope, segment.scope);
  const first = parent.firstChild;
  segment.nextSibling = first;
  if (exists(first)) first.prevSibling = segment;
  parent.firstChild = segment;
}

function linkAsNewest(segment: Segment): void {
  const h = header();
  segment.older = h.newest;
  if (exists(h.newest)) h.newest.newer = segment;
  else h.oldest = segment;
  h.newest = segment;
}

/** Takes a segment without points and children out of every list and frees it. */
export function freeSegment(segment: Segment): void {
  const h = header();
  if (h.gcCursor == segment) h.gcCursor = segment.older;
  if (exists(segment.older)) segment.older.newer = segment.newer;
  else h.oldest = segment.newer;
  if (exists(segment.newer)) segment.newer.older = segment.older;
  else h.newest = segment.older;
  const parent = segment.parent;
  if (exists(parent)) {
    const next = segment.nextSibling;
    const previous = segment.prevSibling;
    if (exists(next)) next.prevSibling = previous;
    if (exists(previous)) previous.nextSibling = next;
    else parent.firstChild = next;
  }
  h.segments--;
  h.tokens -= segment.count;
  countScope(segment.scope, -1);
  release(changetype<usize>(segment));
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
  return (segment.spansAndKind & ~(~0 << KIND_SHIFT)) == spanCount && commonPrefix(spansOf(segment), spans, bytes) == bytes;
}
