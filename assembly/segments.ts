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
import { allocate, release, usableSize } from "./arena";
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

export const SPAN_BYTES: u32 = 8;
const SPAN_MASK_BIT: u32 = 0x80000000;
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
  return logprobsOf(segment) + <usize> segment.count * logprobBytes(segment.logprobKind);
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

// @ts-ignore: decorator
@inline
export function tickOf(segment: Segment): u64 {
  return load<u64>(changetype<usize>(segment), offsetof<Segment>("tickLow"));
}

// @ts-ignore: decorator
@inline
export function setTick(segment: Segment, tick: u64): void {
  store<u64>(changetype<usize>(segment), tick, offsetof<Segment>("tickLow"));
}

/** Marks a segment as the most recently used. */
export function touch(segment: Segment): void {
  setTick(segment, ++header().tick);
}

// @ts-ignore: decorator
@inline
function logprobBytes(kind: u32): u32 {
  return kind == LOGPROBS_DEFAULT ? 0 : kind == LOGPROBS_F32 ? 4 : 8;
}

/**
 * A segment below `parent`, linked into every list but without points yet. `logprobs` are doubles, already filled in
 * where missing (see `fillLogprobs`), or 0 for the defaults. `spans` holds `spanCount` spans, each with its mask.
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
  const kind = logprobs == 0 ? LOGPROBS_DEFAULT : logprobKindOf(logprobs, spans, spanCount);
  const perToken: u64 = 4 + logprobBytes(kind);
  const bytes = <u64> IDS_OF_SEGMENT + perToken * count + <u64> spanCount * SPAN_BYTES;
  const at = bytes > 0x7fffffff ? <usize> 0 : allocate(bytes as u32);
  if (at == 0) return none<Segment>();
  memory.fill(at, 0, IDS_OF_SEGMENT);
  const segment = changetype<Segment>(at);
  segment.parent = parent;
  segment.cut = cut;
  segment.count = count;
  segment.spans = spanCount;
  segment.logprobKind = kind;
  segment.traverseVersion = -1;
  segment.scope = scope;
  segment.pathScope = scope;
  segment.pathTokens = count;
  memory.copy(idsOf(segment), ids, <usize> count << 2);
  if (kind == LOGPROBS_F32) narrow(logprobs, count, logprobsOf(segment));
  else if (kind == LOGPROBS_F64) memory.copy(logprobsOf(segment), logprobs, <usize> count << 3);
  memory.copy(spansOf(segment), spans, spanCount * SPAN_BYTES);
  if (exists(parent)) linkToParent(segment, parent);
  linkAsNewest(segment);
  h.segments++;
  h.tokens += count;
  countScope(scope, 1);
  touch(segment);
  return segment;
}

function linkToParent(segment: Segment, parent: Segment): void {
  segment.base = parent.base + segment.cut;
  segment.pathTokens += parent.pathTokens;
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

/** Writes the spans of a loss mask; sampled tokens get `version`. Returns their number. */
export function writeMaskSpans(mask: usize, count: u32, version: i32, spans: usize): u32 {
  let span = spans;
  for (let i: u32 = 0; i < count; span += SPAN_BYTES) {
    const bit: u32 = load<u8>(mask + i);
    const run = runLength(mask + i, count - i, bit);
    writeSpan(span, run, bit, bit ? version : -1);
    i += run;
  }
  return ((span - spans) / SPAN_BYTES) as u32;
}

// --- logprobs ------------------------------------------------------------------------------------------------------

/** Fills in what is missing: 0 where nothing was sampled, one and the same NaN where something was. */
export function fillLogprobs(logprobs: usize, spans: usize, spanCount: u32): void {
  let at = logprobs;
  for (let i: u32 = 0; i < spanCount; i++) {
    const span = spans + i * SPAN_BYTES;
    const missing: f64 = spanMask(span) ? NaN : 0;
    const end = at + (<usize> spanTokens(span) << 3);
    while (at < end) {
      at = firstMissing(at, end);
      if (at < end) store<f64>(at, missing);
      at += 8;
    }
    at = end;
  }
}

/** Address of the first NaN, or some address from `end` on. */
function firstMissing(start: usize, end: usize): usize {
  let at = start;
  while (at + 32 <= end) {
    const low = v128.load(at);
    const high = v128.load(at, 16);
    if (v128.any_true(v128.or(f64x2.ne(low, low), f64x2.ne(high, high)))) break;
    at += 32;
  }
  for (; at < end; at += 8) {
    const value = load<f64>(at);
    if (value != value) break;
  }
  return at;
}

