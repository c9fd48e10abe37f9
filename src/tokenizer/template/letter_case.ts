/**
 * Upper, lower and title case as Python has them.
 *
 * @module
 */

/** Letters whose title case is not their upper case with its tail in lower case. */
const TITLE: Readonly<Record<string, string>> = {
  "Ǆ": "ǅ",
  "ǅ": "ǅ",
  "ǆ": "ǅ",
  "Ǉ": "ǈ",
  "ǈ": "ǈ",
  "ǉ": "ǈ",
  "Ǌ": "ǋ",
  "ǋ": "ǋ",
  "ǌ": "ǋ",
  "Ǳ": "ǲ",
  "ǲ": "ǲ",
  "ǳ": "ǲ",
  "ŉ": "ʼN",
};

const CASED = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u;
const UPPER = /\p{Uppercase}/u;
const LOWER = /\p{Lowercase}/u;
const TITLED = /\p{Lt}/u;

/** `str.capitalize()`. */
export function capitalize(text: string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
  return text === "" ? "" : titleOf(first) + lowerAfter(first, text.slice(first.length));
}

/** `str.casefold()`. */
export function caseFold(text: string): string {
  return Array.from(text, (char) => char === "ı" ? char : char.toLowerCase().toUpperCase().toLowerCase())
    .join("");
}

/** `str.title()`: a letter that follows none begins a word. */
export function titleCase(text: string): string {
  let result = "";
  let inWord = false;
  let index = 0;
  for (const char of text) {
    result += inWord ? lowerAt(text, index, char) : titleOf(char);
    inWord = CASED.test(char);
    index += char.length;
  }
  return result;
}

/** `str.swapcase()`. */
export function swapCase(text: string): string {
  let result = "";
  let index = 0;
  for (const char of text) {
    result += UPPER.test(char) ? lowerAt(text, index, char) : char.toUpperCase();
    index += char.length;
  }
  return result;
}

/** `str.istitle()`. */
export function isTitleCase(text: string): boolean {
  let inWord = false;
  let found = false;
  for (const char of text) {
    const beginsWord = UPPER.test(char) || TITLED.test(char);
    if (beginsWord ? inWord : LOWER.test(char) && !inWord) return false;
    inWord = CASED.test(char);
    found ||= inWord;
  }
  return found;
}

/** `str.isupper()`. */
export function isUpperCase(text: string): boolean {
  return UPPER.test(text) && !LOWER.test(text) && !TITLED.test(text);
}

/** `str.islower()`. */
export function isLowerCase(text: string): boolean {
  return LOWER.test(text) && !UPPER.test(text) && !TITLED.test(text);
}

/** How far around a sigma its word is looked at. */
const SIGMA_REACH = 32;

/** A character of `text` in lower case: a sigma at the end of a word has a form of its own. */
function lowerAt(text: string, index: number, char: string): string {
  if (char !== "Σ") return char.toLowerCase();
  const before = text.slice(Math.max(0, index - SIGMA_REACH), index).toLowerCase();
  const around = text.slice(Math.max(0, index - SIGMA_REACH), index + SIGMA_REACH).toLowerCase();
  return around[before.length]!;
}

function titleOf(char: string): string {
  const special = TITLE[char];
  if (special !== undefined) return special;
  const upper = char.toUpperCase();
  const [first = "", ...rest] = upper;
  return first + rest.join("").toLowerCase();
}

/** A sigma at the end of a word needs what goes before it. */
function lowerAfter(first: string, rest: string): string {
  return rest === "" ? "" : (first + rest).toLowerCase().slice(first.toLowerCase().length);
}
