/**
 * Python's `json.dumps`, as the filter `tojson` of chat templates has it.
 *
 * @module
 */
import { floatRepr } from "../python_float.ts";
import { compareText } from "./code_points.ts";
import { PyDict } from "./dict.ts";
import { typeError, valueError } from "./errors.ts";
import { compare } from "./operators.ts";
import { isStr, PyFloat, PyTuple, textOf, typeName, type Value } from "./values.ts";

/** How JSON is written. */
export interface JsonStyle {
  readonly ensureAscii: boolean;
  /** What a level is indented by; null for one line. */
  readonly indent: string | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

/** How deep values may nest: Python's recursion has a bound too. */
const DEPTH_MAX = 990;

/** JSON text of a value. @throws {PythonError} when JSON cannot have it */
export function dumpJson(value: Value, style: JsonStyle): string {
  return write(value, style, 0);
}

function write(value: Value, style: JsonStyle, depth: number): string {
  if (value === null) return "null";
  if (isStr(value)) return writeText(textOf(value), style.ensureAscii);
  if (typeof value !== "object") return String(value);
  if (value instanceof PyFloat) return writeFloat(value.value);
  if (depth > DEPTH_MAX) throw valueError("maximum recursion depth exceeded while encoding a JSON object");
  if (value instanceof PyDict) return writeDict(value, style, depth);
  if (value instanceof PyTuple || Array.isArray(value)) {
    const items = Array.isArray(value) ? value : value.items;
    return enclose("[", items.map((item) => write(item, style, depth + 1)), "]", style, depth);
  }
  throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
}

function writeDict(dict: PyDict, style: JsonStyle, depth: number): string {
  let entries = [...dict.entries()];
  if (style.sortKeys) entries = entries.sort(([a], [b]) => order(a, b));
  const items = entries.map(([key, value]) =>
    writeText(keyText(key), style.ensureAscii) + style.keySeparator + write(value, style, depth + 1)
  );
  return enclose("{", items, "}", style, depth);
}

function order(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (compare("<", a, b)) return -1;
  return compare("<", b, a) ? 1 : 0;
}

function keyText(key: Value): string {
  if (isStr(key)) return textOf(key);
  if (key instanceof PyFloat) return writeFloat(key.value);
  if (key === null) return "null";
  if (typeof key !== "object") return String(key);
  throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function enclose(open: string, items: string[], close: string, style: JsonStyle, depth: number): string {
  if (items.length === 0) return open + close;
  if (style.indent === null) return open + items.join(style.itemSeparator) + close;
  const newline = "\n" + style.indent.repeat(depth);
  return open + newline + style.indent + items.join(style.itemSeparator + newline + style.indent) + newline +
    close;
}

function writeFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return floatRepr(value);
  return value < 0 ? "-Infinity" : "Infinity";
}

/** JavaScript writes a string as Python does, except what it takes for broken. */
function writeText(text: string, ensureAscii: boolean): string {
  if (ensureAscii) return JSON.stringify(text).replace(/[\x7f-\uffff]/g, unicodeEscape);
  if (text.isWellFormed()) return JSON.stringify(text);
  // deno-lint-ignore no-control-regex -- control characters are meant
  return `"${text.replace(/[\x00-\x1f"\\]/g, (char) => JSON.stringify(char).slice(1, -1))}"`;
}

function unicodeEscape(unit: string): string {
  return "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}
