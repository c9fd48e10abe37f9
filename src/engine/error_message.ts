/**
 * What engines say when they fail, in one line.
 *
 * @module
 */
import type { JsonValue } from "../types.ts";
import type { DecodedReply } from "./adapter.ts";
import { asObject, asString } from "./json_fields.ts";
import { parseJson } from "./read_json.ts";

/** Longest message that is told, in UTF-16 units. */
export const ERROR_MESSAGE_UNITS_MAX = 2_000;

const BAD_GATEWAY = 502;
const decoder = new TextDecoder();

/**
 * The message of an error object; null when it is none. Known shapes: `{error: {message}}`, `{error: "…"}`,
 * `{object: "error", message}`, and FastAPI's `{detail}`, text or a list of complaints.
 */
export function messageOf(value: JsonValue | undefined): string | null {
  const body = asObject(value);
  if (body === null) return null;
  if (body.error !== undefined && body.error !== null) {
    const message = asString(asObject(body.error)?.message) ?? asString(body.error);
    return message === null || message.trim() === "" ? "an error without a message" : oneLine(message);
  }
  if (body.object === "error") return oneLine(asString(body.message) ?? "an error without a message");
  return body.detail === undefined || body.detail === null ? null : detailOf(body.detail);
}

/** A reply with an error status, of any shape, or none. */
export function errorReply(status: number, body: Uint8Array): DecodedReply {
  const text = decoder.decode(body).trim();
  const message = messageOf(parseJson(text)) ?? oneLine(text);
  return { kind: "error", status, message: message === "" ? `the engine answered ${status}` : message };
}

/** A reply of status 200 that cannot be used. */
export function unusableReply(message: string): DecodedReply {
  return { kind: "error", status: BAD_GATEWAY, message: oneLine(message) };
}

function detailOf(detail: JsonValue): string {
  if (!Array.isArray(detail)) return oneLine(asString(detail) ?? JSON.stringify(detail));
  return oneLine(detail.map(complaintOf).join("; "));
}

function complaintOf(complaint: JsonValue): string {
  const { loc, msg } = asObject(complaint) ?? {};
  const text = asString(msg) ?? JSON.stringify(complaint);
  return Array.isArray(loc) ? `${loc.join(".")}: ${text}` : text;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > ERROR_MESSAGE_UNITS_MAX ? `${line.slice(0, ERROR_MESSAGE_UNITS_MAX - 1)}…` : line;
}
