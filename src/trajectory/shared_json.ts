/**
 * JSON values that are the same, kept once.
 *
 * @module
 */
import { fieldNames, JsonNumber } from "../tokenizer/json_number.ts";
import type { JsonValue } from "../types.ts";

/** Whether two values are the same JSON, literals of numbers and order of fields included. Cost: the values. */
export function isSameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length &&
      left.every((item, index) => isSameJson(item, right[index]));
  }
  if (left instanceof JsonNumber || right instanceof JsonNumber) {
    return left instanceof JsonNumber && right instanceof JsonNumber && left.literal === right.literal;
  }
  const names = fieldNames(left);
  const others = fieldNames(right);
  return names.length === others.length &&
    names.every((name, index) =>
      name === others[index] &&
      isSameJson((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name])
    );
}

/** `copy`, with the parts that are the same in `own` taken from there: two copies of a long text need memory once. */
export function sharing<T extends JsonValue>(copy: T, own: unknown): T {
  if (isSameJson(copy, own)) return own as T;
  if (!isContainer(copy) || !isContainer(own) || Array.isArray(copy) !== Array.isArray(own)) return copy;
  const shared = (Array.isArray(copy) ? [...copy] : { ...copy }) as Record<string, JsonValue>;
  for (const [name, member] of Object.entries(copy as Record<string, JsonValue>)) {
    if (Object.hasOwn(own, name)) shared[name] = sharing(member, (own as Record<string, unknown>)[name]);
  }
  return shared as T;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof JsonNumber);
}
