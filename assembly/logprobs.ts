/**
 * Logprobs: given as doubles, held as f32 when every one survives the narrowing exactly, else as f64; not at all when
 * each is what a missing one reads as: 0 for loss mask 0, NaN for loss mask 1.
 */
import { commonPrefix } from "./bytes";
import { LOGPROBS_DEFAULT, LOGPROBS_F32, LOGPROBS_F64, Segment } from "./layout";
import { logprobsOf, SPAN_BYTES, spanMask, spansOf, spanTokens } from "./segments";

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

/** How these logprobs, filled in, are to be held. */
export function logprobKindOf(logprobs: usize, spans: usize, spanCount: u32): u32 {
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

/** Bits of the logprob that a token without one has. */
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

/** Writes doubles as f32. */
export function narrow(logprobs: usize, count: u32, out: usize): void {
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

/** How many of the first `count` tokens have these logprobs: doubles, filled in; 0 for the defaults. */
export function equalLogprobs(segment: Segment, logprobs: usize, count: u32): u32 {
  const kind = segment.logprobKind;
  if (kind == LOGPROBS_DEFAULT && logprobs == 0) return count;
  const own = logprobsOf(segment);
  if (kind == LOGPROBS_F64 && logprobs != 0) return commonPrefix(own, logprobs, count << 3) >> 3;
  let i = kind == LOGPROBS_F32 && logprobs != 0 ? equalWidened(own, logprobs, count) : 0;
  if (i == count) return count;
  let span = spansOf(segment);
  let before: u32 = 0;
  for (; before + spanTokens(span) <= i; span += SPAN_BYTES) before += spanTokens(span);
  let left = spanTokens(span) - (i - before);
  for (; i < count; i++) {
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

/** How many leading f32 equal the doubles, bit for bit: a multiple of 4, or all; stops also at a NaN, which may be equal. */
function equalWidened(own: usize, logprobs: usize, count: u32): u32 {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const four = v128.load(own + (<usize> i << 2));
    const at = logprobs + (<usize> i << 3);
    const low = i64x2.eq(f64x2.promote_low_f32x4(four), v128.load(at));
    const high = i64x2.eq(f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 1)), v128.load(at, 16));
    if (!i64x2.all_true(v128.and(low, high))) break;
  }
  return i;
}

// @ts-ignore: decorator
@inline
function ownLogprob(kind: u32, own: usize, i: u32, usual: u64): u64 {
  if (kind == LOGPROBS_DEFAULT) return usual;
  if (kind == LOGPROBS_F64) return load<u64>(own + (<usize> i << 3));
  const value = <f64> load<f32>(own + (<usize> i << 2));
  return value != value ? usual : reinterpret<u64>(value);
}
