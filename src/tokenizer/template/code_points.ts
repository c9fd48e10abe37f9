/**
 * Strings counted in code points, as Python counts them. Strings without surrogates, nearly all, are not copied.
 *
 * @module
 */

const SURROGATE = /[\ud800-\udfff]/;

/** `len(str)`. */
export function codePointLength(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Something whose items have the code points' indices: the string itself when it has no surrogates. */
export function codePoints(text: string): string | readonly string[] {
  return SURROGATE.test(text) ? Array.from(text) : text;
}

/** The index in code points of an index in UTF-16 units. */
export function codePointIndex(text: string, unitIndex: number): number {
  return unitIndex < 0 ? unitIndex : codePointLength(text.slice(0, unitIndex));
}

/** Less than 0 when `a` goes before `b` in the order of code points, which is that of Python and UTF-8. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for what goes after the rest of the basic plane. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit <= 0xdfff ? unit + 0x10000 : unit;
}
