/**
 * Schemas that several settings share. Their messages complete "must be …".
 *
 * @module
 */
import * as v from "valibot";

/** Largest time that a timer can hold. */
export const TIME_MAX_MS = 2 ** 31 - 1;

/** A whole number within bounds, both included. */
export function integer(min: number, max: number) {
  const message = `an integer from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

/** One of several names. */
export function oneOf<const Names extends readonly string[]>(...names: Names) {
  return v.picklist(names, `one of ${names.join(", ")}`);
}

/** Text without control characters; `what` says what it is. */
export const text = (what: string) => v.pipe(v.string(what), v.regex(/^\P{Cc}+$/u, what));
/** A switch. */
export const boolean = v.boolean("true or false");
/** A token as HTTP headers carry it. */
export const bearerToken = v.pipe(
  v.string("a token of visible ASCII characters"),
  v.regex(/^[\x21-\x7e]+$/, "a token of visible ASCII characters"),
);
