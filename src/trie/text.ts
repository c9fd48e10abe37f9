/**
 * UTF-8 and UTF-16 beside each other: the trie counts bytes, callers slice strings.
 *
 * @module
 */

/** Whether `byte` continues a UTF-8 sequence, so that a text cannot be cut before it. */
export function isContinuationByte(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** UTF-16 length of the first `bytes` bytes of UTF-8. A cut sequence counts as if it were whole. */
export function utf16Length(utf8: Uint8Array, bytes: number): number {
  let units = 0;
  for (let i = 0; i < bytes; i++) {
    const byte = utf8[i]!;
    if (!isContinuationByte(byte)) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
