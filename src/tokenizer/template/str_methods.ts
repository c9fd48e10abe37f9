/**
 * Methods of Python's `str`.
 *
 * @module
 */
import { codePointIndex, codePointLength } from "./code_points.ts";
import { typeError, valueError } from "./errors.ts";
import { slice } from "./access.ts";
import { iterate } from "./iterate.ts";
import {
  capitalize,
  caseFold,
  isLowerCase,
  isTitleCase,
  isUpperCase,
  swapCase,
  titleCase,
} from "./letter_case.ts";
import { isPrintable } from "../python_repr.ts";
import { align } from "./number_format.ts";
import { toIndex, truthy } from "./operators.ts";
import { type Bound, Signature } from "./signature.ts";
import { partition, replace, split, splitFromEnd, strip } from "./str_split.ts";
import { isStr, PyTuple, textOf, typeName, type Value } from "./values.ts";
import { SPACE, splitLines } from "./whitespace.ts";

/** A method: its signature, and what it does. */
export interface StrMethod {
  readonly signature: Signature;
  readonly run: (text: string, bound: Bound) => Value;
}

function method(name: string, params: string, run: StrMethod["run"]): [string, StrMethod] {
  return [name, { signature: new Signature(params.startsWith("/") ? `str.${name}` : name, params), run }];
}

const test = (name: string, is: (text: string) => boolean) => method(name, "/", (text) => is(text));

/** What gives or takes what is not text. */
function refuse(name: string): never {
  throw typeError(`Cannot call str.${name}: it is not supported`);
}

/** Whether every character passes, and there is one. */
const all = (pattern: RegExp) => (text: string) => pattern.test(text);

const SPACE_ONLY = new RegExp(`^[${SPACE}]+$`);

/** Methods by name. `format` and `format_map` are with the sandbox. */
export const STR_METHODS: ReadonlyMap<string, StrMethod> = new Map([
  method("capitalize", "/", capitalize),
  method("casefold", "/", caseFold),
  method("encode", "encoding? errors?", () => refuse("encode")),
  method("maketrans", "/x y? z?", () => refuse("maketrans")),
  method("translate", "/table", () => refuse("translate")),
  method("center", "/width fillchar?", (text, args) => center(text, args)),
  method("count", "/sub start? end?", (text, args) => count(text, args)),
  method(
    "endswith",
    "/suffix start? end?",
    (text, args) => affix("endswith", text, args, (s, fix) => s.endsWith(fix)),
  ),
  method(
    "expandtabs",
    "tabsize?",
    (text, [size]) => expandTabs(text, size === undefined ? 8 : toIndex(size)),
  ),
  method("find", "/sub start? end?", (text, args) => find(text, args, (s, sub) => s.indexOf(sub))),
  method("index", "/sub start? end?", (text, args) => found(find(text, args, (s, sub) => s.indexOf(sub)))),
  test("isalnum", all(/^[\p{L}\p{Nd}\p{No}\p{Nl}]+$/u)),
  test("isalpha", all(/^\p{L}+$/u)),
  // deno-lint-ignore no-control-regex -- control characters are meant
  test("isascii", (text) => /^[\x00-\x7f]*$/.test(text)),
  test("isdecimal", all(/^\p{Nd}+$/u)),
  test("isdigit", all(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨]+$/u)),
  test("isidentifier", all(/^[\p{ID_Start}_]\p{ID_Continue}*$/u)),
  test("islower", isLowerCase),
  test("isnumeric", all(/^\p{N}+$/u)),
  test("isprintable", (text) => Array.from(text).every(isPrintable)),
  test("isspace", (text) => SPACE_ONLY.test(text)),
  test("istitle", isTitleCase),
  test("isupper", isUpperCase),
  method("join", "/iterable", (text, [items]) => join(text, items!)),
  method("ljust", "/width fillchar?", (text, [width, fill]) => justify(text, "<", width!, fill)),
  method("lower", "/", (text) => text.toLowerCase()),
  method("lstrip", "/chars?", (text, [chars]) => strip(text, charsOf("lstrip", chars), "start")),
  method("partition", "/sep", (text, [sep]) => partition(text, separator(sep!), false)),
  method(
    "removeprefix",
    "/prefix",
    (text, [prefix]) => without(text, textArgument("removeprefix", prefix!), true),
  ),
  method(
    "removesuffix",
    "/suffix",
    (text, [suffix]) => without(text, textArgument("removesuffix", suffix!), false),
  ),
  method("replace", "/old new count?", (text, [old, by, count]) => replaced(text, old!, by!, count)),
  method("rfind", "/sub start? end?", (text, args) => find(text, args, (s, sub) => s.lastIndexOf(sub))),
  method(
    "rindex",
    "/sub start? end?",
    (text, args) => found(find(text, args, (s, sub) => s.lastIndexOf(sub))),
  ),
  method("rjust", "/width fillchar?", (text, [width, fill]) => justify(text, ">", width!, fill)),
  method("rpartition", "/sep", (text, [sep]) => partition(text, separator(sep!), true)),
  method(
    "rsplit",
    "sep? maxsplit?",
    (text, [sep, max]) => splitFromEnd(text, optionalSeparator(sep), most(max)),
  ),
  method("rstrip", "/chars?", (text, [chars]) => strip(text, charsOf("rstrip", chars), "end")),
  method("split", "sep? maxsplit?", (text, [sep, max]) => split(text, optionalSeparator(sep), most(max))),
  method("splitlines", "keepends?", (text, [keep]) => splitLines(text, keep !== undefined && truthy(keep))),
  method(
    "startswith",
    "/prefix start? end?",
    (text, args) => affix("startswith", text, args, (s, fix) => s.startsWith(fix)),
  ),
  method("strip", "/chars?", (text, [chars]) => strip(text, charsOf("strip", chars), "both")),
  method("swapcase", "/", swapCase),
  method("title", "/", titleCase),
  method("upper", "/", (text) => text.toUpperCase()),
  method("zfill", "/width", (text, [width]) => zeroFill(text, toIndex(width!))),
]);

