/**
 * Logprobs: given as doubles, held as f32 when every one survives the narrowing exactly, else as f64; not at all when
 * each is what a missing one reads as: 0 for loss mask 0, NaN for loss mask 1.
 */
import { commonPrefix } from "./bytes";
import { LOGPROBS_DEFAULT, LOGPROBS_F32, LOGPROBS_F64, Segment } from "./layout";
import {
  logprobBytes,
  logprobKindOf,
  logprobsOf,
  SPAN_BYTES,
  spanMask,
  spansOf,
  spanTokens,
} from "./segments";

/** Fills in what is missing: 0 where nothing was sampled, one and the same NaN where something was. */
function fillLogprobs(logprobs: usize, spans: usize, spanCount: u32): void {
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

/** Fills in what is missing among logprobs that do not all survive the narrowing as numbers; how they are to be held. */
export function sealLogprobs(logprobs: usize, spans: usize, spanCount: u32): u32 {
  fillLogprobs(logprobs, spans, spanCount);
  if (areDefaults(logprobs, spans, spanCount)) return LOGPROBS_DEFAULT;
  let count: u32 = 0;
  for (let i: u32 = 0; i < spanCount; i++) count += spanTokens(spans + i * SPAN_BYTES);
  return survivesNarrowing(logprobs, count) ? LOGPROBS_F32 : LOGPROBS_F64;
}

/** Whether each is what a token without one has. */
export function areDefaults(logprobs: usize, spans: usize, spanCount: u32): bool {
  let at = logprobs;
  for (let i: u32 = 0; i < spanCount; i++) {
    const span = spans + i * SPAN_BYTES;
    const tokens = spanTokens(span);
    if (!allEqual(at, tokens, defaultBits(spanMask(span)))) return false;
    at += <usize> tokens << 3;
  }
  return true;
}

/** Bits of the logprob that a token without one has. */
// @ts-ignore: decorator
@inline
function defaultBits(mask: u32): u64 {
  return mask ? reinterpret<u64>(<f64> NaN) : 0;
}

function allEqual(at: usize, count: u32, bits: u64): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u64>(at + (<usize> i << 3)) != bits) return false;
  }
  return true;
}

/** Whether these doubles are as good as f32, or missing. */
function survivesNarrowing(logprobs: usize, count: u32): bool {
  for (let i: u32 = 0; i < count; i += 2) {
    const at = logprobs + (<usize> i << 3);
    const wide = i + 1 == count ? v128.load64_zero(at) : v128.load(at);
    const back = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(wide));
    if (!i64x2.all_true(v128.or(i64x2.eq(wide, back), f64x2.ne(wide, wide)))) return false;
  }
  return true;
}

/** Writes doubles as f32. Whether all are numbers, and the same ones as before. */
export function narrow(logprobs: usize, count: u32, out: usize): bool {
  let changed = i64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const at = logprobs + (<usize> i << 3);
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const low = f32x4.demote_f64x2_zero(a);
    const high = f32x4.demote_f64x2_zero(b);
    v128.store(out + (<usize> i << 2), i64x2.shuffle(low, high, 0, 2));
    const differ = v128.or(
      f64x2.ne(a, f64x2.promote_low_f32x4(low)),
      f64x2.ne(b, f64x2.promote_low_f32x4(high)),
    );
    changed = v128.or(changed, differ);
  }
  let same = true;
  for (; i < count; i++) {
    const wide = load<f64>(logprobs + (<usize> i << 3));
    store<f32>(out + (<usize> i << 2), <f32> wide);
    if (<f64> <f32> wide != wide) same = false;
  }
  return same && !v128.any_true(changed);
}

/** Writes `count` logprobs of a segment as doubles. A NaN is always the same NaN. */
export function readLogprobs(segment: Segment, count: u32, out: usize): void {
  const kind = logprobKindOf(segment);
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

/**
 * How many of the first `count` tokens have these logprobs: doubles, missing ones among them; 0 when all are missing.
 * Their loss mask is the segment's.
 */
export function equalLogprobs(segment: Segment, logprobs: usize, count: u32): u32 {
  const kind = logprobKindOf(segment);
  if (kind == LOGPROBS_DEFAULT && logprobs == 0) return count;
  let own = logprobsOf(segment);
  let given = logprobs;
  let done: u32 = 0;
  for (let span = spansOf(segment); done < count; span += SPAN_BYTES) {
    const tokens = min<u32>(spanTokens(span), count - done);
    const same = equalRun(kind, own, given, tokens, defaultBits(spanMask(span)));
    done += same;
    if (same < tokens) break;
    own += <usize> tokens * logprobBytes(kind);
    if (given) given += <usize> tokens << 3;
  }
  return done;
}

/** As `equalLogprobs`, for tokens of one mask. */
function equalRun(kind: u32, own: usize, given: usize, count: u32, missing: u64): u32 {
  const usual = reinterpret<f64>(missing);
  let a = usual;
  let b = usual;
  for (let i = kind == LOGPROBS_F32 && given ? equalWidened(own, given, count) : 0; i < count; i++) {
    if (kind == LOGPROBS_F32) a = <f64> load<f32>(own + (<usize> i << 2));
    else if (kind == LOGPROBS_F64) a = load<f64>(own + (<usize> i << 3));
    if (given) b = load<f64>(given + (<usize> i << 3));
    if (reinterpret<u64>(a == a ? a : usual) != reinterpret<u64>(b == b ? b : usual)) return i;
  }
  return count;
}

/** How many leading f32 equal the doubles, bit for bit: a multiple of 8; stops also at a NaN, which may be equal. */
function equalWidened(own: usize, given: usize, count: u32): u32 {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const at = given + (<usize> i << 3);
    const differ = v128.or(differ4(own + (<usize> i << 2), at), differ4(own + (<usize> i << 2) + 16, at + 32));
    if (v128.any_true(differ)) break;
  }
  return i;
}

/** Not all zero where four f32 are not these doubles. */
// @ts-ignore: decorator
@inline
function differ4(own: usize, given: usize): v128 {
  const four = v128.load(own);
  const low = v128.xor(f64x2.promote_low_f32x4(four), v128.load(given));
  const high = v128.xor(f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 1)), v128.load(given, 16));
  return v128.or(low, high);
}
