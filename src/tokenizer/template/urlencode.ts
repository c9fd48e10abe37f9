/**
 * Percent encoding as `urllib.parse.quote` has it.
 *
 * @module
 */

const UNRESERVED = /[A-Za-z0-9_.~-]/;

/** UTF-8 bytes as `%XX`, except unreserved characters and those of `safe`. */
export function asciiPercent(text: string, safe: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    const isKept = byte < 0x80 && (UNRESERVED.test(char) || safe.includes(char));
    return isKept ? char : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }).join("");
}
