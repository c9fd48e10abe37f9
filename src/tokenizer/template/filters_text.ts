/**
 * Filters that give text.
 *
 * @module
 */
import { asciiPercent } from "./urlencode.ts";
import { codePointLength, codePoints } from "./code_points.ts";
import { PyDict } from "./dict.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { type Filter, filter } from "./filter.ts";
import { formatDouble } from "./number_format.ts";
import { escapeHtml } from "./html.ts";
import { dumpJson } from "./json.ts";
import { jsonStyle } from "./json_style.ts";
import { capitalize } from "./letter_case.ts";
import { add, binary, lengthOf, toIndex, truthy } from "./operators.ts";
import { iterate } from "./iterate.ts";
import { getterOf } from "./attribute_path.ts";
import { replace, splitFromEnd, strip } from "./str_split.ts";
import { repr, str } from "./text.ts";
import { parseDouble, toDouble } from "./numbers.ts";
import { isNumber, isStr, Markup, PyTuple, textOf, typeName, Undefined, type Value } from "./values.ts";
import { SPACE, splitLines } from "./whitespace.ts";

/** Text as `str`; Markup stays Markup. */
function softly(value: Value, change: (text: string) => string): Value {
  return value instanceof Markup ? new Markup(change(value.text)) : change(str(value));
}

/** How many characters beyond its bound `truncate` lets pass. */
const TRUNCATE_LEEWAY = 5;
/** What `pprint` fits into one line. */
const PPRINT_WIDTH = 80;

