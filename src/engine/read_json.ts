/**
 * JSON of untrusted origin: how deep it nests is looked at before it is parsed, since `JSON.parse` takes half a microsecond
 * a level, and a body may be nothing but levels.
 *
 * @module
 */
import type { JsonValue } from "../types.ts";

/** Deepest nesting of an engine's reply; well-meant ones have some five levels. */
export const REPLY_DEPTH_MAX = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** Sets brackets and braces alike: `[` becomes `{`, `]` becomes `}`. */
const BRACKET_TO_BRACE = 0x20;

const encoder = new TextEncoder();

/**
 * Whether a JSON text nests deeper than `depthMax`. Of a text that is no JSON the answer is either.
 *
 * A text with too few brackets to nest so deep is told at the speed of a native search (0.04 ms for 1 MB); the bytes of
 * the others are looked at one by one (0.8 ms for 1 MB).
 *
 * @param bytes the text in UTF-8, where it is at hand
 * @example
 * ```ts
 * import { nestsDeeper } from "./read_json.ts";
 * if (nestsDeeper('[["[[["]]', 2) || !nestsDeeper('[{"a":[]}]', 2)) throw new Error("brackets in strings do not nest");
 * ```
 */
export function nestsDeeper(json: string, depthMax: number, bytes?: Uint8Array): boolean {
  const left = depthMax - countUpTo(json, "[", depthMax + 1);
  if (left >= 0 && countUpTo(json, "{", left + 1) <= left) return false;
  return bytesNestDeeper(bytes ?? encoder.encode(json), depthMax);
}

/** JSON, or undefined: also for what nests deeper than {@link REPLY_DEPTH_MAX}. */
export function parseJson(text: string): JsonValue | undefined {
  if (nestsDeeper(text, REPLY_DEPTH_MAX)) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** How often `unit` stands in a text, at most `countMax`. */
function countUpTo(text: string, unit: string, countMax: number): number {
  let count = 0;
  for (let at = text.indexOf(unit); at >= 0 && count < countMax; at = text.indexOf(unit, at + 1)) count++;
  return count;
}

function bytesNestDeeper(bytes: Uint8Array, depthMax: number): boolean {
  const { length } = bytes;
  let depth = 0;
  for (let at = 0; at < length;) {
    const byte = bytes[at++] as number;
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte >= OPENING_BRACKET) {
      const brace = byte | BRACKET_TO_BRACE;
      if (brace === OPENING_BRACE && ++depth > depthMax) return true;
      if (brace === CLOSING_BRACE) depth--;
    }
  }
  return false;
}

/** Offset behind the quote that closes the string in which `at` stands. */
function endOfString(bytes: Uint8Array, at: number): number {
  const { length } = bytes;
  while (at < length) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}
