/**
 * What a string literal in a template stands for.
 *
 * @module
 */

const SIMPLE: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Hexadecimal digits that an escape takes. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

const ESCAPE = /\\(?:([0-7]{1,3})|([\s\S]?))/g;

/**
 * A literal's text between its quotes, without its escapes. Python writes characters beyond ASCII as escapes before it
 * reads them: a backslash before one of those escapes the escape.
 *
 * @throws {Error} on an escape that is cut short
 */
export function unescapeString(text: string): string {
  if (!text.includes("\\")) return text;
  // deno-lint-ignore no-control-regex -- control characters are meant
  const ascii = text.replace(/[^\x00-\x7f]/gu, escapeOf);
  let result = "";
  let position = 0;
  for (ESCAPE.lastIndex = 0;;) {
    const match = ESCAPE.exec(ascii);
    if (match === null) return result + ascii.slice(position);
    result += ascii.slice(position, match.index);
    position = match.index + match[0].length;
    const digits = HEX_DIGITS[match[2]!];
    if (match[1] !== undefined) result += String.fromCharCode(parseInt(match[1], 8));
    else if (digits !== undefined) {
      result += hexadecimal(ascii.slice(position, position + digits), match[2]!, digits);
      position += digits;
    } else if (match[2] === "N") throw new Error("unknown Unicode character name");
    else result += SIMPLE[match[2]!] ?? match[0];
    ESCAPE.lastIndex = position;
  }
}

function escapeOf(char: string): string {
  const code = char.codePointAt(0)!;
  if (code <= 0xff) return "\\x" + code.toString(16).padStart(2, "0");
  if (code <= 0xffff) return "\\u" + code.toString(16).padStart(4, "0");
  return "\\U" + code.toString(16).padStart(8, "0");
}

function hexadecimal(digits: string, letter: string, length: number): string {
  const code = parseInt(digits, 16);
  if (digits.length < length || !/^[\da-f]+$/i.test(digits)) {
    throw new Error(`truncated \\${letter}${"X".repeat(length)} escape`);
  }
  if (code > 0x10ffff) throw new Error("illegal Unicode character");
  return String.fromCodePoint(code);
}
