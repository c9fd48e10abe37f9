/**
 * One text for all copies of a message that mean the same.
 *
 * Clients send the history back as their libraries write it: arguments re-serialised, keys in another order, null for "",
 * reasoning left out, ids renamed, one text part for a string. A canonical text is equal for such copies, and differs as
 * soon as the content does.
 *
 * @module
 */
import { fieldNames } from "../tokenizer/json_number.ts";
import type { JsonObject } from "../types.ts";

/** How {@link canonicalJson} reads numbers and keys. */
export interface CanonicalJsonOptions {
  /** Keys in the order of their code units. Default true. */
  readonly sortKeys?: boolean;
  /** `1.0` and `1` differ, as they do in a template. Default false: numbers by their value. */
  readonly exactNumbers?: boolean;
}

/** Names of the tool calls of a conversation by the client's ids: which call of which message an id means. */
export type CallPlaces = Map<string, string>;

/** JSON of one form for all values that are equal. Cost: the value. */
export function canonicalJson(value: unknown, options: CanonicalJsonOptions = {}): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, options)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (!isPlainObject(value)) return numberLiteral(String(value), options.exactNumbers ?? false);
  const sortKeys = options.sortKeys ?? true;
  const names = sortKeys ? Object.keys(value).sort() : fieldNames(value);
  const entries = names.map((name) => [name, value[name]] as const).filter(([, item]) => item !== undefined);
  return `{${
    entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, options)}`).join(",")
  }}`;
}

/**
 * The canonical text of a message.
 *
 * Of an assistant message only what the model said counts: content and tool calls, without the ids of the calls. Reasoning is
 * not part of it, for clients leave it out: see {@link reasoningAgrees}. Of other messages every field counts that is
 * not empty.
 *
 * @param places what ids of tool calls mean; default: an id means itself
 */
export function canonicalMessage(message: JsonObject, places?: CallPlaces): string {
  if (message.role === "assistant") return canonicalAssistant(message);
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(message)) {
    const kept = key === "content" ? plainContent(value) : value;
    if (!isEmpty(kept)) fields[key] = kept;
  }
  const id = fields.tool_call_id;
  if (typeof id === "string") fields.tool_call_id = places?.get(id) ?? id;
  return canonicalJson(fields, { exactNumbers: true });
}

/** Notes which calls the ids of `message` mean, for the tool messages that follow. */
export function noteCallPlaces(message: JsonObject, index: number, places: CallPlaces): void {
  toolCallIds(message).forEach((id, call) => id === null || places.set(id, `call ${index}.${call}`));
}

/** Ids of the tool calls of a message, null where one has none. */
export function toolCallIds(message: JsonObject): (string | null)[] {
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  return calls.map((call) => isPlainObject(call) && typeof call.id === "string" ? call.id : null);
}

/** Fields in which clients send reasoning, the one that most templates read first. */
export const REASONING_FIELDS = ["reasoning_content", "thinking", "reasoning"] as const;

/** What an assistant message tells of the model's reasoning, in any of {@link REASONING_FIELDS}; "" when none is there. */
export function reasoningOf(message: JsonObject): string {
  for (const field of REASONING_FIELDS) {
    const value = message[field];
    if (typeof value === "string" && value.trim() !== "") return value.trim();
  }
  return "";
}

/** Whether a client's copy of an assistant message leaves the reasoning out, or has the same as ours. */
export function reasoningAgrees(own: JsonObject, copy: JsonObject): boolean {
  const reasoning = reasoningOf(copy);
  return reasoning === "" || reasoning === reasoningOf(own);
}

/**
 * Whether two lists of messages, as far back as both reach, have the same reasoning. It is no part of a request's hash; in messages
 * that are the client's own it is rendered as it comes, and makes another request of it.
 */
export function sameReasoning(one: readonly JsonObject[], other: readonly JsonObject[]): boolean {
  const count = Math.min(one.length, other.length);
  const tail = other.slice(other.length - count);
  return one.slice(one.length - count).every((message, i) => reasoningOf(message) === reasoningOf(tail[i]!));
}

/** One text part is that text; everything else is as it is. */
export function plainContent(content: unknown): unknown {
  if (!Array.isArray(content) || content.length !== 1) return content;
  const part = content[0];
  const isText = isPlainObject(part) && part.type === "text" && typeof part.text === "string" &&
    Object.keys(part).length === 2;
  return isText ? part.text : content;
}

function canonicalAssistant(message: JsonObject): string {
  const content = plainContent(message.content);
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  return canonicalJson({
    role: "assistant",
    ...(isEmpty(content) ? {} : { content }),
    ...(isEmpty(message.refusal) ? {} : { refusal: message.refusal }),
    ...(calls.length === 0 ? {} : { calls: calls.map(canonicalCall) }),
    ...(isPlainObject(message.function_call) ? { function: canonicalFunction(message.function_call) } : {}),
  });
}

function canonicalCall(call: unknown): unknown {
  if (!isPlainObject(call)) return call;
  const type = call.type ?? "function";
  return isPlainObject(call.function)
    ? [type, ...canonicalFunction(call.function)]
    : [type, { ...call, id: "" }];
}

function canonicalFunction(called: Record<string, unknown>): [unknown, string] {
  return [called.name, canonicalArguments(called.arguments)];
}

/** Arguments are JSON in a string, or the object itself; none at all are no arguments. */
function canonicalArguments(value: unknown): string {
  if (isEmpty(value)) return "{}";
  if (typeof value !== "string") return canonicalJson(value);
  try {
    return value.trim() === "" ? "{}" : canonicalJson(JSON.parse(value, keepLongIntegers));
  } catch {
    return `not JSON: ${value}`;
  }
}

/** Integers beyond 2^53 lose digits as numbers; their text tells them apart. */
function keepLongIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || context?.source === undefined) return value;
  return /^-?\d+$/.test(context.source) ? { integer: context.source } : value;
}

/** A number that kept its literal, as the router's own JSON reader gives it. */
function numberLiteral(literal: string, isExact: boolean): string {
  const value = Number(literal);
  const isValueEnough = !isExact && (Number.isSafeInteger(value) || !/^-?\d+$/.test(literal));
  return isValueEnough && !Number.isNaN(value) ? JSON.stringify(value) : literal;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" ||
    (Array.isArray(value) && value.length === 0);
}

/** Whether a value is a JSON object, not a list and not a number that kept its literal. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
