/**
 * What a template writes behind an assistant's text to end the turn: `<|im_end|>\n` in ChatML.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { canonicalJson } from "./canonical.ts";
import type { ChatRenderer, RenderSettings } from "./chat_renderer.ts";
import { textAround } from "./placeholder.ts";

const USER: JsonObject = { role: "user", content: "x" };
const ASSISTANT: JsonObject = { role: "assistant", content: "x" };

/**
 * The closing text inside a conversation, by double difference: what stands between an assistant's text and the end, and
 * between it and the next user's text. Templates that close the last turn in a way of their own (`<|return|>`, `<|end|>`)
 * are told apart by the second. "" when there is none, or when it cannot be found out. Three small renders, the first time.
 */
export function closingOf(renderer: ChatRenderer, settings: RenderSettings): string {
  const key = canonicalJson(settings.templateKwargs, { exactNumbers: true });
  const known = renderer.closings.get(key);
  if (known !== undefined) return known;
  if (renderer.closings.size >= CLOSINGS_MAX) renderer.closings.clear();
  const closing = findClosing(renderer, { ...settings, tools: null });
  renderer.closings.set(key, closing);
  return closing;
}

/** Sets of template arguments whose closings are kept. */
const CLOSINGS_MAX = 256;

function findClosing(renderer: ChatRenderer, settings: RenderSettings): string {
  const between = textAround(renderer, [USER, ASSISTANT, USER], settings, false, [1, 2])?.[1];
  const last = textAround(renderer, [USER, ASSISTANT], settings, false, [1])?.[1];
  if (between === undefined) return last ?? "";
  if (last !== undefined && between.startsWith(last)) return last;
  const header = textAround(renderer, [USER], settings, false, [0])?.[0] ?? "";
  return between.slice(0, between.length - commonSuffix(between, header));
}

/** Length of the longest common end. */
function commonSuffix(left: string, right: string): number {
  const limit = Math.min(left.length, right.length);
  let length = 0;
  while (length < limit && left[left.length - 1 - length] === right[right.length - 1 - length]) length++;
  return length;
}