/** The filters, by name. `format` is {@link formatFilter}. */
export const TEXT_FILTERS: readonly (readonly [string, Filter])[] = [
  filter("capitalize", "s", ([value]) => softly(value!, capitalize)),
  filter("center", "value width?", ([value, width]) => softly(value!, (text) => center(text, width))),
  filter("escape", "s", ([value]) => escapeFilter(value!)),
  filter("e", "s", ([value]) => escapeFilter(value!)),
  filter("filesizeformat", "value binary?", ([value, isBinary]) => fileSize(value!, isBinary)),
  filter("forceescape", "value", ([value]) => new Markup(escapeHtml(str(value!)))),
  filter("indent", "s width? first? blank?", ([value, ...how]) => indent(value!, how)),
  filter("join", "value d? attribute?", ([value, separator, attribute]) => {
    const getter = getterOf(attribute);
    const parts: string[] = [];
    for (const item of iterate(value!)) parts.push(str(getter(item)));
    return parts.join(separator === undefined ? "" : str(separator));
  }),
  filter("lower", "s", ([value]) => softly(value!, (text) => text.toLowerCase())),
  filter("pprint", "value", ([value]) => prettyPrint(value!)),
  filter(
    "replace",
    "s old new count?",
    ([value, old, by, count]) =>
      replace(str(value!), str(old!), str(by!), count === undefined || count === null ? -1 : toIndex(count)),
  ),
  filter("safe", "value", ([value]) => new Markup(str(value!))),
  filter("string", "s", ([value]) => value instanceof Markup ? value : str(value!)),
  filter("striptags", "value", ([value]) => stripTags(str(value!))),
  filter("title", "s", ([value]) => softly(value!, title)),
  filter(
    "tojson",
    "x ensure_ascii? indent? separators? sort_keys?",
    (bound) => dumpJson(bound[0]!, jsonStyle(bound)),
  ),
  filter(
    "trim",
    "value chars?",
    ([value, chars]) => softly(value!, (text) => strip(text, charsOf(chars), "both")),
  ),
  filter("truncate", "s length? killwords? end? leeway?", ([value, ...how]) => truncate(value!, how)),
  filter("upper", "s", ([value]) => softly(value!, (text) => text.toUpperCase())),
  filter("urlencode", "value", ([value]) => urlEncode(value!)),
  filter("wordcount", "s", ([value]) => str(value!).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  filter("xmlattr", "d autospace?", ([value, space]) => xmlAttributes(value!, space)),
  ["format", formatFilter],
];

function escapeFilter(value: Value): Value {
  return value instanceof Markup ? value : new Markup(escapeHtml(str(value)));
}

function charsOf(value: Value | undefined): string | null {
  if (value === undefined || value === null) return null;
  if (isStr(value)) return textOf(value);
  throw typeError("strip arg must be None or str");
}

function center(text: string, width: Value | undefined): string {
  const size = width === undefined ? 80 : toIndex(width);
  const missing = Math.max(0, size - codePointLength(text));
  const left = Math.floor(missing / 2) + (missing & size & 1);
  return " ".repeat(left) + text + " ".repeat(missing - left);
}

const WORD_START = new RegExp(`([-${SPACE}({[<]+)`);

/** Words begin after whitespace, hyphens and opening brackets. */
function title(text: string): string {
  return text.split(WORD_START).map(
    (part) => {
      const first = part === "" ? "" : String.fromCodePoint(part.codePointAt(0)!);
      return first.toUpperCase() + part.slice(first.length).toLowerCase();
    },
  ).join("");
}

function indent(value: Value, [width, first, blank]: readonly (Value | undefined)[]): Value {
  const indentation = isStr(width)
    ? textOf(width)
    : " ".repeat(Math.max(0, width === undefined ? 4 : toIndex(width)));
  const lines = splitLines(lineEnded(value));
  const isBlankToo = blank !== undefined && truthy(blank);
  const rest = lines.slice(1).map((line) => isBlankToo || line !== "" ? indentation + line : line);
  const text = [lines[0] ?? "", ...rest].join("\n");
  const indented = first !== undefined && truthy(first) ? indentation + text : text;
  return value instanceof Markup ? new Markup(indented) : indented;
}

/** The text with one more line end: the last line may be empty. */
function lineEnded(value: Value): string {
  if (isStr(value)) return textOf(value) + "\n";
  if (value instanceof Undefined) throw value.error();
  if (Array.isArray(value)) throw typeError("'list' object has no attribute 'splitlines'");
  throw typeError(`unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`);
}

/** `"%s" | format(value)`. */
function formatFilter(args: readonly Value[], kwargs: ReadonlyMap<string, Value>): Value {
  const [template, ...values] = args;
  if (values.length > 0 && kwargs.size > 0) {
    throw new PythonError(
      "FilterArgumentError",
      "can't handle positional and keyword arguments at the same time",
    );
  }
  const named = new PyDict();
  for (const [key, value] of kwargs) named.setText(key, value);
  const text = template instanceof Markup ? template : str(template ?? null);
  return binary("%", text, kwargs.size > 0 ? named : new PyTuple(values));
}

function truncate(value: Value, [length, kill, end, leeway]: readonly (Value | undefined)[]): Value {
  const most = length === undefined ? 255 : toIndex(length);
  const ending = end === undefined ? "..." : str(end);
  const slack = leeway === undefined || leeway === null ? TRUNCATE_LEEWAY : toIndex(leeway);
  if (most < ending.length) {
    throw new PythonError("AssertionError", `expected length >= ${ending.length}, got ${most}`);
  }
  if (slack < 0) throw new PythonError("AssertionError", `expected leeway >= 0, got ${slack}`);
  if (lengthOf(value) <= most + slack) return value;
  if (!isStr(value)) throw typeError(`'${typeName(value)}' object has no attribute 'rsplit'`);
  const points = codePoints(textOf(value));
  const kept = points.slice(0, most - codePointLength(ending));
  const whole = typeof kept === "string" ? kept : kept.join("");
  const text = kill !== undefined && truthy(kill) ? whole : splitFromEnd(whole, " ", 1)[0]!;
  return add(value instanceof Markup ? new Markup(text) : text, end ?? "...");
}

function fileSize(value: Value, isBinary: Value | undefined): string {
  const bytes = doubleOf(value);
  const binary = isBinary !== undefined && truthy(isBinary);
  const base = binary ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const letters = binary ? "KMGTPEZY" : "kMGTPEZY";
  const index = [...letters].findIndex((_, power) => bytes < base ** (power + 2));
  const power = index < 0 ? letters.length - 1 : index;
  return `${formatDouble((base * bytes) / base ** (power + 2), "f", 1)} ${letters[power]}${
    binary ? "iB" : "B"
  }`;
}

/** `float(value)`. */
function doubleOf(value: Value): number {
  if (value instanceof Undefined) throw value.error();
  if (isNumber(value)) return toDouble(value);
  if (!isStr(value)) {
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`);
  }
  const double = parseDouble(strip(textOf(value), null, "both"));
  if (double === null) throw valueError(`could not convert string to float: ${repr(textOf(value))}`);
  return double;
}

function stripTags(text: string): string {
  const plain = text.replace(/<!--[\s\S]*?-->/g, "").replace(/<[^>]*>/g, "");
  return plain.split(/\s+/).filter((word) => word !== "").join(" ")
    .replace(/&(amp|lt|gt|quot|#34|#39);/g, (entity) => UNESCAPED[entity]!);
}

const UNESCAPED: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#34;": '"',
  "&#39;": "'",
};

function urlEncode(value: Value): string {
  if (value instanceof PyDict) return [...value.entries()].map(queryPair).join("&");
  if (isStr(value) || value === null || isNumber(value)) return asciiPercent(str(value), "/");
  return [...iterate(value)].map((pair) => queryPair([...iterate(pair)])).join("&");
}

function queryPair([key, value, more]: readonly Value[]): string {
  if (more !== undefined) throw valueError("too many values to unpack (expected 2)");
  if (value === undefined) {
    throw valueError(`not enough values to unpack (expected 2, got ${key === undefined ? 0 : 1})`);
  }
  return `${asciiPercent(str(key!), "").replaceAll("%20", "+")}=${
    asciiPercent(str(value!), "").replaceAll("%20", "+")
  }`;
}

function xmlAttributes(value: Value, space: Value | undefined): string {
  if (!(value instanceof PyDict)) throw typeError(`'${typeName(value)}' object has no attribute 'items'`);
  const parts: string[] = [];
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue;
    if (/[\s/>=]/.test(str(key))) throw valueError(`Invalid character in attribute name: ${repr(key)}`);
    parts.push(`${escapeHtml(str(key))}="${item instanceof Markup ? item.text : escapeHtml(str(item))}"`);
  }
  const isSpaced = (space === undefined || truthy(space)) && parts.length > 0;
  return (isSpaced ? " " : "") + parts.join(" ");
}

/** What does not fit into a line is refused: its layout is Python's own. */
function prettyPrint(value: Value): string {
  const text = repr(sorted(value));
  if (text.length > PPRINT_WIDTH) {
    throw valueError("Cannot pretty-print: the value does not fit into one line");
  }
  return text;
}

function sorted(value: Value): Value {
  if (Array.isArray(value)) return value.map(sorted);
  if (!(value instanceof PyDict)) return value;
  const dict = new PyDict();
  const entries = [...value.entries()].sort(([a], [b]) => str(a) < str(b) ? -1 : 1);
  for (const [key, item] of entries) dict.set(key, sorted(item));
  return dict;
}
