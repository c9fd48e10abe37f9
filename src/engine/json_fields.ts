/**
 * Reading untrusted JSON one field at a time: a value of the wrong type is `null`, never a guess.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";

/** The value as an object, or null. Arrays are not objects here. */
export function asObject(value: JsonValue | undefined): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}

/** The value as a string, or null. */
export function asString(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** The value as a non-negative safe integer, or null. */
export function asCount(value: JsonValue | undefined): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : null;
}

/** The value as a token id, an integer in [0, 2^32), or null. */
export function asTokenId(value: JsonValue | undefined): number | null {
  const id = asCount(value);
  return id !== null && id <= 0xffff_ffff ? id : null;
}

/** The value as an array of token ids; null when it is no array or an element is none. */
export function asTokenIds(value: JsonValue | undefined): Uint32Array | null {
  if (!Array.isArray(value)) return null;
  const ids = new Uint32Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const id = asTokenId(value[i]);
    if (id === null) return null;
    ids[i] = id;
  }
  return ids;
}

/** Longest value that a message quotes, in UTF-16 units. */
const QUOTED_UNITS_MAX = 80;

/**
 * What is wrong with a list that should hold token ids, with the value that was received; null when nothing is, or when
 * there is no list (undefined or null). A reply with such a fault is not to be used: its other ids may be as wrong.
 *
 * @param name of the field
 * @param idOf where an element has its id. Default: it is the id
 */
export function tokenIdFault(
  value: JsonValue | undefined,
  name: string,
  idOf: (element: JsonValue) => JsonValue | undefined = (element) => element,
): string | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return `${name} is no list, received ${brief(value)}`;
  const at = value.findIndex((element) => asTokenId(idOf(element)) === null);
  return at < 0 ? null : `${name} has no token id at ${at}, received ${brief(value[at])}`;
}

/** A value as it is quoted in messages. */
export function brief(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > QUOTED_UNITS_MAX ? `${json.slice(0, QUOTED_UNITS_MAX - 1)}…` : json;
}
