/**
 * Reads fields of OpenAI requests: absent and null are the same, everything else is checked.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../../types.ts";
import { describe } from "../generate_request.ts";
import { ChatRequestError } from "./chat_error.ts";

/** Bounds of a number, both inclusive. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Fails over a field. */
export function refuse(param: string, expected: string, received: JsonValue | undefined): never {
  throw new ChatRequestError(param, `${param} must be ${expected}, received ${describe(received)}`);
}

/** A number within bounds; undefined when absent. */
export function readNumber(body: JsonObject, name: string, bounds: Bounds = {}): number | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  if (Number.isFinite(value) && isWithin(value as number, bounds)) return value as number;
  return refuse(name, `a number${wordsOf(bounds)}`, value);
}

/** An integer within bounds; undefined when absent. */
export function readInteger(body: JsonObject, name: string, bounds: Bounds = {}): number | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && isWithin(value, bounds)) return value;
  // Between whole numbers that far out there are others: the engine would get one that nobody wrote.
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  const isFar = typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return refuse(name, `an integer${wordsOf(isFar ? { min, max } : bounds)}`, value);
}

/** A switch; false when absent. */
export function readBoolean(body: JsonObject, name: string): boolean {
  const value = body[name] ?? false;
  return typeof value === "boolean" ? value : refuse(name, "true or false", value);
}

/** A string; null when absent. */
export function readString(body: JsonObject, name: string, param: string = name): string | null {
  const value = body[name] ?? null;
  return value === null || typeof value === "string" ? value : refuse(param, "a string", value);
}

/** An object; empty when absent. */
export function readObject(body: JsonObject, name: string): JsonObject {
  const value = body[name] ?? {};
  return isObject(value) ? value : refuse(name, "an object", value);
}

/** Whether a value is an object, not a list. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Bounds): boolean {
  return value >= min && value <= max;
}

function wordsOf({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}
