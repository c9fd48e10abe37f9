/**
 * Small parts of the HTTP face: bodies in, replies out.
 *
 * @module
 */
import { BadRequestError } from "../../errors.ts";
import type { JsonObject } from "../../types.ts";
import { BODY_BYTES_MAX } from "./options.ts";

/** Thrown instead of a reply when the connection is to end without one. */
export class ConnectionDropError extends TypeError {
  override readonly name = "ConnectionDropError";
}

/** One call, as the handlers see it. */
export interface Call {
  readonly request: Request;
  /** The body as it came. */
  readonly text: string;
  /** The body as an object; throws {@link BadRequestError} when it is none. An empty body is an empty object. */
  json(): JsonObject;
}

const JSON_HEADERS = { "content-type": "application/json" };
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A JSON reply. */
export function jsonResponse(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: JSON_HEADERS });
}

/** The body of an error as SGLang writes it. */
export function errorBody(message: string): { error: { message: string } } {
  return { error: { message } };
}

/** An error as SGLang writes it. */
export function errorResponse(status: number, message: string): Response {
  return jsonResponse(errorBody(message), status);
}

/** A plain-text reply. */
export function textResponse(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/**
 * Reads a body.
 *
 * @throws {BadRequestError} when it is too long (413) or no UTF-8 (400)
 */
export async function readCall(request: Request): Promise<Call> {
  const bytes = request.body === null ? new Uint8Array(0) : new Uint8Array(await request.arrayBuffer());
  if (bytes.length > BODY_BYTES_MAX) {
    const message = `Cannot read body: ${bytes.length} bytes, at most ${BODY_BYTES_MAX} are taken`;
    throw new BadRequestError(message, { status: 413 });
  }
  const text = decodeStrictly(bytes);
  return { request, text, json: () => parseObject(text) };
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (error) {
    throw new BadRequestError("Cannot read body: invalid UTF-8", { cause: error });
  }
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new BadRequestError(`Cannot read body: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new BadRequestError(`Cannot read body: expected an object, received ${text.slice(0, 80)}`);
}
