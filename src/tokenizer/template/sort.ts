/**
 * Sorting, grouping and picking as Python does.
 *
 * @module
 */
import { compare } from "./operators.ts";
import type { Value } from "./values.ts";

/** A stable order by `key`. Reversed, equal items keep their places. */
export function sortBy(items: readonly Value[], key: (item: Value) => Value, isReverse: boolean): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  if (isReverse) keyed.reverse();
  keyed.sort((a, b) => compareKeys(a.key, b.key));
  if (isReverse) keyed.reverse();
  return keyed.map(({ item }) => item);
}

function compareKeys(a: Value, b: Value): number {
  if (compare("<", a, b)) return -1;
  return compare("<", b, a) ? 1 : 0;
}

/** The first of the least (`<`) or greatest (`>`) items by `key`; undefined when there is none. */
export function extreme(
  items: Iterable<Value>,
  key: (item: Value) => Value,
  operator: "<" | ">",
): Value | undefined {
  let best: { item: Value; key: Value } | undefined;
  for (const item of items) {
    const candidate = { item, key: key(item) };
    if (best === undefined || compare(operator, candidate.key, best.key)) best = candidate;
  }
  return best?.item;
}
