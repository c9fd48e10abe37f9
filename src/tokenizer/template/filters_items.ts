/**
 * Filters over items and numbers.
 *
 * @module
 */
import { roundFloat } from "../python_float.ts";
import { getOnlyAttribute } from "./access.ts";
import { getterOf, ignoreCase, multiGetterOf } from "./attribute_path.ts";
import { codePoints } from "./code_points.ts";
import { DictView, hashOf, itemsOf, PyDict, PyRange } from "./dict.ts";
import { PythonError, typeError } from "./errors.ts";
import { type Filter, filter } from "./filter.ts";
import { isIterable, iterate, toList } from "./iterate.ts";
import { parseDouble, parseInteger, toBig, toDouble, truncate } from "./numbers.ts";
import { add, binary, equal, lengthOf, toIndex, truthy, unary } from "./operators.ts";
import type { Bound } from "./signature.ts";
import { extreme, sortBy } from "./sort.ts";
import {
  isInt,
  isNumber,
  isStr,
  Markup,
  PyFloat,
  PyIterator,
  PyTuple,
  textOf,
  toInt,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";
import { str } from "./text.ts";
import { strip } from "./str_split.ts";

/** Whether an optional argument is given and true. */
function isSet(value: Value | undefined): boolean {
  return value !== undefined && truthy(value);
}

/** The filters, by name. */
export const ITEM_FILTERS: readonly (readonly [string, Filter])[] = [
  filter("abs", "x", ([value]) => unary("abs()", value!)),
  filter("attr", "obj name", ([value, name]) => getOnlyAttribute(value!, str(name!))),
  filter(
    "batch",
    "value linecount fill_with?",
    ([value, size, fill]) => new PyIterator(batch(value!, size!, fill)),
  ),
  filter("count", "obj", ([value]) => lengthOf(value!)),
  filter("d", "value default_value? boolean?", byDefault),
  filter("default", "value default_value? boolean?", byDefault),
  filter("dictsort", "value case_sensitive? by? reverse?", (bound) => dictSort(bound)),
  filter("first", "seq", ([value]) => first(value!)),
  filter("float", "value default?", ([value, otherwise]) => toFloat(value!, otherwise ?? new PyFloat(0))),
  filter("groupby", "value attribute default? case_sensitive?", (bound) => groupBy(bound)),
  filter("int", "value default? base?", ([value, otherwise, base]) => toInteger(value!, otherwise, base)),
  filter("items", "value", ([value]) => items(value!)),
  filter("last", "seq", ([value]) => last(value!)),
  filter("length", "obj", ([value]) => lengthOf(value!)),
  filter("list", "value", ([value]) => [...iterate(value!)]),
  filter("max", "value case_sensitive? attribute?", (bound) => most(bound, ">")),
  filter("min", "value case_sensitive? attribute?", (bound) => most(bound, "<")),
  filter("reverse", "value", ([value]) => reverse(value!)),
  filter("round", "value precision? method?", (bound) => round(bound)),
  filter(
    "slice",
    "value slices fill_with?",
    ([value, count, fill]) => new PyIterator(slices(value!, count!, fill)),
  ),
  filter("sort", "value reverse? case_sensitive? attribute?", ([value, isReverse, isExact, attribute]) => {
    const key = multiGetterOf(attribute, isSet(isExact) ? (item) => item : ignoreCase);
    return sortBy(toList(value!), key, isSet(isReverse));
  }),
  filter("sum", "iterable attribute? start?", ([value, attribute, start]) => {
    const getter = getterOf(attribute);
    let total: Value = start ?? 0;
    if (isStr(total)) throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
    for (const item of iterate(value!)) total = add(total, getter(item));
    return total;
  }),
  filter("unique", "value case_sensitive? attribute?", (bound) => new PyIterator(unique(bound))),
];

function byDefault([value, otherwise, isBoolean]: Bound): Value {
  if (value instanceof Undefined || (isSet(isBoolean) && !truthy(value!))) {
    return otherwise === undefined ? "" : otherwise;
  }
  return value!;
}

function* batch(value: Value, size: Value, fill: Value | undefined): Generator<Value> {
  let items: Value[] = [];
  const fits = (count: number) => equal(count, size);
  for (const item of iterate(value)) {
    if (fits(items.length)) {
      yield items;
      items = [];
    }
    items.push(item);
  }
  if (items.length === 0) return;
  if (fill !== undefined && fill !== null) { while (items.length < toIndex(size)) items.push(fill); }
  yield items;
}

function* slices(value: Value, count: Value, fill: Value | undefined): Generator<Value> {
  const items = [...iterate(value)];
  const parts = toIndex(count);
  if (parts === 0) throw new PythonError("ZeroDivisionError", "integer division or modulo by zero");
  const each = Math.floor(items.length / parts);
  const larger = items.length - each * parts;
  for (let part = 0, start = 0; part < parts; part++) {
    const end = start + each + (part < larger ? 1 : 0);
    const slice = items.slice(start, end);
    if (fill !== undefined && fill !== null && part >= larger) slice.push(fill);
    yield slice;
    start = end;
  }
}

function dictSort([value, isExact, by, isReverse]: Bound): Value {
  const part = by === undefined ? "key" : by;
  if (part !== "key" && part !== "value") {
    throw new PythonError("FilterArgumentError", 'You can only sort by either "key" or "value"');
  }
  if (value instanceof Undefined) throw value.error();
  if (!(value instanceof PyDict)) throw typeError(`'${typeName(value!)}' object has no attribute 'items'`);
  const key = (pair: Value) => {
    const picked = (pair as PyTuple).items[part === "key" ? 0 : 1]!;
    return isSet(isExact) ? picked : ignoreCase(picked);
  };
  return sortBy([...iterate(itemsOf(value))], key, isSet(isReverse));
}

function first(value: Value): Value {
  const { done, value: item } = iterate(value).next();
  return done ? new Undefined("No first item, sequence was empty.") : item;
}

function last(value: Value): Value {
  const items = reversible(value);
  const item = items?.at(-1);
  if (items === null) throw typeError(`'${typeName(value)}' object is not reversible`);
  return item === undefined ? new Undefined("No last item, sequence was empty.") : item;
}

/** The items of what can be read backwards; null for what cannot. */
function reversible(value: Value): readonly Value[] | string | null {
  if (isStr(value)) return codePoints(textOf(value));
  if (Array.isArray(value)) return value;
  if (value instanceof PyTuple) return value.items;
  const isSized = value instanceof PyDict || value instanceof DictView || value instanceof PyRange;
  return isSized || value instanceof Undefined ? [...iterate(value)] : null;
}

/** Names of the iterators that `reversed` gives. */
const REVERSED: Readonly<Record<string, string>> = {
  list: "list_reverseiterator",
  dict: "dict_reversekeyiterator",
  dict_keys: "dict_reversekeyiterator",
  dict_values: "dict_reversevalueiterator",
  dict_items: "dict_reverseitemiterator",
  range: "range_iterator",
};

function reverse(value: Value): Value {
  if (isStr(value)) {
    const text = Array.from(textOf(value)).reverse().join("");
    return value instanceof Markup ? new Markup(text) : text;
  }
  const items = reversible(value);
  if (items !== null) {
    return new PyIterator([...items].reverse()[Symbol.iterator](), REVERSED[typeName(value)] ?? "reversed");
  }
  if (!isIterable(value)) throw new PythonError("FilterArgumentError", "argument must be iterable");
  return [...iterate(value)].reverse();
}

function items(value: Value): Value {
  if (value instanceof PyDict) return itemsOf(value);
  return new PyIterator(value instanceof Undefined ? [][Symbol.iterator]() : refuseItems());
}

/** Fails when it is read, as a generator does. */
// deno-lint-ignore require-yield
function* refuseItems(): Generator<Value> {
  throw typeError("Can only get item pairs from a mapping.");
}

function toFloat(value: Value, otherwise: Value): Value {
  if (value instanceof Undefined) throw value.error();
  if (isNumber(value)) return new PyFloat(toDouble(value));
  const double = isStr(value) ? parseDouble(strip(textOf(value), null, "both")) : null;
  return double === null ? otherwise : new PyFloat(double);
}

function toInteger(value: Value, otherwise: Value | undefined, base: Value | undefined): Value {
  const fallback = otherwise === undefined ? 0 : otherwise;
  if (value instanceof Undefined) throw value.error();
  if (isStr(value)) {
    const text = strip(textOf(value), null, "both");
    const integer = parseInteger(text, base === undefined ? 10 : toIndex(base));
    if (integer !== null) return integer;
    const double = parseDouble(text);
    return double === null || !Number.isFinite(double) ? fallback : truncate(new PyFloat(double));
  }
  if (!isNumber(value)) return fallback;
  return value instanceof PyFloat && Number.isNaN(value.value) ? fallback : truncate(value);
}

function groupBy([value, attribute, fallback, isExact]: Bound): Value {
  const exact = getterOf(attribute, fallback ?? null);
  const key = isSet(isExact) ? exact : (item: Value) => ignoreCase(exact(item));
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sortBy(toList(value!), key, false)) {
    const group = groups.at(-1);
    if (group !== undefined && equal(group.key, key(item))) group.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  return groups.map(({ items }) => new PyTuple([exact(items[0]!), items], ["grouper", "list"]));
}

function most([value, isExact, attribute]: Bound, operator: "<" | ">"): Value {
  const getter = getterOf(attribute);
  const key = isSet(isExact) ? getter : (item: Value) => ignoreCase(getter(item));
  const item = extreme(iterate(value!), key, operator);
  return item === undefined ? new Undefined("No aggregated item, sequence was empty.") : item;
}

function* unique([value, isExact, attribute]: Bound): Generator<Value> {
  const getter = getterOf(attribute);
  const seen = new Set<unknown>();
  for (const item of iterate(value!)) {
    const hash = hashOf(isSet(isExact) ? getter(item) : ignoreCase(getter(item)));
    if (seen.has(hash)) continue;
    seen.add(hash);
    yield item;
  }
}

function round([value, precision, method]: Bound): Value {
  const how = method === undefined ? "common" : method;
  if (how !== "common" && how !== "ceil" && how !== "floor") {
    throw new PythonError("FilterArgumentError", "method must be common, ceil or floor");
  }
  const digits = precision === undefined ? 0 : precision;
  if (how === "common") return roundCommon(value!, digits);
  const scale = binary("**", 10, digits);
  return binary("/", towards(how, binary("*", value!, scale)), scale);
}

function towards(how: "ceil" | "floor", value: Value): Value {
  if (!isNumber(value)) throw typeError(`must be real number, not ${typeName(value)}`);
  return value instanceof PyFloat ? truncate(new PyFloat(Math[how](value.value))) : truncate(value);
}

function roundCommon(value: Value, precision: Value): Value {
  if (!isNumber(value)) throw typeError(`type ${typeName(value)} doesn't define __round__ method`);
  if (precision === null) {
    return isInt(value) ? toInt(toBig(value)) : truncate(new PyFloat(roundFloat(value.value, 0)));
  }
  const digits = toIndex(precision);
  if (value instanceof PyFloat) {
    return Number.isFinite(value.value) ? new PyFloat(roundFloat(value.value, digits)) : value;
  }
  return digits >= 0 ? toInt(toBig(value)) : roundInteger(toBig(value), 10n ** BigInt(-digits));
}

/** To a multiple of `unit`, half to even. */
function roundInteger(value: bigint, unit: bigint): Value {
  const rest = ((value % unit) + unit) % unit;
  const floor = value - rest;
  const isUp = rest * 2n > unit || (rest * 2n === unit && (floor / unit) % 2n !== 0n);
  return toInt(isUp ? floor + unit : floor);
}
