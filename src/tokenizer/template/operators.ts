/**
 * Python's operators on any values.
 *
 * @module
 */
import { codePointLength, compareText } from "./code_points.ts";
import { DictView, PyDict, PyRange } from "./dict.ts";
import { PythonError, typeError } from "./errors.ts";
import { escapeHtml } from "./html.ts";
import { iterate } from "./iterate.ts";
import { absolute, arithmetic, compareNumbers, negate, toBig } from "./numbers.ts";
import { percentFormat } from "./percent_format.ts";
import {
  isInt,
  isNumber,
  isStr,
  Markup,
  PyFloat,
  PyTuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** Most items or characters that a repetition gives. */
const REPEAT_MAX = 1 << 28;
/** Bits of an index in Python. */
const INDEX_BITS = 64;

/** Whether a value counts as true. */
export function truthy(value: Value): boolean {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    if (value instanceof PyFloat) return value.value !== 0;
    if (value instanceof Markup) return value.text !== "";
    return value.size !== 0;
  }
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** `a + b`, `a - b` … */
export function binary(operator: string, a: Value, b: Value): Value {
  if (isNumber(a) && isNumber(b)) return arithmetic(operator, a, b);
  if (operator === "%" && isStr(a)) return percent(a, b);
  if (a instanceof Undefined) throw a.error();
  if (b instanceof Undefined) throw b.error();
  if (operator === "+") return add(a, b);
  if (operator === "*") {
    if (isInt(b)) return repeat(a, b);
    if (isInt(a)) return repeat(b, a);
    if (isSequence(a)) throw typeError(`can't multiply sequence by non-int of type '${typeName(b)}'`);
    if (isSequence(b)) throw typeError(`can't multiply sequence by non-int of type '${typeName(a)}'`);
  }
  throw unsupported(operator, a, b);
}

function unsupported(operator: string, a: Value, b: Value): PythonError {
  const name = operator === "**" ? "** or pow()" : operator;
  return typeError(`unsupported operand type(s) for ${name}: '${typeName(a)}' and '${typeName(b)}'`);
}

function isSequence(value: Value): boolean {
  return isStr(value) || Array.isArray(value) || value instanceof PyTuple;
}

function percent(a: string | Markup, b: Value): Value {
  return typeof a === "string" ? percentFormat(a, b) : new Markup(percentFormat(a.text, escaped(b)));
}

/** What Markup's `%` fills in: text is escaped first. */
function escaped(value: Value): Value {
  if (typeof value === "string") return escapeHtml(value);
  if (value instanceof PyTuple) return new PyTuple(value.items.map(escaped));
  return value;
}

/** `a + b`. */
export function add(a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  if (isNumber(a) && isNumber(b)) return arithmetic("+", a, b);
  if (a instanceof Undefined) throw a.error();
  if (b instanceof Undefined) throw b.error();
  if (isStr(a) && isStr(b)) return new Markup(safe(a) + safe(b));
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (a instanceof PyTuple && b instanceof PyTuple) return new PyTuple([...a.items, ...b.items]);
  if (typeof a === "string") throw typeError(`can only concatenate str (not "${typeName(b)}") to str`);
  if (Array.isArray(a)) throw typeError(`can only concatenate list (not "${typeName(b)}") to list`);
  if (a instanceof PyTuple) throw typeError(`can only concatenate tuple (not "${typeName(b)}") to tuple`);
  throw unsupported("+", a, b);
}

function safe(value: string | Markup): string {
  return typeof value === "string" ? escapeHtml(value) : value.text;
}

function repeat(value: Value, count: number | bigint | boolean): Value {
  const times = Math.max(0, toIndex(count));
  const check = (length: number) => {
    if (length * times > REPEAT_MAX) {
      throw new PythonError("OverflowError", "Cannot repeat: the result is too big");
    }
  };
  if (isStr(value)) {
    check(textOf(value).length);
    const text = textOf(value).repeat(times);
    return typeof value === "string" ? text : new Markup(text);
  }
  if (Array.isArray(value)) {
    check(value.length);
    return Array.from({ length: times }, () => value).flat(1);
  }
  if (value instanceof PyTuple) {
    check(value.size);
    return new PyTuple(Array.from({ length: times }, () => value.items).flat(1));
  }
  if (value instanceof Undefined) throw value.error();
  throw unsupported("*", value, count);
}

/** `-value`, `+value` and `abs(value)`. */
export function unary(operator: "-" | "+" | "abs()", value: Value): Value {
  if (value instanceof Undefined && operator !== "abs()") throw value.error();
  if (!isNumber(value)) {
    const name = operator === "abs()" ? operator : `unary ${operator}`;
    throw typeError(`bad operand type for ${name}: '${typeName(value)}'`);
  }
  if (operator === "-") return negate(value);
  if (operator === "abs()") return absolute(value);
  return value instanceof PyFloat ? value : arithmetic("+", value, 0);
}

/** `a == b`. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === "string" && typeof b === "string") return false;
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0;
  if (isStr(a) && isStr(b)) return textOf(a) === textOf(b);
  if (Array.isArray(a) && Array.isArray(b)) return equalItems(a, b);
  if (a instanceof PyTuple && b instanceof PyTuple) return equalItems(a.items, b.items);
  if (a instanceof PyDict && b instanceof PyDict) return equalDicts(a, b);
  if (a instanceof PyRange && b instanceof PyRange) return equalItems([...a.iterate()], [...b.iterate()]);
  if (a instanceof DictView && b instanceof DictView) return equalViews(a, b);
  return a instanceof Undefined && b instanceof Undefined;
}

function equalItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, index) => equal(item, b[index]!));
}

function equalDicts(a: PyDict, b: PyDict): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}

/** Keys and items are sets; values are only themselves. */
function equalViews(a: DictView, b: DictView): boolean {
  if (a.part === "values" || b.part === "values" || a.size !== b.size) return false;
  return [...iterate(a)].every((item) => contains(b, item));
}

/** Whether `a` goes before `b` (less than 0), with it (0) or after it. @throws {PythonError} when they have no order */
export function compare(operator: "<" | "<=" | ">" | ">=", a: Value, b: Value): boolean {
  if (a instanceof Undefined) throw a.error();
  if (b instanceof Undefined) throw b.error();
  const order = orderOf(a, b);
  if (order === null) {
    throw typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
  }
  if (typeof order === "object") return compare(operator, ...order);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

/** An order, the pair of items that settles it, or null when there is none. */
function orderOf(a: Value, b: Value): number | [Value, Value] | null {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (isStr(a) && isStr(b)) return compareText(textOf(a), textOf(b));
  const left = Array.isArray(a) && Array.isArray(b)
    ? a
    : a instanceof PyTuple && b instanceof PyTuple
    ? a.items
    : null;
  if (left === null) return null;
  const right = Array.isArray(b) ? b : (b as PyTuple).items;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    if (!equal(left[index]!, right[index]!)) return [left[index]!, right[index]!];
  }
  return left.length - right.length;
}

/** `item in container`. */
export function contains(container: Value, item: Value): boolean {
  if (isStr(container)) {
    if (!isStr(item)) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return textOf(container).includes(textOf(item));
  }
  if (Array.isArray(container)) return container.some((other) => equal(other, item));
  if (container instanceof PyDict) return container.has(item);
  if (container instanceof DictView && container.part === "keys") return container.dict.has(item);
  const items = iterate(container, (name) => `argument of type '${name}' is not iterable`);
  for (const other of items) if (equal(other, item)) return true;
  return false;
}

/** `len(value)`. */
export function lengthOf(value: Value): number {
  if (isStr(value)) return codePointLength(textOf(value));
  if (Array.isArray(value)) return value.length;
  const size = typeof value === "object" && value !== null ? value.size : null;
  if (size === null) throw typeError(`object of type '${typeName(value)}' has no len()`);
  return size;
}

/** An index or count. @throws {PythonError} when it is no integer */
export function toIndex(
  value: Value,
  message = `'${typeName(value)}' object cannot be interpreted as an integer`,
): number {
  if (value instanceof Undefined && message.startsWith("'")) throw typeError(message);
  if (!isInt(value)) throw typeError(message);
  if (typeof value === "bigint" && BigInt.asIntN(INDEX_BITS, value) !== value) {
    throw new PythonError("OverflowError", "cannot fit 'int' into an index-sized integer");
  }
  return Number(toBig(value));
}
