/**
 * Python's `text.format(…)`.
 *
 * @module
 */
import { stringRepr } from "../python_repr.ts";
import { getAttribute, getItem } from "./access.ts";
import { PyDict } from "./dict.ts";
import { PythonError, valueError } from "./errors.ts";
import { formatValue } from "./format_spec.ts";
import { asciiRepr } from "./percent_format.ts";
import { repr, str } from "./text.ts";
import type { Value } from "./values.ts";

/** How deep fields may stand in the specifications of fields. */
const DEPTH_MAX = 2;

/** Where fields find their values. */
interface Fields {
  readonly args: readonly Value[];
  readonly named: (name: string) => Value | undefined;
  /** The next field without a name; null once a field has a number. */
  next: number | null;
}

/** Fills values into the fields of `template`. */
export function strFormat(
  template: string,
  args: readonly Value[],
  named: (name: string) => Value | undefined,
): string {
  return fill(template, { args, named, next: 0 }, DEPTH_MAX);
}

/** `text.format_map(mapping)`. */
export function namedIn(mapping: Value): (name: string) => Value | undefined {
  return (name) => mapping instanceof PyDict ? mapping.getText(name) : getItem(mapping, name);
}

function fill(template: string, fields: Fields, depth: number): string {
  if (depth < 0) throw valueError("Max string recursion exceeded");
  let result = "";
  for (let at = 0; at < template.length;) {
    const char = template[at]!;
    if (char !== "{" && char !== "}") {
      const end = nextBrace(template, at);
      result += template.slice(at, end);
      at = end;
    } else if (template[at + 1] === char) {
      result += char;
      at += 2;
    } else if (char === "}") {
      throw valueError("Single '}' encountered in format string");
    } else {
      const end = closingBrace(template, at);
      result += field(template.slice(at + 1, end), fields, depth);
      at = end + 1;
    }
  }
  return result;
}

function nextBrace(text: string, from: number): number {
  const found = text.slice(from).search(/[{}]/);
  return found < 0 ? text.length : from + found;
}

function closingBrace(text: string, start: number): number {
  if (start + 1 === text.length) throw valueError("Single '{' encountered in format string");
  for (let at = start, open = 0, inKey = false; at < text.length; at++) {
    if (text[at] === "[") inKey = true;
    else if (text[at] === "]") inKey = false;
    else if (inKey) continue;
    else if (text[at] === "{") open++;
    else if (text[at] === "}" && --open === 0) return at;
  }
  throw valueError("expected '}' before end of string");
}

function field(source: string, fields: Fields, depth: number): string {
  const [, path, conversion, specification] =
    /^((?:[^[\]!:]|\[[^\]]*\])*)(?:!([^:]*))?(?::([\s\S]*))?$/.exec(source) ??
      invalid(source);
  const value = lookUp(path ?? "", fields);
  const spec = fill(specification ?? "", fields, depth - 1);
  return formatValue(converted(value, conversion), spec);
}

function invalid(source: string): never {
  throw valueError(`Invalid format field ${stringRepr(source)}`);
}

function converted(value: Value, conversion: string | undefined): Value {
  if (conversion === undefined) return value;
  if (conversion === "s") return str(value);
  if (conversion === "r") return repr(value);
  if (conversion === "a") return asciiRepr(value);
  throw valueError(`Unknown conversion specifier ${conversion}`);
}

function lookUp(path: string, fields: Fields): Value {
  const [, first, rest] = /^([^.[]*)([\s\S]*)$/.exec(path)!;
  let value = firstValue(first!, fields);
  for (const [part, attribute, key] of rest!.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
    if (part === "") invalid(path);
    if (attribute !== undefined) value = getAttribute(value, attribute);
    else value = getItem(value, /^\d+$/.test(key!) ? Number(key) : key!);
  }
  return value;
}

function firstValue(name: string, fields: Fields): Value {
  if (name === "" || /^\d+$/.test(name)) return argument(indexOf(name, fields), fields);
  const value = fields.named(name);
  if (value === undefined) throw new PythonError("KeyError", stringRepr(name));
  return value;
}

function indexOf(name: string, fields: Fields): number {
  if (name !== "") {
    if (fields.next !== null && fields.next > 0) {
      throw valueError("cannot switch from manual field specification to automatic field numbering");
    }
    fields.next = null;
    return Number(name);
  }
  if (fields.next === null) {
    throw valueError("cannot switch from manual field specification to automatic field numbering");
  }
  return fields.next++;
}

function argument(index: number, { args }: Fields): Value {
  if (index < args.length) return args[index]!;
  throw new PythonError("IndexError", `Replacement index ${index} out of range for positional args tuple`);
}
