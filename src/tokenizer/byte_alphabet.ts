/**
 * The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary can be written as text.
 *
 * Bytes that print as themselves in Latin-1 keep their code point; the other 68 take U+0100 and up, in byte order.
 *
 * @module
 */

/** Largest code point of the alphabet, plus one. */
const ALPHABET_END = 0x144;

/** Code point to byte; -1 for a character that is not in the alphabet. */
const BYTE_OF_CHAR: Int16Array = buildTable();

/** The byte that a character of the alphabet stands for; -1 for any other character. */
export function byteOfChar(codeUnit: number): number {
  return codeUnit < ALPHABET_END ? BYTE_OF_CHAR[codeUnit]! : -1;
}

/** The character of each byte, by byte. */
export function byteAlphabet(): string[] {
  const characters = new Array<string>(256);
  BYTE_OF_CHAR.forEach((byte, code) => {
    if (byte >= 0) characters[byte] = String.fromCharCode(code);
  });
  return characters;
}

function buildTable(): Int16Array {
  const table = new Int16Array(ALPHABET_END).fill(-1);
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) table[printsAsItself(byte) ? byte : next++] = byte;
  return table;
}

function printsAsItself(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}
