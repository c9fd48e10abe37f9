/**
 * Splitting, stripping and replacing text as Python does.
 *
 * @module
 */
import { codePointLength } from "./code_points.ts";
import { PyTuple } from "./values.ts";
import { isSpace, stripEnd, stripStart } from "./whitespace.ts";

/** `text.split(separator, most)`; a null separator is whitespace, of which empty parts are left out. */
export function split(text: string, separator: string | null, most: number): string[] {
  if (separator === null) return splitAtSpace(text, most);
  const parts: string[] = [];
  let start = 0;
  while (parts.length < most) {
    const at = text.indexOf(separator, start);
    if (at < 0) break;
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** `text.rsplit(separator, most)`. */
export function splitFromEnd(text: string, separator: string | null, most: number): string[] {
  if (separator === null) return splitAtSpaceFromEnd(text, most);
  const parts: string[] = [];
  let end = text.length;
  while (parts.length < most) {
    const at = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (at < 0) break;
    parts.push(text.slice(at + separator.length, end));
    end = at;
  }
  parts.push(text.slice(0, end));
  return parts.reverse();
}

function splitAtSpace(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = stripStart(text);
  while (rest !== "") {
    if (parts.length >= most) {
      parts.push(stripEnd(rest));
      break;
    }
    let end = 0;
    while (end < rest.length && !isSpace(rest[end]!)) end++;
    parts.push(rest.slice(0, end));
    rest = stripStart(rest.slice(end));
  }
  return parts;
}

function splitAtSpaceFromEnd(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = stripEnd(text);
  while (rest !== "") {
    if (parts.length >= most) {
      parts.push(stripStart(rest));
      break;
    }
    let start = rest.length;
    while (start > 0 && !isSpace(rest[start - 1]!)) start--;
    parts.push(rest.slice(start));
    rest = stripEnd(rest.slice(0, start));
  }
  return parts.reverse();
}

/** `text.partition(separator)`, or `rpartition` from the end. */
export function partition(text: string, separator: string, fromEnd: boolean): PyTuple {
  const at = fromEnd ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (at < 0) return new PyTuple(fromEnd ? ["", "", text] : [text, "", ""]);
  return new PyTuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

/** Takes whitespace, or any of `chars`, off the ends. */
export function strip(text: string, chars: string | null, side: "start" | "end" | "both"): string {
  if (chars === null) {
    const rest = side === "end" ? text : stripStart(text);
    return side === "start" ? rest : stripEnd(rest);
  }
  const set = new Set(chars);
  const points = Array.from(text);
  let start = 0;
  let end = points.length;
  if (side !== "end") { while (start < end && set.has(points[start]!)) start++; }
  if (side !== "start") { while (end > start && set.has(points[end - 1]!)) end--; }
  return points.slice(start, end).join("");
}

/** `text.replace(old, by, count)`; a count below 0 is no bound. */
export function replace(text: string, old: string, by: string, count: number): string {
  if (count < 0 && old !== "") return text.split(old).join(by);
  if (old === "") return interleave(text, by, count < 0 ? Infinity : count);
  return split(text, old, count).join(by);
}

/** Nothing is found before each character and at the end. */
function interleave(text: string, by: string, most: number): string {
  let left = Math.min(most, codePointLength(text) + 1);
  let result = "";
  for (const char of text) result += (left-- > 0 ? by : "") + char;
  return left > 0 ? result + by : result;
}
