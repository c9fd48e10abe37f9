/**
 * Paths into items, as `map(attribute="function.name")` and `sort(attribute="a,b")` have them.
 *
 * @module
 */
import { getItem } from "./access.ts";
import { isStr, textOf, Undefined, type Value } from "./values.ts";

/** Gives what a path leads to in an item. */
export type Getter = (item: Value) => Value;

/** `fallback` stands for what is not there, at each step of the path. */
export function getterOf(attribute: Value | undefined, fallback: Value = null): Getter {
  const parts = partsOf(attribute ?? null);
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = getItem(value, part);
      if (fallback !== null && value instanceof Undefined) value = fallback;
    }
    return value;
  };
}

/** Several paths with commas between them give a list. */
export function multiGetterOf(attribute: Value | undefined, finish: Getter): (item: Value) => Value[] {
  const paths = isStr(attribute) ? textOf(attribute).split(",") : [attribute];
  const getters = paths.map((path) => getterOf(path));
  return (item) => getters.map((getter) => finish(getter(item)));
}

/** Text in lower case, everything else as it is. */
export function ignoreCase(value: Value): Value {
  return isStr(value) ? textOf(value).toLowerCase() : value;
}

function partsOf(attribute: Value): Value[] {
  if (attribute === null) return [];
  if (!isStr(attribute)) return [attribute];
  return textOf(attribute).split(".").map((part) => /^\d+$/.test(part) ? Number(part) : part);
}
