/**
 * Assistant messages that are gone on with: `continue_final_message`.
 *
 * The words that stand in the prompt already, the opening, are of one of two kinds. A reply of the router's own goes on behind
 * its own tokens, and the turn that does so replaces it in the conversation. Words of the client's are written where the
 * template writes them, and are foreign.
 *
 * @module
 */
import { BadRequestError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import { plainContent, REASONING_FIELDS, reasoningOf } from "./canonical.ts";
import type { Located } from "./locate.ts";
import { placeholder } from "./placeholder.ts";
import type { PlanParts } from "./plan.ts";
import type { Turn } from "./turn.ts";

/** A prompt that ends inside an assistant's message, as text. */
export interface OpenPrompt {
  /** Everything before the message, its header included. */
  readonly prompt: string;
  /** What stands of the message. */
  readonly opening: string;
}

/**
 * The prompt of a conversation with the beginning of a message that the client wrote. Two renders.
 *
 * @throws {BadRequestError} when the template does not print the message so that it can go on
 * @throws {ChatTemplateError} when it refuses the conversation
 */
export function openPrompt(
  { messages, settings }: Located,
  message: JsonObject,
  { renderer }: PlanParts,
): OpenPrompt {
  const mark = placeholder(0);
  const content = contentOf(message);
  const rendered = renderer.render([...messages, { ...message, content: content + mark }], settings, false);
  const end = rendered.indexOf(mark);
  const printed = inkOf(rendered.slice(0, Math.max(end, 0)));
  if (end < 0 || !printed.endsWith(inkOf(content)) || !printed.includes(inkOf(reasoningOf(message)))) {
    throw new BadRequestError(
      "Cannot continue the final message: the chat template does not print all of it",
    );
  }
  const header = renderer.render(messages, settings, true);
  const headerUnits = commonPrefix(rendered.slice(0, end), header);
  return { prompt: rendered.slice(0, headerUnits), opening: rendered.slice(headerUnits, end) };
}

/** A reply behind the words that it goes on with, as one message. */
export function withOpening(opening: JsonObject, reply: JsonObject): JsonObject {
  const content = contentOf(opening) + contentOf(reply);
  const reasoning = rawReasoningOf(opening) + rawReasoningOf(reply);
  const calls = reply.tool_calls;
  return {
    role: "assistant",
    content: content === "" && calls !== undefined ? null : content,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls === undefined ? {} : { tool_calls: calls }),
  };
}

/** What {@link withOpening} put behind the opening. */
export function withoutOpening(opening: JsonObject, whole: JsonObject): JsonObject {
  const content = contentOf(whole).slice(contentOf(opening).length);
  const reasoning = rawReasoningOf(whole).slice(rawReasoningOf(opening).length);
  const { content: _content, reasoning_content: _reasoning, ...rest } = whole;
  return {
    ...rest,
    content: content === "" && whole.tool_calls !== undefined ? null : content,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
  };
}

/** Ids of a turn's words that its prompt ends with. */
export function openingIdsOf(turn: Turn): Uint32Array {
  const pieces: Uint32Array[] = [];
  let at = turn;
  for (; at.reopensParent && at.parent !== null; at = at.parent) {
    const { outputIds } = at.parent;
    pieces.push(outputIds.subarray(0, outputIds.length - at.droppedIds));
  }
  pieces.push(at.promptIds.subarray(at.promptIds.length - at.openingTokens));
  return joinedIds(pieces.reverse());
}

/** Ids one after the other. */
export function joinedIds(pieces: readonly Uint32Array[]): Uint32Array {
  const ids = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    ids.set(piece, at);
    at += piece.length;
  }
  return ids;
}

/** A text without white space, which templates trim. */
function inkOf(text: string): string {
  return text.replace(/\s+/g, "");
}

function contentOf(message: JsonObject): string {
  const content = plainContent(message.content);
  return typeof content === "string" ? content : "";
}

/** Reasoning with the white space around it. */
function rawReasoningOf(message: JsonObject): string {
  for (const field of REASONING_FIELDS) {
    const value = message[field];
    if (typeof value === "string") return value;
  }
  return "";
}

/** Length of the longest common beginning that ends between characters. */
function commonPrefix(left: string, right: string): number {
  const limit = Math.min(left.length, right.length);
  let length = 0;
  while (length < limit && left[length] === right[length]) length++;
  return length > 0 && (left.charCodeAt(length - 1) & 0xfc00) === 0xd800 ? length - 1 : length;
}
