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
import type { JsonObject } from "../types.ts";

/** Largest body of a control-plane request. */
export const CONTROL_BODY_BYTES_MAX = 1024 * 1024;

/**
 * The request's JSON object; `{}` when the body is empty.
 *
 * @throws BadRequestError for malformed JSON, 413 above `maxBytes`
 */
export async function readJsonObject(
  c: Context<RouterEnv>,
  maxBytes: number = CONTROL_BODY_BYTES_MAX,
): Promise<JsonObject> {
  const body = await readRequestBody(c.req.raw, maxBytes);
  return body.length === 0 ? {} : parseObject(decodeUtf8(body));
}

/** @throws BadRequestError that names the first field that does not fit */
export function validate<T>(action: string, schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new BadRequestError(
    `Cannot ${action}: ${path === null ? "" : `${path}: `}${lowerFirst(issue.message)}`,
  );
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
