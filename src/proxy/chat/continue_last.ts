/**
 * `continue_final_message`: what is sampled goes on with the last message.
 *
 * @module
 */
import { plainContent } from "../../trajectory/canonical.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { readBoolean } from "./fields.ts";
import type { ToolChoice } from "./tool_choice.ts";

const FIELD = "continue_final_message";

/**
 * Whether the last message is to be gone on with.
 *
 * @throws {ChatRequestError} when it cannot be
 */
export function readContinuesLast(
  body: JsonObject,
  messages: readonly JsonObject[],
  { kind, limit }: ToolChoice,
): boolean {
  if (!readBoolean(body, FIELD)) return false;
  const last = messages.at(-1);
  const problem = last === undefined || last.role !== "assistant" || messages.length === 1
    ? "needs an assistant's message at the end, and others before it"
    : hasCalls(last)
    ? "needs a message of text at the end, and this one has calls"
    : !isText(last)
    ? "needs a message of text at the end: a string, or one text part"
    : body.add_generation_prompt === true
    ? "cannot be joined with add_generation_prompt: true, which begins a new message"
    : limit !== null
    ? `cannot be joined with ${
      kind === "auto" ? "a limit on calls" : `tool_choice "${kind}"`
    }, a grammar of whole messages`
    : null;
  if (problem === null) return true;
  throw new ChatRequestError(FIELD, `${FIELD} ${problem}`);
}

function hasCalls({ tool_calls: calls, function_call: call }: JsonObject): boolean {
  return (Array.isArray(calls) && calls.length > 0) || (call !== undefined && call !== null);
}

function isText({ content }: JsonObject): boolean {
  return typeof (plainContent(content) ?? "") === "string";
}
