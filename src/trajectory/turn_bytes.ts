/**
 * The memory that a turn holds, by account: the bound on sessions is kept by it.
 *
 * What is counted is what a full collection leaves (`tests/unit/trajectory/turn_memory_test.ts` compares the two). V8 tells
 * nobody the size of an object, so objects are counted by the constants below.
 *
 * @module
 */
import type { RecordedTurn } from "./recorded_turn.ts";

/** Objects, hashes and index entries of one turn. */
const TURN_BYTES = 1_024;

/** Hashes and index entries of one message. */
const MESSAGE_BYTES = 128;

/** Index entry of an idempotency key. */
const KEY_BYTES = 128;

/** A value of JSON: a place in an object or a list, and the header of a string or a number. */
const VALUE_BYTES = 24;

/** A character outside of Latin-1: a string that has one takes two bytes for each of its UTF-16 units. */
const WIDE = /[^\0-\xff]/;

/** What a turn is counted with. */
export interface TurnBytesOptions {
  /** Its prompt ids and messages are those of the turn whose request it repeats. */
  readonly sharesPrompt: boolean;
  /** The first messages of its conversation are those of another turn. */
  readonly knownMessages: number;
  /** The key that came with the request, or null. */
  readonly idempotencyKey: string | null;
}

/** Bytes of ids, logprobs, messages and indexes. Cost: what the turn added. */
export function turnBytes(
  turn: RecordedTurn,
  { sharesPrompt, knownMessages, idempotencyKey }: TurnBytesOptions,
): number {
  const { messages, reply, parent, bufferBytes } = turn;
  const added = sharesPrompt ? [] : parent === null ? messages.slice(knownMessages) : messages;
  const text = added.reduce((sum, message) => sum + MESSAGE_BYTES + valueBytes(message), 0);
  const key = idempotencyKey === null ? 0 : KEY_BYTES + valueBytes(idempotencyKey);
  return TURN_BYTES + bufferBytes + text + valueBytes(reply) + key;
}

/**
 * Bytes of a JSON value. Names of members are few, and shared by all objects that have them. Cost: one look at each character,
 * which also makes one piece of a text that was put together of many: a streamed reply would hold each of its pieces.
 */
export function valueBytes(value: unknown): number {
  if (typeof value === "string") return VALUE_BYTES + value.length * (WIDE.test(value) ? 2 : 1);
  if (typeof value !== "object" || value === null) return VALUE_BYTES;
  return Object.values(value).reduce((sum: number, item) => sum + valueBytes(item), VALUE_BYTES);
}
