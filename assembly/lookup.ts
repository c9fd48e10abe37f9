/** Look-ups as the ABI offers them: a query in the input window, a result record, a path in the output window. */
import { utf16Length } from "./bytes";
import { beginsWithEvicted } from "./evicted";
import { header, NO_POINT, result } from "./header";
import { exists, Point } from "./layout";
import { findText, findTokens, pointOfTokens, tokensGiven, Wanted, WANTED } from "./match";
import { writeHandle, writePath } from "./output";
import { pointAt } from "./points";
import { pin, touch } from "./recency";

/** Flags beside those of output.ts: pin what is found; the text is ASCII, so that its bytes are UTF-16 units. */
export const PIN: u32 = 32;
export const ASCII: u32 = 64;

/** Answers the question `mode` for the first `length` bytes of the input window. False: no memory for the answer. */
export function lookupText(mode: u32, length: u32, scope: u32, flags: u32): bool {
  const text = header().input;
  const found = findText(mode, text, length, scope);
  noteEvicted(text, length);
  if (!exists(found)) return nothing();
  const spliceBytes = result().spliceBytes;
  const kept = tokensGiven(found, mode, spliceBytes == length);
  return answer(pointOfTokens(found, kept), kept, text, flags);
}

/** Finds the longest path whose tokens begin `count` ids, which lie at `ids`; the text guides. */
export function lookupTokens(length: u32, ids: usize, count: u32, scope: u32, flags: u32): bool {
  const text = header().input;
  const wanted = changetype<Wanted>(WANTED);
  wanted.ids = ids;
  wanted.count = count;
  wanted.whole = false;
  const found = findTokens(text, length, scope);
  noteEvicted(text, length);
  return exists(found) ? answer(found, found.kept, text, flags) : nothing();
}

/** Writes the path that ends at a handle; NO_POINT in the result when it is stale. */
export function readHandle(address: usize, serial: u64, flags: u32): bool {
  const point = pointAt(address, serial);
  if (!exists(point)) return nothing();
  writeHandle(point);
  return writePath(point.segment, point.kept, flags);
}

/**
 * Writes the path of `tokens` tokens that a look-up has found, as long as its point stands. False when it does not, or
 * when there is no memory.
 */
export function readFound(address: usize, serial: u64, tokens: u32, flags: u32): bool {
  const point = pointAt(address, serial);
  return exists(point) && writePath(point.segment, tokens - point.segment.base, flags);
}

function noteEvicted(text: usize, length: u32): void {
  const r = result();
  const used = r.spliceBytes;
  r.evicted = u32(used < length && header().evicted != 0 && beginsWithEvicted(text, length, used));
}

function answer(point: Point, kept: u32, text: usize, flags: u32): bool {
  const r = result();
  r.units = flags & ASCII ? r.spliceBytes : utf16Length(text, r.spliceBytes);
  touch(point.segment);
  writeHandle(point);
  if (!writePath(point.segment, kept, flags)) return false;
  if (flags & PIN) pin(point.segment);
  return true;
}

function nothing(): bool {
  const r = result();
  r.point = NO_POINT;
  r.tokens = 0;
  r.units = 0;
  r.digitsLen = 0;
  return true;
}
