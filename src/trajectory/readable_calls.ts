/**
 * Calls whose arguments no template can read.
 *
 * A call that a limit cuts short has half an object for arguments. Templates that write arguments one by one refuse it; the
 * tokens that were sampled are there all the same, and only the text behind them has to be found out.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { isPlainObject } from "./canonical.ts";

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
