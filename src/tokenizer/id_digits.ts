/**
 * Token ids written as JSON digits.
 *
 * @module
 */

const COMMA = 0x2c;
const ZERO = 0x30;
/** Digits of the largest id, and a comma. */
const BYTES_PER_ID_MAX = 11;

/**
 * JSON digits of ids, without brackets: `1,22,333`. Written straight into bytes: for the 300,000 ids of a 1 MB prompt
 * that is 3 ms where `join` takes 20.
 *
 * @example
 * ```ts
 * import { idsToDigits } from "./id_digits.ts";
 * const text = new TextDecoder().decode(idsToDigits(Uint32Array.of(7, 151644)));
 * if (text !== "7,151644") throw new Error(text);
 * ```
 */
export function idsToDigits(ids: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(ids.length * BYTES_PER_ID_MAX);
  let end = 0;
  for (let i = 0; i < ids.length; i++) {
    if (i > 0) bytes[end++] = COMMA;
    let rest = ids[i] as number;
    const width = digitsOf(rest);
    for (let at = end + width - 1; at >= end; at--) {
      const tenth = (rest / 10) >>> 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    end += width;
  }
  return bytes.subarray(0, end);
}

function digitsOf(id: number): number {
  let width = 1;
  for (let bound = 10; id >= bound; bound *= 10) width++;
  return width;
}
