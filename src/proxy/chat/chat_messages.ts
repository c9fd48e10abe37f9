/**
 * Checks the messages and tools of a chat request.
 *
 * @module
 */
import { nestsDeeper } from "../../engine/read_json.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { isObject, refuse } from "./fields.ts";

/** Deepest nesting of a call's arguments; what a parser takes for a whole call is far below. */
const ARGUMENTS_DEPTH_MAX = 10_000;
/** Roles that a message may have. */
const ROLES: ReadonlySet<string> = new Set(["system", "developer", "user", "assistant", "tool", "function"]);

/**
 * The messages of a request. Fields that no template knows stay as they are.
 *
 * @throws {ChatRequestError} naming the first field that does not fit
 */
export function readMessages(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value) || value.length === 0) {
    return refuse("messages", "a list of at least one message", value);
  }
  return value.map((message, index) => readMessage(message, `messages[${index}]`));
}

/** The tools of a request; null without any. */
export function readTools(value: JsonValue | undefined): JsonObject[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return refuse("tools", "a list of tools", value);
  const tools = value.map((tool, index) =>
    isObject(tool) ? tool : refuse(`tools[${index}]`, "an object", tool)
  );
  return tools.length === 0 ? null : tools;
}

/** @throws {ChatRequestError} when a string of `value` holds half of a character, for which no tokens stand */
export function assertWellFormed(value: JsonValue, param: string): void {
  if (typeof value === "string") {
    if (value.isWellFormed()) return;
    throw new ChatRequestError(param, `${param} holds an unpaired surrogate (half of a character)`);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) assertWellFormed(name, param);
    assertWellFormed(member, Array.isArray(value) ? `${param}[${name}]` : `${param}.${name}`);
  }
}

function readMessage(message: JsonValue, at: string): JsonObject {
  if (!isObject(message)) return refuse(at, "an object", message);
  const { role, content } = message;
  if (typeof role !== "string" || !ROLES.has(role)) {
    return refuse(`${at}.role`, `one of ${[...ROLES].join(", ")}`, role);
  }
  checkContent(content, `${at}.content`);
  if (role !== "assistant" && (content === undefined || content === null)) {
    refuse(`${at}.content`, "a string or a list of parts", content);
  }
  checkCalls(message.tool_calls, `${at}.tool_calls`);
  return message;
}

function checkContent(content: JsonValue | undefined, at: string): void {
  if (content === undefined || content === null || typeof content === "string") return;
  if (!Array.isArray(content)) refuse(at, "a string or a list of parts", content);
  content.forEach((part, index) => checkPart(part, `${at}[${index}]`));
}

function checkPart(part: JsonValue, at: string): void {
  if (!isObject(part)) return refuse(at, "an object", part);
  const { type, text, refusal } = part;
  if (type === "refusal" && typeof refusal === "string") return;
  if (type !== "text") {
    return refuse(`${at}.type`, '"text" (text only: images, audio and files are not served)', type);
  }
  if (typeof text !== "string") refuse(`${at}.text`, "a string", text);
}

function checkCalls(calls: JsonValue | undefined, at: string): void {
  if (calls === undefined || calls === null) return;
  if (!Array.isArray(calls)) return refuse(at, "a list of tool calls", calls);
  calls.forEach((call, index) => {
    const called = isObject(call) ? call.function : call;
    if (isObject(call) && call.type !== undefined && call.type !== "function") return;
    if (!isObject(called)) return refuse(`${at}[${index}].function`, "an object", called);
    if (typeof called.name !== "string") refuse(`${at}[${index}].function.name`, "a string", called.name);
    checkArguments(called.arguments, `${at}[${index}].function.arguments`);
  });
}

/** Arguments are JSON within JSON: they are parsed too. What a model wrote comes back here, broken as it may be. */
function checkArguments(value: JsonValue | undefined, at: string): void {
  if (typeof value !== "string" || !nestsDeeper(value, ARGUMENTS_DEPTH_MAX)) return;
  throw new ChatRequestError(at, `${at} is nested deeper than ${ARGUMENTS_DEPTH_MAX} levels`);
}
