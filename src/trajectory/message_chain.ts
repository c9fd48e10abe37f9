/**
 * Names of message paths: the hash of a conversation up to a message, over canonical texts.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "../types.ts";
import { type CallPlaces, canonicalMessage, noteCallPlaces } from "./canonical.ts";

/**
 * The hashes of one conversation, each computed when it is asked for.
 *
 * The hash at `index` covers the messages up to and including it: it is made of the one before and of the message's
 * canonical text, so that a conversation whose beginning is known costs what it adds.
 */
export class MessageChain {
  readonly messages: readonly JsonObject[];
  /** Of the first messages, as far as anybody asked. */
  readonly #hashes: string[];
  readonly #places: CallPlaces = new Map();
  /** Messages whose tool calls have their places. */
  #placed = 0;

  /** @param known hashes of the first messages. Default none */
  constructor(messages: readonly JsonObject[], known: readonly string[] = []) {
    this.messages = messages;
    this.#hashes = [...known];
  }

  /** Number of messages. */
  get length(): number {
    return this.messages.length;
  }

  /** Hash of the first `index + 1` messages. Cost: the messages up to there that have no hash yet. */
  at(index: number): string {
    while (this.#hashes.length <= index) {
      const next = this.#hashes.length;
      const text = canonicalMessage(this.messages[next]!, this.#placesBefore(next));
      this.#hashes.push(hashAfter(this.#hashes[next - 1], text));
    }
    return this.#hashes[index]!;
  }

  /** Hash of the whole conversation. */
  get last(): string {
    return this.at(this.length - 1);
  }

  /** Hashes at every place from `from` on. */
  range(from: number): string[] {
    return Array.from({ length: Math.max(this.length - from, 0) }, (_, offset) => this.at(from + offset));
  }

  /** Hash of the whole conversation with `reply` behind it. Cost: the reply. */
  with(reply: JsonObject): string {
    return hashAfter(this.length === 0 ? undefined : this.last, canonicalMessage(reply));
  }

  /** The conversation before its last message. */
  get beforeLast(): MessageChain {
    return new MessageChain(this.messages.slice(0, -1), this.#hashes.slice(0, this.length - 1));
  }

  /** Hash of a request that goes on with the last message. */
  get lastOpen(): string {
    return hashAfter(this.last, "open");
  }

  /** The assistant messages, the last one first. */
  *assistantPlaces(): Generator<{ readonly index: number; readonly hash: string }> {
    for (let index = this.length - 1; index >= 0; index--) {
      if (this.messages[index]!.role === "assistant") yield { index, hash: this.at(index) };
    }
  }

  /** What ids of tool calls mean at `index`: an id that comes again means the newest call. */
  #placesBefore(index: number): CallPlaces {
    for (; this.#placed < index; this.#placed++) {
      const message = this.messages[this.#placed]!;
      if (message.role === "assistant") noteCallPlaces(message, this.#placed, this.#places);
    }
    return this.#places;
  }
}

/** A canonical text is an object's, and so cannot run on from a hash. */
function hashAfter(before: string | undefined, text: string): string {
  return createHash("sha256").update(before ?? "").update(text).digest("base64url");
}
