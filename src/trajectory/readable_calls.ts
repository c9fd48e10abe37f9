/**
 * Calls whose arguments no template can read.
 *
 * A call that a limit cuts short has half an object for arguments. Templates that write arguments one by one refuse it. Where
 * the tokens that were sampled stand in the prompt, only the text behind them has to be found out; where a prompt begins anew,
 * the call is given to the template as text, which is what it came to.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { isPlainObject, plainContent } from "./canonical.ts";

/** What stands for arguments that are no object, where nobody will read them. */
const NO_ARGUMENTS = "{}";

/**
 * The messages with `{}` for arguments that are no JSON object, in the first `count` of them; null when there are none.
 * Such a conversation shows how a template goes on behind a call. It is no prompt: what was called is not in it.
 */
export function withReadableCalls(messages: readonly JsonObject[], count: number): JsonObject[] | null {
  const readable = messages.map((message, index) => index < count ? readableMessage(message) : message);
  return readable.some((message, index) => message !== messages[index]) ? readable : null;
}

/**
 * The messages with calls that no template can read as text, in JSON behind the content; null when there are none. Their results
 * stay messages of their own. Nothing is left out and nothing is made up: what is cut short stays cut short.
 */
export function withCallsAsText(messages: readonly JsonObject[]): JsonObject[] | null {
  const readable = messages.map(saidAsText);
  return readable.some((message, index) => message !== messages[index]) ? readable : null;
}

function saidAsText(message: JsonObject): JsonObject {
  const calls = message.tool_calls;
  const content = plainContent(message.content) ?? "";
  if (!Array.isArray(calls) || calls.every(isReadable) || typeof content !== "string") return message;
  const { tool_calls: _, ...said } = message;
  const readable = calls.filter(isReadable);
  const lines = calls.filter((call) => !isReadable(call)).map((call) => callText(call as JsonObject));
  return {
    ...said,
    content: [...(content === "" ? [] : [content]), ...lines].join("\n"),
    ...(readable.length === 0 ? {} : { tool_calls: readable }),
  };
}

function callText(call: JsonObject): string {
  const { name, arguments: text } = call.function as JsonObject;
  return `{"name": ${JSON.stringify(name)}, "arguments": ${text}`;
}

function readableMessage(message: JsonObject): JsonObject {
  const calls = message.tool_calls;
  if (!Array.isArray(calls) || calls.every(isReadable)) return message;
  return {
    ...message,
    tool_calls: calls.map((call) => isReadable(call) ? call : readableCall(call as JsonObject)),
  };
}

function readableCall(call: JsonObject): JsonObject {
  return { ...call, function: { ...call.function as JsonObject, arguments: NO_ARGUMENTS } };
}

function isReadable(call: unknown): boolean {
  const called = isPlainObject(call) ? call.function : undefined;
  if (!isPlainObject(called) || typeof called.arguments !== "string" || called.arguments.trim() === "") {
    return true;
  }
  try {
    return isPlainObject(JSON.parse(called.arguments));
  } catch {
    return false;
  }
}
