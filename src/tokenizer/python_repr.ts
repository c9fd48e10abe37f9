/**
 * Python's `repr` of a string.
 *
 * @module
 */

/** What Python does not print: controls, formats, surrogates, private and unassigned characters, separators but space. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u;
const ESCAPED = /[\\'\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/gu;

const NAMED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `repr(str)`: in single quotes, unless it has those and no double ones. */
export function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replace(ESCAPED, (char) => escape(char, quote)) + quote;
}

/** `str.isprintable` of one character. */
export function isPrintable(char: string): boolean {
  return char === " " || !UNPRINTABLE.test(char);
}

function escape(char: string, quote: string): string {
  if (char === " ") return char;
  if (char === "'") return quote === "'" ? "\\'" : char;
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0)!;
  if (code <= 0xff) return "\\x" + code.toString(16).padStart(2, "0");
  if (code <= 0xffff) return "\\u" + code.toString(16).padStart(4, "0");
  return "\\U" + code.toString(16).padStart(8, "0");
}
