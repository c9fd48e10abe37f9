/**
 * The path from the root to a turn: its tokens and its messages.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { pathOf, type Turn } from "./turn.ts";

/** Number of ids on a turn's path, its output included. */
export function pathLength(turn: Turn): number {
  let length = 0;
  for (let at: Turn | null = turn; at !== null; at = at.parent) {
    length += at.promptIds.length + at.outputIds.length - at.droppedIds;
  }
  return length;
}

/** Ids of a turn's path, its output included, with room for `extra` more at the end. One copy of each id. */
export function pathIds(turn: Turn, extra = 0): Uint32Array {
  const ids = new Uint32Array(pathLength(turn) + extra);
  let length = 0;
  for (const at of pathOf(turn)) {
    const { promptIds, outputIds } = at;
    length -= at.droppedIds;
    ids.set(promptIds, length);
    ids.set(outputIds, length + promptIds.length);
    length += promptIds.length + outputIds.length;
  }
  return ids;
}

/** What is POSTed for a prompt that continues `parent` less `droppedIds`. */
export function postedIds(parent: Turn | null, droppedIds: number, promptIds: Uint32Array): Uint32Array {
  if (parent === null) return promptIds;
  const room = Math.max(promptIds.length - droppedIds, 0);
  const ids = pathIds(parent, room);
  const kept = ids.length - room - droppedIds;
  ids.set(promptIds, kept);
  return ids.subarray(0, kept + promptIds.length);
}

/** The conversation of a turn's path, its reply included, with the assistant messages as the router sent them. */
export function pathMessages(turn: Turn): JsonObject[] {
  const messages: JsonObject[] = [];
  for (const at of pathOf(turn)) {
    if (at.reopensParent) messages.pop();
    messages.push(...at.messages, at.reply);
  }
  return messages;
}
