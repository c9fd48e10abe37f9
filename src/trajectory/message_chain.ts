/**
 * Names of message paths: the hash of a conversation up to a message, over canonical texts.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import type { JsonObject } from "../types.ts";
import { type CallPlaces, canonicalMessage, noteCallPlaces } from "./canonical.ts";

/**
 * The hashes of one conversation, each computed when it is asked for.
 *
 * The hash at `index` covers the messages up to and including it. A conversation that is continued as usual needs two of
 * them: canonical texts are made once, and digests only where somebody looks.
 */
export class MessageChain {
  readonly messages: readonly JsonObject[];
  readonly #texts: readonly string[];
  readonly #digests: Map<number, string> = new Map();

  constructor(messages: readonly JsonObject[]) {
    this.messages = messages;
    const places: CallPlaces = new Map();
    this.#texts = messages.map((message, index) => {
      if (message.role === "assistant") noteCallPlaces(message, index, places);
      return framed(canonicalMessage(message, places));
    });
  }

  /** Number of messages. */
  get length(): number {
    return this.messages.length;
  }

  /** Hash of the first `index + 1` messages. The first call for a place costs the conversation; see {@link fill}. */
  at(index: number): string {
    if (!this.#digests.has(index)) this.fill([index]);
    return this.#digests.get(index)!;
  }

  /** Hash of the whole conversation. */
  get last(): string {
    return this.at(this.length - 1);
  }

  /** Computes the hashes at `indices` in one pass. */
  fill(indices: readonly number[]): void {
    const wanted = indices.filter((index) => !this.#digests.has(index)).sort((left, right) => left - right);
    const running: Hash = createHash("sha256");
    let from = 0;
    for (const index of wanted) {
      running.update(this.#texts.slice(from, index + 1).join(""));
      this.#digests.set(index, running.copy().digest("base64url"));
      from = index + 1;
    }
  }

  /** Hashes at every place from `from` on. */
  range(from: number): string[] {
    const indices = Array.from({ length: Math.max(this.length - from, 0) }, (_, offset) => from + offset);
    this.fill(indices);
    return indices.map((index) => this.at(index));
  }

  /** Hash of the whole conversation with `reply` behind it. */
  with(reply: JsonObject): string {
    return createHash("sha256").update(this.#texts.join("")).update(framed(canonicalMessage(reply)))
      .digest("base64url");
  }

  /**
   * The assistant messages, the last one first. A conversation that simply goes on needs the first of them only; the hashes of
   * the others are made together when the second is asked for.
   */
  *assistantPlaces(): Generator<{ readonly index: number; readonly hash: string }> {
    const indices = this.messages.flatMap((message, index) => message.role === "assistant" ? [index] : []);
    for (let rank = indices.length - 1; rank >= 0; rank--) {
      if (rank === indices.length - 2) this.fill(indices);
      yield { index: indices[rank]!, hash: this.at(indices[rank]!) };
    }
  }
}

/** A text that cannot run into the next. */
function framed(text: string): string {
  return `${text.length}:${text}`;
}
