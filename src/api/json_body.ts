/**
 * JSON bodies of the control plane.
 *
 * @module
 */
import type { Context } from "hono";
import * as v from "valibot";
import { BadRequestError } from "../errors.ts";
import { decodeUtf8, parseObject } from "../proxy/generate_request.ts";
import { readRequestBody } from "../proxy/read_body.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { JsonObject, JsonValue } from "../types.ts";

/** Largest body of a control-plane request. */
export const CONTROL_BODY_BYTES_MAX = 1024 * 1024;
/** What names that bound in messages: it has no setting. */
const CONTROL_BODY_BOUND = "the bound of requests to the router itself";
/** Longest part of a received value that a message quotes, in UTF-16 units. */
const QUOTED_UNITS_MAX = 80;

/**
 * The request's JSON object; `{}` when the body is empty.
 *
 * @param maxBytes `--max-body-bytes` where prompts are sent. Default {@link CONTROL_BODY_BYTES_MAX}
 * @param parse reads JSON, e.g. one that keeps number literals. Default `JSON.parse`
 * @throws BadRequestError for malformed JSON or one nested too deep, 413 above the bound
 */
export async function readJsonObject(
  c: Context<RouterEnv>,
  maxBytes?: number,
  parse: (json: string) => JsonValue = JSON.parse,
): Promise<JsonObject> {
  const exchange = c.get("exchange");
  const body = maxBytes === undefined
    ? await readRequestBody(c.req.raw, CONTROL_BODY_BYTES_MAX, exchange, CONTROL_BODY_BOUND)
    : await readRequestBody(c.req.raw, maxBytes, exchange);
  return jsonObjectOf(body, parse);
}

/** The JSON object of a body; `{}` when it is empty. @throws as {@link readJsonObject} */
export function jsonObjectOf(
  body: Uint8Array,
  parse: (json: string) => JsonValue = JSON.parse,
): JsonObject {
  return body.length === 0 ? {} : parseObject(decodeUtf8(body), body, parse);
}

/** @throws BadRequestError that names the first field that does not fit */
export function validate<T>(action: string, schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new BadRequestError(`Cannot ${action}: ${sentenceOf(result.issues[0])}`);
}

/** @throws BadRequestError for text that no UTF-8 can stand for, and so no tokens either */
export function assertWellFormed(action: string, text: string): void {
  if (text.isWellFormed()) return;
  throw new BadRequestError(`Cannot ${action}: the text holds an unpaired surrogate (half of a character)`);
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  const name = v.getDotPath(issue as v.BaseIssue<unknown> & { path?: never }) ?? "the body";
  if (issue.input === undefined) return `${name} is required`;
  return `${name} must be ${expectationOf(issue)}, received ${describe(issue.input)}`;
}

const EXPECTATIONS: Readonly<Record<string, string>> = {
  string: "a string",
  boolean: "true or false",
  number: "a number",
  integer: "an integer",
  safe_integer: "an integer of at most 2^53 - 1",
  array: "a list",
  object: "an object",
  loose_object: "an object",
};

function expectationOf({ type, expected, requirement }: v.BaseIssue<unknown>): string {
  if (type === "min_value") return `${requirement} or more`;
  if (type === "max_value") return `${requirement} or less`;
  if (type === "picklist") return `one of ${expected?.replace(/["()]/g, "").replaceAll(" | ", ", ")}`;
  return EXPECTATIONS[type] ?? expected ?? type;
}

/** A few words on a received value. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  const text = typeof value === "string" ? value : String(value);
  const shown = text.length > QUOTED_UNITS_MAX ? `${text.slice(0, QUOTED_UNITS_MAX)}…` : text;
  return typeof value === "string" ? JSON.stringify(shown) : shown;
}
