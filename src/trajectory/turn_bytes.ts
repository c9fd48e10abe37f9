/**
 * The memory that a turn holds, by account: the bound on sessions is kept by it.
 *
 * @module
 */
import type { Turn } from "./turn.ts";

/** Objects, hashes and index entries of one turn. */
const TURN_BYTES = 1_536;

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
export function turnBytes(turn: Turn, { sharesPrompt, knownMessages }: SharedParts): number {
  const { outputIds, logprobs, promptIds, messages, reply, parent } = turn;
  const added = parent === null ? messages.slice(knownMessages) : messages;
  const prompt = sharesPrompt
    ? 0
    : promptIds.length * 4 + added.reduce((sum, message) => sum + MESSAGE_BYTES + valueBytes(message), 0);
  return TURN_BYTES + outputIds.length * 4 + logprobs.length * 8 + prompt + valueBytes(reply);
}

/** An estimate of a JSON value in memory: two bytes a character, 16 a value. */
function valueBytes(value: unknown): number {
  if (typeof value === "string") return 16 + value.length * 2;
  if (typeof value !== "object" || value === null) return 16;
  return Object.entries(value).reduce((sum, [key, item]) => sum + 16 + key.length * 2 + valueBytes(item), 16);
}
