/**
 * Token ids written as JSON digits.
 *
 * @module
 */

const COMMA = 0x2c;
const ZERO = 0x30;
const QUAD = 10_000;
/** Ids below are two quads at most, and an `int` in the compiled loop. */
const TWO_QUADS = QUAD * QUAD;

/** The digits of each number below {@link QUAD} as the little-endian word that writes them, with zeros in front. */
const padded = new Uint32Array(QUAD);
/** The same without zeros in front, and how many digits those are: a table, for widths are hard to predict. */
const short = new Uint32Array(QUAD);
const widths = new Uint8Array(QUAD);
for (let number = 0; number < QUAD; number++) {
  const thousands = (number / 1_000) | 0;
  const digits = [thousands, ((number / 100) | 0) % 10, ((number / 10) | 0) % 10, number % 10];
  padded[number] = digits.reduce((word, digit, at) => word + ((ZERO + digit) << (8 * at)), 0);
  widths[number] = widthOf(number);
  short[number] = padded[number]! >>> (8 * (4 - widthOf(number)));
}

/**
 * JSON digits of ids, without brackets: `1,22,333`. Written straight into bytes, four digits at a time: for the 300,000
 * ids of a 1 MB prompt that is 2 ms where `join` takes 20.
 *
 * @example
 * ```ts
 * import { idsToDigits } from "./id_digits.ts";
 * const text = new TextDecoder().decode(idsToDigits(Uint32Array.of(7, 151644)));
 * if (text !== "7,151644") throw new Error(text);
 * ```
 */
export function idsToDigits(ids: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(idDigitsRoom(ids));
  return bytes.subarray(0, writeIdDigits(ids, bytes, 0));
}

/** Bytes that {@link writeIdDigits} needs at most. */
export function idDigitsRoom(ids: Uint32Array): number {
  let bits = 0;
  for (let i = 0; i < ids.length; i++) bits |= ids[i] as number;
  // A comma for each id; the last one's word may reach over its digits.
  return ids.length * (widthOf(bits >>> 0) + 1) + 4;
}

/** Writes what {@link idsToDigits} gives at `at`, where there must be {@link idDigitsRoom}. Gives the offset of its end. */
export function writeIdDigits(ids: Uint32Array, bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = at;
  for (let i = 0; i < ids.length; i++) {
    const id = (ids[i] as number) | 0;
    if (id < 0 || id >= TWO_QUADS) {
      end = writeLarge(id >>> 0, bytes, end);
    } else {
      const upper = (id / QUAD) | 0;
      const lower = id - upper * QUAD;
      if (upper === 0) {
        view.setUint32(end, short[lower] as number, true);
        end += widths[lower] as number;
      } else {
        view.setUint32(end, short[upper] as number, true);
        end += widths[upper] as number;
        view.setUint32(end, padded[lower] as number, true);
        end += 4;
      }
    }
    bytes[end++] = COMMA;
  }
  return ids.length === 0 ? at : end - 1;
}

/** No vocabulary is so large, but an id may be anything. */
function writeLarge(id: number, bytes: Uint8Array, at: number): number {
  const end = at + widthOf(id);
  for (let from = end - 1, rest = id; from >= at; from--, rest = Math.floor(rest / 10)) {
    bytes[from] = ZERO + rest % 10;
  }
  return end;
}

function widthOf(number: number): number {
  if (number < QUAD) return number < 100 ? (number < 10 ? 1 : 2) : (number < 1_000 ? 3 : 4);
  let width = 5;
  for (let bound = 100_000; number >= bound; bound *= 10) width++;
  return width;
}
