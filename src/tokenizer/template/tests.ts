/**
 * The tests that templates ask with `is`.
 *
 * @module
 */
import { hashOf, PyDict, PyRange } from "./dict.ts";
import type { Test } from "./filter.ts";
import { isIterable } from "./iterate.ts";
import { isLowerCase, isUpperCase } from "./letter_case.ts";
import { binary, compare, contains, equal } from "./operators.ts";
import { Signature } from "./signature.ts";
import { str } from "./text.ts";
import {
  isInt,
  isNumber,
  isStr,
  Markup,
  PyFloat,
  PyObject,
  PyTuple,
  Undefined,
  type Value,
} from "./values.ts";

function one(name: string, is: (value: Value) => boolean): [string, Test] {
  const signature = new Signature(`test_${name}`, "value");
  return [name, (args, kwargs) => is(signature.bind(args, kwargs)[0]!)];
}

function two(name: string, is: (value: Value, other: Value) => boolean): [string, Test] {
  const signature = new Signature(`test_${name}`, "value other");
  return [name, (args, kwargs) => {
    const [value, other] = signature.bind(args, kwargs);
    return is(value!, other!);
  }];
}

function named(names: readonly string[], is: (value: Value, other: Value) => boolean): [string, Test][] {
  return names.map((name) => two(name, is));
}

function rest(value: Value, by: Value): Value {
  return binary("%", value, by);
}

/** Names of all filters; set by the module that has them, which itself needs the tests. */
const filterNames = { has: (_name: string) => false };

/** Tells the test `filter` which names are filters. */
export function knowFilters(has: (name: string) => boolean): void {
  filterNames.has = has;
}

/** Every test that a template may name. */
export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  one("odd", (value) => equal(rest(value, 2), 1)),
  one("even", (value) => equal(rest(value, 2), 0)),
  divisibleBy(),
  one("defined", (value) => !(value instanceof Undefined)),
  one("undefined", (value) => value instanceof Undefined),
  one("filter", (value) => isNameIn(value, filterNames)),
  one("test", (value) => isNameIn(value, TESTS)),
  one("none", (value) => value === null),
  one("boolean", (value) => typeof value === "boolean"),
  one("false", (value) => value === false),
  one("true", (value) => value === true),
  one("integer", (value) => isInt(value) && typeof value !== "boolean"),
  one("float", (value) => value instanceof PyFloat),
  one("lower", (value) => isLowerCase(str(value))),
  one("upper", (value) => isUpperCase(str(value))),
  one("string", isStr),
  one("mapping", (value) => value instanceof PyDict),
  one("number", isNumber),
  one("sequence", isSequence),
  one("iterable", isIterable),
  one("callable", (value) => value instanceof PyObject && value.callable),
  two("sameas", (value, other) => value === other),
  one("escaped", (value) => value instanceof Markup),
  two("in", (value, container) => contains(container, value)),
  ...named(["==", "eq", "equalto"], equal),
  ...named(["!=", "ne"], (value, other) => !equal(value, other)),
  ...named([">", "gt", "greaterthan"], (value, other) => compare(">", value, other)),
  ...named([">=", "ge"], (value, other) => compare(">=", value, other)),
  ...named(["<", "lt", "lessthan"], (value, other) => compare("<", value, other)),
  ...named(["<=", "le"], (value, other) => compare("<=", value, other)),
]);

/** Names are asked for as keys of a dict: lists and dicts are an error. */
function isNameIn(value: Value, names: { has(name: string): boolean }): boolean {
  const name = hashOf(value);
  return typeof name === "string" && names.has(name);
}

function divisibleBy(): [string, Test] {
  const signature = new Signature("test_divisibleby", "value num");
  return ["divisibleby", (args, kwargs) => {
    const [value, by] = signature.bind(args, kwargs);
    return equal(rest(value!, by!), 0);
  }];
}

function isSequence(value: Value): boolean {
  return isStr(value) || Array.isArray(value) || value instanceof PyTuple || value instanceof PyDict ||
    value instanceof PyRange || value instanceof Undefined;
}
