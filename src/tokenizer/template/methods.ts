/**
 * Attributes of Python's built-in types, as far as the sandbox lets templates have them.
 *
 * @module
 */
import { DictView, PyDict, PyRange } from "./dict.ts";
import { typeError, valueError } from "./errors.ts";
import { escapeHtml } from "./html.ts";
import { equal, toIndex } from "./operators.ts";
import { Signature } from "./signature.ts";
import { namedIn, strFormat } from "./str_format.ts";
import { join, STR_METHODS, type StrMethod } from "./str_methods.ts";
import { iterate } from "./iterate.ts";
import { repr, str } from "./text.ts";
import { isInt, type Kwargs, Markup, PyFloat, PyFunction, PyObject, PyTuple, type Value } from "./values.ts";

const DICT_MUTATORS = new Set(["clear", "pop", "popitem", "setdefault", "update"]);
const LIST_MUTATORS = new Set(["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]);
/** Attributes that every object has, and that the sandbox keeps away. */
const PRIVATE = new Set(
  ("class delattr dir doc eq format ge getattribute getstate gt hash init init_subclass le lt ne new reduce reduce_ex " +
    "repr setattr sizeof str subclasshook").split(" ").map((name) => `__${name}__`),
);

/** Whether the sandbox refuses it because it is an object's own affair. */
export function isPrivate(name: string): boolean {
  return name.startsWith("__") && PRIVATE.has(name);
}

/** Whether the sandbox refuses it because it would change the value. */
export function isMutator(value: Value, name: string): boolean {
  if (Array.isArray(value)) return LIST_MUTATORS.has(name);
  return value instanceof PyDict && DICT_MUTATORS.has(name);
}

/** Names that are methods of `dict`: `value.items` is one even where the dict has such a key. */
const DICT_METHODS: ReadonlyMap<string, (dict: PyDict) => Value> = new Map<string, (dict: PyDict) => Value>([
  ["copy", (dict) => method(new Signature("copy", "/"), () => copyOf(dict))],
  [
    "fromkeys",
    () => method(new Signature("fromkeys", "/iterable value?"), ([keys, value]) => fromKeys(keys!, value)),
  ],
  ["get", (dict) => method(GET, ([key, otherwise]) => getOf(dict, key!, otherwise ?? null))],
  ["items", (dict) => method(ITEMS, () => new DictView(dict, "items"))],
  ["keys", (dict) => method(KEYS, () => new DictView(dict, "keys"))],
  ["values", (dict) => method(VALUES, () => new DictView(dict, "values"))],
]);
const GET = new Signature("get", "/key default?");
const ITEMS = new Signature("dict.items", "/");
const KEYS = new Signature("dict.keys", "/");
const VALUES = new Signature("dict.values", "/");

function method(signature: Signature, run: (bound: readonly (Value | undefined)[]) => Value): PyFunction {
  return new PyFunction((args, kwargs) => run(signature.bind(args, kwargs)));
}

/** Whether `value.name` may be more than a dict's own key. */
export function isDictAttribute(name: string): boolean {
  return isPrivate(name) || DICT_MUTATORS.has(name) || DICT_METHODS.has(name);
}

/** An attribute of any value; undefined when there is none. */
export function methodOf(value: Value, name: string): Value | undefined {
  if (typeof value === "string") return strMethod(value, name);
  if (value instanceof PyDict) return DICT_METHODS.get(name)?.(value);
  if (value instanceof Markup) return markupMethod(value, name);
  if (Array.isArray(value)) return name === "copy" ? copier(value) : sequenceMethod(value, name);
  if (value instanceof PyTuple) {
    const field = value.attribute(name);
    return field === undefined ? sequenceMethod(value.items, name) : field;
  }
  if (isInt(value)) return intAttribute(value, name);
  if (value instanceof PyFloat) return floatAttribute(value, name);
  if (value instanceof PyRange) return rangeAttribute(value, name);
  return value instanceof PyObject ? value.attribute(name) : undefined;
}

function strMethod(text: string, name: string): Value | undefined {
  const found = STR_METHODS.get(name);
  if (found !== undefined) return method(found.signature, (bound) => found.run(text, bound));
  if (name !== "format" && name !== "format_map") return undefined;
  return new PyFunction((args, kwargs) => format(text, name, args, kwargs));
}

function format(text: string, name: "format" | "format_map", args: readonly Value[], kwargs: Kwargs): string {
  if (name === "format") return strFormat(text, args, (key) => kwargs.get(key));
  if (kwargs.size > 0) throw typeError("format_map() takes no keyword arguments");
  if (args.length !== 1) throw typeError(`format_map() takes exactly one argument (${args.length} given)`);
  return strFormat(text, [], namedIn(args[0]!));
}

/** Methods whose second argument Markup escapes, and those that give no text. */
const ESCAPES_SECOND = new Set(["replace", "ljust", "rjust", "center"]);

/** A method of Markup gives Markup where that of `str` gives text, and escapes text that it adds. */
function markupMethod(markup: Markup, name: string): Value | undefined {
  if (name === "join") {
    return new PyFunction(([items]) =>
      new Markup(join(markup.text, [...iterate(items ?? null)].map(escapedText)))
    );
  }
  if (name === "format" || name === "format_map") {
    return new PyFunction((args, kwargs) => {
      const safe = new Map([...kwargs].map(([key, value]) => [key, escaped(value)]));
      return new Markup(format(markup.text, name, args.map(escaped), safe));
    });
  }
  const found: StrMethod | undefined = STR_METHODS.get(name);
  if (found === undefined) return undefined;
  return method(found.signature, (bound) => {
    const safe = ESCAPES_SECOND.has(name) && bound[1] !== undefined
      ? [bound[0], escaped(bound[1]), bound[2]]
      : bound;
    return marked(found.run(markup.text, safe));
  });
}

function escaped(value: Value): Value {
  if (value instanceof Markup) return value.text;
  return typeof value === "string" ? escapeHtml(value) : value;
}

/** Text of any value, escaped where it is not Markup. */
function escapedText(value: Value): Value {
  return value instanceof Markup ? value.text : escapeHtml(str(value));
}

function marked(value: Value): Value {
  if (typeof value === "string") return new Markup(value);
  if (Array.isArray(value)) return value.map(marked);
  return value instanceof PyTuple ? new PyTuple(value.items.map(marked)) : value;
}

function copier(items: readonly Value[]): Value {
  return method(new Signature("list.copy", "/"), () => [...items]);
}

function sequenceMethod(items: readonly Value[], name: string): Value | undefined {
  if (name === "count") {
    return method(COUNT, ([item]) => items.filter((other) => equal(other, item!)).length);
  }
  if (name !== "index") return undefined;
  return method(INDEX, ([item, start]) => {
    const from = start === undefined ? 0 : toIndex(start);
    const first = from < 0 ? Math.max(0, from + items.length) : from;
    const index = items.findIndex((other, at) => at >= first && equal(other, item!));
    if (index < 0) throw valueError(`${repr(item!)} is not in list`);
    return index;
  });
}
const COUNT = new Signature("count", "/value");
const INDEX = new Signature("index", "/value start? stop?");

function intAttribute(value: number | bigint | boolean, name: string): Value | undefined {
  const number = typeof value === "boolean" ? Number(value) : value;
  if (name === "real" || name === "numerator") return number;
  if (name === "imag") return 0;
  if (name === "denominator") return 1;
  if (name === "bit_length") {
    return method(
      new Signature("bit_length", "/"),
      () => number === 0 ? 0 : number.toString(2).replace("-", "").length,
    );
  }
  return name === "conjugate" ? method(new Signature("conjugate", "/"), () => number) : undefined;
}

function floatAttribute(value: PyFloat, name: string): Value | undefined {
  if (name === "real") return value;
  if (name === "imag") return new PyFloat(0);
  if (name === "is_integer") {
    return method(new Signature("is_integer", "/"), () => Number.isInteger(value.value));
  }
  return name === "conjugate" ? method(new Signature("conjugate", "/"), () => value) : undefined;
}

function rangeAttribute(range: PyRange, name: string): Value | undefined {
  if (name === "start" || name === "stop" || name === "step") return range[name];
  return sequenceMethod([...range.iterate()], name);
}

function copyOf(dict: PyDict): PyDict {
  const copy = new PyDict();
  for (const [key, value] of dict.entries()) copy.set(key, value);
  return copy;
}

/** `dict.fromkeys(keys, value)`. */
export function fromKeys(keys: Value, value: Value | undefined): PyDict {
  const dict = new PyDict();
  for (const key of iterate(keys)) dict.set(key, value ?? null);
  return dict;
}

function getOf(dict: PyDict, key: Value, otherwise: Value): Value {
  const value = dict.get(key);
  return value === undefined ? otherwise : value;
}
