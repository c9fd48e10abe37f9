/**
 * The memory that a turn holds, by account: the bound on sessions is kept by it.
 *
 * @module
 */
import type { RecordedTurn } from "./recorded_turn.ts";

/** Objects, hashes and index entries of one turn. */
const TURN_BYTES = 1_024;

/** Hash and index entry of one message. */
const MESSAGE_BYTES = 128;

/** What a turn shares with others. */
export interface SharedParts {
  /** Its prompt ids and messages are those of the turn whose request it repeats. */
  readonly sharesPrompt: boolean;
  /** The first messages of its conversation are those of another turn. */
  readonly knownMessages: number;
}

/** Bytes of ids, logprobs, messages and indexes. Cost: what the turn added. */
export function turnBytes(turn: RecordedTurn, { sharesPrompt, knownMessages }: SharedParts): number {
  const { messages, reply, parent, bufferBytes } = turn;
  const added = sharesPrompt ? [] : parent === null ? messages.slice(knownMessages) : messages;
  const text = added.reduce((sum, message) => sum + MESSAGE_BYTES + valueBytes(message), 0);
  return TURN_BYTES + bufferBytes + text + valueBytes(reply);
}

/** An estimate of a JSON value in memory: 16 bytes a value, one a character, two where one of the text needs them. */
function valueBytes(value: unknown): number {
  if (typeof value === "string") return 16 + value.length * (WIDE.test(value) ? 2 : 1);
  if (typeof value !== "object" || value === null) return 16;
  return Object.values(value).reduce((sum: number, item) => sum + 16 + valueBytes(item), 16);
}

/** A character outside of Latin-1. */
const WIDE = /[^\0-\xff]/;
