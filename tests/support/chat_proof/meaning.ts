/**
 * Whether two messages mean the same, by the definition that the documentation gives, and not by the router's code.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "../../../src/types.ts";

/** What clients put before the ids of calls that they rename. */
export const RENAMED = "re-";

/** Whether a client's copies mean the messages that the ledger has. */
export function meanSame(own: readonly JsonObject[], copies: readonly JsonObject[]): boolean {
  if (own.length !== copies.length) return false;
  const [left, right] = [callPlaces(own), callPlaces(copies)];
  return own.every((message, i) => {
    const copy = copies[i]!;
    return isDeepStrictEqual(meaning(message, left), meaning(copy, right)) && reasoningFits(message, copy);
  });
}

function meaning(message: JsonObject, places: ReadonlyMap<string, string>): unknown {
  const { role, content, tool_calls: calls, tool_call_id: id } = message;
  return {
    role,
    content: textOf(content),
    calls: ((calls ?? []) as JsonObject[]).map(({ function: called }) => {
      const { name, arguments: text } = called as JsonObject;
      return [name, valueOf(text as string)];
    }),
    result: id === undefined ? null : resultOf(id as string, places),
  };
}

/** The call that a result names, by the very id that its own side has; one without a call there is known by its first name. */
function resultOf(id: string, places: ReadonlyMap<string, string>): string {
  return places.get(id) ?? id.replaceAll(RENAMED, "");
}

function textOf(content: JsonValue | undefined): JsonValue {
  if (!Array.isArray(content)) return content ?? "";
  return content.map((part) => (part as JsonObject).text).join("\n");
}

function valueOf(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return `as it stands: ${text}`;
  }
}

function reasoningFits(own: JsonObject, copy: JsonObject): boolean {
  const [left, right] = [own, copy].map((message) => String(reasoningOf(message) ?? "").trim());
  return right === "" || right === left;
}

/** Reasoning by any of the names that clients give it. */
export function reasoningOf({ reasoning_content, thinking, reasoning }: JsonObject): JsonValue | null {
  return reasoning_content ?? thinking ?? reasoning ?? null;
}

/** Which call of which message an id means. */
function callPlaces(messages: readonly JsonObject[]): Map<string, string> {
  const places = new Map<string, string>();
  messages.forEach((message, at) => {
    ((message.tool_calls ?? []) as JsonObject[]).forEach(({ id }, call) => {
      places.set(id as string, `${at}.${call}`);
    });
  });
  return places;
}