function textArgument(name: string, value: Value): string {
  if (isStr(value)) return textOf(value);
  throw typeError(`${name}() argument must be str, not ${typeName(value)}`);
}

function charsOf(name: string, value: Value | undefined): string | null {
  if (value === undefined || value === null) return null;
  if (isStr(value)) return textOf(value);
  throw typeError(`${name} arg must be None or str`);
}

function separator(value: Value): string {
  if (!isStr(value)) throw typeError(`must be str, not ${typeName(value)}`);
  if (textOf(value) === "") throw valueError("empty separator");
  return textOf(value);
}

function optionalSeparator(value: Value | undefined): string | null {
  if (value === undefined || value === null) return null;
  if (!isStr(value)) throw typeError(`must be str or None, not ${typeName(value)}`);
  return separator(value);
}

function most(value: Value | undefined): number {
  const max = value === undefined ? -1 : toIndex(value);
  return max < 0 ? Infinity : max;
}

function replaced(text: string, old: Value, by: Value, count: Value | undefined): string {
  if (!isStr(old)) throw typeError(`replace() argument 1 must be str, not ${typeName(old)}`);
  if (!isStr(by)) throw typeError(`replace() argument 2 must be str, not ${typeName(by)}`);
  return replace(text, textOf(old), textOf(by), count === undefined ? -1 : toIndex(count));
}

/** `separator.join(items)`. */
export function join(text: string, items: Value): string {
  const parts: string[] = [];
  for (const item of iterate(items, () => "can only join an iterable")) {
    if (!isStr(item)) {
      throw typeError(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`);
    }
    parts.push(textOf(item));
  }
  return parts.join(text);
}

function affix(
  name: string,
  text: string,
  [fixes, start, end]: Bound,
  has: (s: string, fix: string) => boolean,
): boolean {
  const candidates = fixes instanceof PyTuple ? fixes.items : [fixes!];
  const part = start === undefined ? text : between(text, start, end);
  return candidates.some((fix) => {
    if (isStr(fix)) return part !== null && has(part, textOf(fix));
    const where = fixes instanceof PyTuple
      ? `tuple for ${name} must only contain str`
      : `${name} first arg must be str or a tuple of str`;
    throw typeError(`${where}, not ${typeName(fix)}`);
  });
}

/** The part between two indices; null when it begins beyond the end, where not even "" is found. */
function between(text: string, start: Value | undefined, end: Value | undefined): string | null {
  if (typeof start === "number" && start > codePointLength(text)) return null;
  return slice(text, start ?? null, end ?? null, null) as string;
}

function find(text: string, [sub, start, end]: Bound, search: (text: string, sub: string) => number): number {
  if (!isStr(sub)) throw typeError(`must be str, not ${typeName(sub!)}`);
  const part = between(text, start, end);
  if (part === null) return -1;
  const index = codePointIndex(part, search(part, textOf(sub)));
  if (index < 0 || start === undefined || start === null) return index;
  const first = toIndex(start);
  return index + (first < 0 ? Math.max(0, first + codePointLength(text)) : first);
}

function found(index: number): number {
  if (index < 0) throw valueError("substring not found");
  return index;
}

function count(text: string, [sub, start, end]: Bound): number {
  if (!isStr(sub)) throw typeError(`must be str, not ${typeName(sub!)}`);
  const part = between(text, start, end);
  if (part === null) return 0;
  return textOf(sub) === "" ? codePointLength(part) + 1 : part.split(textOf(sub)).length - 1;
}

function fillChar(value: Value | undefined): string {
  if (value === undefined) return " ";
  if (isStr(value) && codePointLength(textOf(value)) === 1) return textOf(value);
  if (isStr(value)) throw typeError("The fill character must be exactly one character long");
  throw typeError(`The fill character must be a unicode character, not ${typeName(value)}`);
}

function justify(text: string, how: "<" | ">", width: Value, fill: Value | undefined): string {
  return align(text, codePointLength(text), toIndex(width), how, fillChar(fill));
}

/** An odd character of padding goes left when the width is odd. */
function center(text: string, [width, fill]: Bound): string {
  const size = toIndex(width!);
  const missing = size - codePointLength(text);
  const char = fillChar(fill);
  if (missing <= 0) return text;
  const left = Math.floor(missing / 2) + (missing & size & 1);
  return char.repeat(left) + text + char.repeat(missing - left);
}

function expandTabs(text: string, size: number): string {
  let column = 0;
  let result = "";
  for (const char of text) {
    if (char === "\t") {
      const spaces = size > 0 ? size - column % size : 0;
      result += " ".repeat(spaces);
      column += spaces;
    } else {
      result += char;
      column = char === "\n" || char === "\r" ? 0 : column + 1;
    }
  }
  return result;
}

function without(text: string, fix: string, atStart: boolean): string {
  if (atStart) return text.startsWith(fix) ? text.slice(fix.length) : text;
  return fix !== "" && text.endsWith(fix) ? text.slice(0, -fix.length) : text;
}

function zeroFill(text: string, width: number): string {
  const missing = width - codePointLength(text);
  if (missing <= 0) return text;
  const sign = /^[+-]/.test(text) ? text[0]! : "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}
