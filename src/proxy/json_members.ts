/**
 * Finds where the members of a JSON object stand in its text, so that one member can be replaced and every other byte
 * stays as the client wrote it: number literals beyond 2^53, key order, escapes.
 *
 * @module
 */

const QUOTE = 0x22;
const DIGIT_9 = 0x39;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** One member of an object: its decoded key and where its value stands. */
export interface JsonMember {
  readonly key: string;
  /** Index of the key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Index behind the value. */
  readonly end: number;
}

/**
 * The top-level members of a JSON object, in order, repeated keys included.
 *
 * @param json text that `JSON.parse` has accepted as an object: the scan relies on it
 * @example
 * ```ts
 * import { scanMembers } from "./json_members.ts";
 * const json = '{"room": 18446744073709551615, "text": "a\\"b"}';
 * const [room] = scanMembers(json);
 * if (json.slice(room!.valueStart, room!.end) !== "18446744073709551615") throw new Error();
 * ```
 */
export function scanMembers(json: string): JsonMember[] {
  const members: JsonMember[] = [];
  let at = json.indexOf("{") + 1;
  while (true) {
    at = skipSpace(json, at);
    if (json[at] === ",") at = skipSpace(json, at + 1);
    if (json[at] !== '"') return members;
    const start = at;
    const keyEnd = skipString(json, at);
    const valueStart = skipSpace(json, skipSpace(json, keyEnd) + 1);
    at = skipValue(json, valueStart);
    members.push({ key: JSON.parse(json.slice(start, keyEnd)) as string, start, valueStart, end: at });
  }
}

/**
 * The object without the members named, and without its closing brace: ready for more members.
 *
 * @returns text such as `{"a":1,"b":2` and whether any member stayed
 */
export function withoutMembers(
  json: string,
  members: readonly JsonMember[],
  dropped: ReadonlySet<string>,
): { head: string; isEmpty: boolean } {
  let head = "{";
  for (const member of members) {
    if (dropped.has(member.key)) continue;
    head += (head.length > 1 ? "," : "") + json.slice(member.start, member.end);
  }
  return { head, isEmpty: head.length === 1 };
}

function skipSpace(json: string, at: number): number {
  while (true) {
    const code = json.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** Index behind the string that opens at `at`; one native search a quote inside. */
function skipString(json: string, at: number): number {
  for (let quote = json.indexOf('"', at + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

function skipValue(json: string, at: number): number {
  if (json[at] === '"') return skipString(json, at);
  if (json[at] === "{" || json[at] === "[") return skipNested(json, at);
  while (at < json.length && !/[,\]}\s]/.test(json[at] as string)) at++;
  return at;
}

function skipNested(json: string, at: number): number {
  let depth = 0;
  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(json, at);
      continue;
    }
    at++;
    // Most of what is nested is digits: 300,000 ids are 2 MB of them.
    if (code <= DIGIT_9) continue;
    if (code === OPENING_BRACE || code === OPENING_BRACKET) depth++;
    if ((code === CLOSING_BRACE || code === CLOSING_BRACKET) && --depth === 0) return at;
  }
  return at;
}
