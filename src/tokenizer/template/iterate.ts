/**
 * Iteration over any value.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import { typeName, type Value } from "./values.ts";

/** The items of a value: characters of a string, keys of a dict. @throws {PythonError} when it has none */
export function iterate(
  value: Value,
  message: (name: string) => string = (name) => `'${name}' object is not iterable`,
): IterableIterator<Value> {
  const iterator = iteratorOf(value);
  if (iterator === null) throw typeError(message(typeName(value)));
  if (typeof value === "string" || Array.isArray(value)) return iterator as IterableIterator<Value>;
  // Without `return`: a loop that ends early leaves a generator as it is, and another may go on with it.
  const items: IterableIterator<Value> = { next: () => iterator.next(), [Symbol.iterator]: () => items };
  return items;
}

/** Whether {@link iterate} gives items. */
export function isIterable(value: Value): boolean {
  return iteratorOf(value) !== null;
}

function iteratorOf(value: Value): Iterator<Value> | null {
  if (typeof value === "string" || Array.isArray(value)) return value[Symbol.iterator]();
  return typeof value === "object" && value !== null ? value.iterate() : null;
}

/** The items as a list. */
export function toList(value: Value): Value[] {
  return Array.isArray(value) ? value : [...iterate(value)];
}
