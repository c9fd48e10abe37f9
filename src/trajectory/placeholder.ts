/**
 * Texts that stand for a message while it is found out where a template puts it.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { REASONING_FIELDS } from "./canonical.ts";
import type { ChatRenderer, RenderSettings } from "./chat_renderer.ts";

/** Private-use characters that no conversation holds; letters inside, so that a template trims nothing. */
export function placeholder(serial: number): string {
  return `\u{F8D0}x${serial}x\u{F8D1}`;
}

/** A message of the same role with a placeholder for everything it says. */
export function withPlaceholder(message: JsonObject, serial: number): JsonObject {
  return { role: message.role ?? "assistant", content: placeholder(serial) };
}

/**
 * The texts before, between and behind the placeholders of `indices`, or null when the template refuses the conversation or
 * does not print each placeholder once and in order. One render.
 */
export function textAround(
  renderer: ChatRenderer,
  messages: readonly JsonObject[],
  settings: RenderSettings,
  generate: boolean,
  indices: readonly number[],
): string[] | null {
  const marked = [...messages];
  indices.forEach((index, serial) => marked[index] = withPlaceholder(messages[index]!, serial));
  try {
    return splitAt(renderer.render(marked, settings, generate), indices.length);
  } catch {
    return null;
  }
}

function splitAt(text: string, count: number): string[] | null {
  const pieces: string[] = [];
  let from = 0;
  for (let serial = 0; serial < count; serial++) {
    const mark = placeholder(serial);
    const at = text.indexOf(mark, from);
    if (at < 0) return null;
    pieces.push(text.slice(from, at));
    from = at + mark.length;
  }
  pieces.push(text.slice(from));
  return text.split("\u{F8D0}").length - 1 === count ? pieces : null;
}

/** Whether the template prints the reasoning of message `index` in this conversation. One render. */
export function printsReasoning(
  renderer: ChatRenderer,
  messages: readonly JsonObject[],
  settings: RenderSettings,
  generate: boolean,
  index: number,
): boolean {
  const mark = placeholder(0);
  const marked = [...messages];
  marked[index] = {
    ...messages[index]!,
    ...Object.fromEntries(REASONING_FIELDS.map((name) => [name, mark])),
  };
  try {
    return renderer.render(marked, settings, generate).includes(mark);
  } catch {
    return false;
  }
}

/** A conversation that ends with an assistant's turn, or null when the template refuses it. One render. */
export function textThrough(
  renderer: ChatRenderer,
  messages: readonly JsonObject[],
  settings: RenderSettings,
): string | null {
  try {
    return renderer.render(messages, settings, false);
  } catch {
    return null;
  }
}
