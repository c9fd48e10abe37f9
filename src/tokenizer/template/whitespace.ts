/**
 * What Python takes for whitespace and for a line's end. JavaScript's `\s` and `trim` have other characters.
 *
 * @module
 */

/** Body of a character class with what `str.isspace` says yes to. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

// deno-lint-ignore no-control-regex -- control characters are meant
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Whether one UTF-16 unit is whitespace. */
export function isSpace(unit: string): boolean {
  const code = unit.charCodeAt(0);
  if (code < 0x80) return code === 0x20 || (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x1f);
  return SPACES.test(unit);
}

/** `str.lstrip()`. */
export function stripStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text[start]!)) start++;
  return start === 0 ? text : text.slice(start);
}

/** `str.rstrip()`. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** `str.splitlines()`. A line's end at the end of the text begins no further line. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  // deno-lint-ignore no-control-regex -- control characters are meant
  for (const { index, 0: end } of text.matchAll(/\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/g)) {
    lines.push(text.slice(start, index + (keepEnds ? end.length : 0)));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}