function logprobKindOf(logprobs: usize, spans: usize, spanCount: u32): u32 {
  let at = logprobs;
  let allDefault = true;
  let count: u32 = 0;
  for (let i: u32 = 0; i < spanCount; i++) {
    const span = spans + i * SPAN_BYTES;
    const tokens = spanTokens(span);
    if (allDefault && !allEqual(at, tokens, defaultBits(spanMask(span)))) allDefault = false;
    at += <usize> tokens << 3;
    count += tokens;
  }
  if (allDefault) return LOGPROBS_DEFAULT;
  return survivesNarrowing(logprobs, count) ? LOGPROBS_F32 : LOGPROBS_F64;
}

// @ts-ignore: decorator
@inline
export function defaultBits(mask: u32): u64 {
  return mask ? reinterpret<u64>(<f64> NaN) : 0;
}

function allEqual(at: usize, count: u32, bits: u64): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u64>(at + (<usize> i << 3)) != bits) return false;
  }
  return true;
}

function survivesNarrowing(logprobs: usize, count: u32): bool {
  let at = logprobs;
  const pairsEnd = logprobs + (<usize> (count & ~1) << 3);
  for (; at < pairsEnd; at += 16) {
    const wide = v128.load(at);
    const back = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(wide));
    const same = v128.or(i64x2.eq(wide, back), f64x2.ne(wide, wide));
    if (!i64x2.all_true(same)) return false;
  }
  if (!(count & 1)) return true;
  const last = load<f64>(at);
  return last != last || reinterpret<u64>(<f64> (<f32> last)) == reinterpret<u64>(last);
}

function narrow(logprobs: usize, count: u32, out: usize): void {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const low = f32x4.demote_f64x2_zero(v128.load(logprobs + (<usize> i << 3)));
    const high = f32x4.demote_f64x2_zero(v128.load(logprobs + (<usize> i << 3), 16));
    v128.store(out + (<usize> i << 2), i64x2.shuffle(low, high, 0, 2));
  }
  for (; i < count; i++) store<f32>(out + (<usize> i << 2), <f32> load<f64>(logprobs + (<usize> i << 3)));
}

/** Writes `count` logprobs of a segment as doubles. A NaN is always the same NaN. */
export function readLogprobs(segment: Segment, count: u32, out: usize): void {
  const kind = segment.logprobKind;
  const from = logprobsOf(segment);
  if (kind == LOGPROBS_F64) {
    memory.copy(out, from, <usize> count << 3);
  } else if (kind == LOGPROBS_F32) {
    widen(from, count, out);
  } else {
    let written: u32 = 0;
    for (let span = spansOf(segment); written < count; span += SPAN_BYTES) {
      const tokens = min<u32>(spanTokens(span), count - written);
      const bits = defaultBits(spanMask(span));
      if (bits == 0) memory.fill(out + (<usize> written << 3), 0, <usize> tokens << 3);
      else for (let i: u32 = 0; i < tokens; i++) store<u64>(out + (<usize> (written + i) << 3), bits);
      written += tokens;
    }
  }
}

function widen(from: usize, count: u32, out: usize): void {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const four = v128.load(from + (<usize> i << 2));
    v128.store(out + (<usize> i << 3), f64x2.promote_low_f32x4(four));
    v128.store(out + (<usize> i << 3), f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 1)), 16);
  }
  for (; i < count; i++) store<f64>(out + (<usize> i << 3), <f64> load<f32>(from + (<usize> i << 2)));
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

/** How many of the first `count` tokens have these logprobs: doubles, filled in; 0 for the defaults. */
export function equalLogprobs(segment: Segment, logprobs: usize, count: u32): u32 {
  const kind = segment.logprobKind;
  if (kind == LOGPROBS_DEFAULT && logprobs == 0) return count;
  const own = logprobsOf(segment);
  if (kind == LOGPROBS_F64 && logprobs != 0) return commonPrefix(own, logprobs, count << 3) >> 3;
  let span = spansOf(segment);
  let left = spanTokens(span);
  for (let i: u32 = 0; i < count; i++) {
    if (left == 0) {
      span += SPAN_BYTES;
      left = spanTokens(span);
    }
    left--;
    const usual = defaultBits(spanMask(span));
    const wanted = logprobs ? load<u64>(logprobs + (<usize> i << 3)) : usual;
    if (wanted != ownLogprob(kind, own, i, usual)) return i;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function ownLogprob(kind: u32, own: usize, i: u32, usual: u64): u64 {
  if (kind == LOGPROBS_DEFAULT) return usual;
  if (kind == LOGPROBS_F64) return load<u64>(own + (<usize> i << 3));
  const value = <f64> load<f32>(own + (<usize> i << 2));
  return value != value ? usual : reinterpret<u64>(value);
}

/** Whether the spans are these. */
export function equalSpans(segment: Segment, spans: usize, spanCount: u32): bool {
  const bytes = spanCount * SPAN_BYTES;
  return segment.spans == spanCount && commonPrefix(spansOf(segment), spans, bytes) == bytes;
}

/** Bytes of a segment in the arena. */
export function segmentBytes(segment: Segment): u32 {
  return usableSize(changetype<usize>(segment)) + 4;
}
