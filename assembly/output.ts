/** The windows through which the host hands in a query and reads an answer. */
import { allocateWindow, releaseWindow, usableSize } from "./arena";
import { DIGITS_MAX, DIGITS_SLACK, writeDigits } from "./digits";
import { header, result } from "./header";
import { exists, LOGPROBS_F32, LOGPROBS_F64, parentOf, Point, Segment } from "./layout";
import { readLogprobs } from "./logprobs";
import {
  cutOf,
  idsOf,
  logprobKindOf,
  logprobsOf,
  SPAN_BYTES,
  spanMask,
  spansOf,
  spanTokens,
  spanVersion,
} from "./segments";

/** What of a path is written to the output window. */
export const WANT_IDS: u32 = 1;
export const WANT_LOGPROBS: u32 = 2;
export const WANT_LOSS_MASK: u32 = 4;
export const WANT_VERSIONS: u32 = 8;
export const WANT_DIGITS: u32 = 16;
/** The host reads in place: what a path of one segment holds in one piece is not copied. */
export const WANT_IN_PLACE: u32 = 128;

const WANT_ANY: u32 = WANT_IDS | WANT_LOGPROBS | WANT_LOSS_MASK | WANT_VERSIONS | WANT_DIGITS;

const WINDOW_MIN: u32 = 1 << 16;

/** Makes the input window at least `bytes` long; what is in it is lost. False when there is no memory: it stays. */
export function reserveInput(bytes: u32): bool {
  const h = header();
  if (bytes <= h.inputCap) return true;
  const window = newWindow(h.input, bytes);
  if (window == 0) return false;
  h.input = window;
  h.inputCap = usableSize(window);
  return true;
}

/** Makes the output window at least `bytes` long; what is in it is lost. False when there is no memory: it stays. */
export function reserveOutput(bytes: u32): bool {
  const h = header();
  if (bytes <= h.outputCap) return true;
  const window = newWindow(h.output, bytes);
  if (window == 0) return false;
  h.output = window;
  h.outputCap = usableSize(window);
  return true;
}

/** The old window goes last: where memory is full, there would be no other, and no more question to be asked. */
function newWindow(old: usize, bytes: u32): usize {
  const window = allocateWindow(windowSize(bytes));
  if (window) releaseWindow(old);
  return window;
}

/** An eighth more than asked for, so that a text that grows turn by turn does not move the window each time. */
function windowSize(bytes: u32): u32 {
  return max<u32>(WINDOW_MIN, bytes + (bytes >> 3));
}

/**
 * Writes the path that ends `kept` tokens into `segment`. False when there is no memory for the window.
 *
 * Logprobs, ids, versions and loss mask lie one behind another, so that the host copies them in one piece. Ids alone, and
 * what is read in place, are not copied where one segment holds them.
 */
export function writePath(segment: Segment, kept: u32, wanted: u32): bool {
  const r = result();
  const count = segment.base + kept;
  r.tokens = count;
  if (!(wanted & WANT_ANY)) return true;
  const single = !exists(segment.parent);
  const idsInPlace = single && (wanted & WANT_IN_PLACE || !(wanted & WANT_LOGPROBS));
  const kind = logprobKindOf(segment);
  // Doubles behind an odd number of ids lie where no view of doubles may begin.
  const aligned = kind == LOGPROBS_F32 || (kind == LOGPROBS_F64 && (logprobsOf(segment) & 7) == 0);
  const logprobsInPlace = single && wanted & WANT_IN_PLACE && aligned;
  const perToken: u64 = 4 + 8 + 4 + 1 + (wanted & WANT_DIGITS ? DIGITS_MAX : 0);
  const bytes = perToken * count + DIGITS_SLACK;
  if (bytes > 0x7fffffff || !reserveOutput(bytes as u32)) return false;
  const logprobs = header().output;
  const copies = logprobs + (wanted & WANT_LOGPROBS && !logprobsInPlace ? <usize> count << 3 : 0);
  const versions = copies + (idsInPlace ? 0 : <usize> count << 2);
  const lossMask = versions + (wanted & WANT_VERSIONS ? <usize> count << 2 : 0);
  const ids = idsInPlace ? idsOf(segment) : copies;
  r.ids = ids;
  r.logprobs = logprobsInPlace ? logprobsOf(segment) : logprobs;
  r.logprobBytes = logprobsInPlace && kind == LOGPROBS_F32 ? 4 : 8;
  r.versions = versions;
  r.lossMask = lossMask;
  let tokens = kept;
  for (let s = segment; exists(s); s = parentOf(s)) {
    const base: usize = s.base;
    if (!idsInPlace && wanted & (WANT_IDS | WANT_DIGITS)) memory.copy(ids + (base << 2), idsOf(s), <usize> tokens << 2);
    if (!logprobsInPlace && wanted & WANT_LOGPROBS) readLogprobs(s, tokens, logprobs + (base << 3));
    if (wanted & (WANT_LOSS_MASK | WANT_VERSIONS)) {
      writeSpans(
        s,
        tokens,
        wanted & WANT_LOSS_MASK ? lossMask + base : 0,
        wanted & WANT_VERSIONS ? versions + (base << 2) : 0,
      );
    }
    tokens = cutOf(s);
  }
  if (wanted & WANT_DIGITS) {
    r.digits = lossMask + (wanted & WANT_LOSS_MASK ? <usize> count : 0);
    r.digitsLen = writeDigits(ids, count, r.digits);
  }
  return true;
}

function writeSpans(segment: Segment, count: u32, lossMask: usize, versions: usize): void {
  let done: u32 = 0;
  for (let span = spansOf(segment); done < count; span += SPAN_BYTES) {
    const tokens = min<u32>(spanTokens(span), count - done);
    if (lossMask) memory.fill(lossMask + done, spanMask(span) as u8, tokens);
    if (versions) fillWords(versions + (<usize> done << 2), tokens, spanVersion(span));
    done += tokens;
  }
}

function fillWords(at: usize, count: u32, value: i32): void {
  const four = i32x4.splat(value);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) v128.store(at + (<usize> i << 2), four);
  for (; i < count; i++) store<i32>(at + (<usize> i << 2), value);
}

/** Names a point to the host. */
export function writeHandle(point: Point): void {
  const r = result();
  r.point = changetype<u32>(point);
  r.serialLow = point.generation;
  r.serialHigh = header().epoch;
}
