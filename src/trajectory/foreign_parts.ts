/**
 * Which parts of a prompt are words that the client puts into an assistant's turn.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { ChatRenderer, RenderSettings } from "./chat_renderer.ts";
import { textAround } from "./placeholder.ts";

/** A span of the prompt, UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What is looked at. */
export interface ForeignQuery {
  readonly renderer: ChatRenderer;
  readonly settings: RenderSettings;
  readonly messages: readonly JsonObject[];
  /** The rendered messages, with the header of the next turn. */
  readonly prompt: string;
  /** Messages before this one are no part of what is looked at. */
  readonly from: number;
  /** Replies that are the router's own copies. */
  readonly own: ReadonlySet<JsonObject>;
}

/** Spans of the client's assistant messages from `from` on, in order. One render when there are any. */
export function foreignSpans({ renderer, settings, messages, prompt, from, own }: ForeignQuery): Span[] {
  const indices = messages.flatMap((message, index) =>
    index >= from && message.role === "assistant" && !own.has(message) ? [index] : []
  );
  if (indices.length === 0) return [];
  const pieces = textAround(renderer, messages, settings, true, indices);
  return (pieces === null ? null : between(prompt, pieces)) ?? byContent(prompt, messages, indices);
}

/** What stands between the pieces, when the prompt is made of them. */
function between(prompt: string, pieces: readonly string[]): Span[] | null {
  const tail = pieces[pieces.length - 1]!;
  if (!prompt.startsWith(pieces[0]!) || !prompt.endsWith(tail)) return null;
  const spans: Span[] = [];
  let start = pieces[0]!.length;
  for (const piece of pieces.slice(1, -1)) {
    const end = prompt.indexOf(piece, start);
    if (end < 0) return null;
    spans.push({ start, end });
    start = end + piece.length;
  }
  const end = prompt.length - tail.length;
  return end < start ? null : [...spans, { start, end }];
}

/** Where the contents stand, for templates that print a conversation otherwise as soon as a message changes. */
function byContent(prompt: string, messages: readonly JsonObject[], indices: readonly number[]): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const index of indices) {
    const content = messages[index]!.content;
    const words = typeof content === "string" ? content.trim() : "";
    const start = words === "" ? -1 : prompt.indexOf(words, from);
    if (start < 0) continue;
    from = start + words.length;
    spans.push({ start, end: from });
  }
  return spans;
}
