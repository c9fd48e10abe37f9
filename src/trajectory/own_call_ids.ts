/**
 * Tool messages with the ids that the router's own copies of the calls have.
 *
 * Some clients give tool calls ids of their own. The router renders its own copy of the assistant's turn, so a result must
 * name the call as that copy does: a template that prints ids would show the model an answer to a call that nobody made.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { toolCallIds } from "./canonical.ts";

/**
 * The messages behind the covered ones; results of covered calls have the calls' own ids, found by position. Messages that need
 * no change are the same objects.
 *
 * @param sent the request's messages
 * @param own the router's copies of the first of them
 */
export function withOwnCallIds(sent: readonly JsonObject[], own: readonly JsonObject[]): JsonObject[] {
  const ownIds = new Map<string, string>();
  own.forEach((message, index) => {
    if (message.role !== "assistant") return;
    const kept = toolCallIds(message);
    toolCallIds(sent[index]!).forEach((id, call) => id !== null && ownIds.set(id, kept[call] ?? id));
  });
  return sent.slice(own.length).map((message) => {
    // A client that counts its calls anew in each turn means the newest one.
    for (const id of toolCallIds(message)) if (id !== null) ownIds.delete(id);
    const { tool_call_id: id } = message;
    const ownId = typeof id === "string" ? ownIds.get(id) : undefined;
    return ownId === undefined || ownId === id ? message : { ...message, tool_call_id: ownId };
  });
}
