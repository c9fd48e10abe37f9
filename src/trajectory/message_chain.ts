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
  readonly #lastAssistant: number;
  readonly #digests: Map<number, string> = new Map();
  /** The hash after some messages, to go on from: a copy of it costs nothing, the messages do. */
  readonly #states: Map<number, Hash> = new Map();

  constructor(messages: readonly JsonObject[]) {
    this.messages = messages;
    this.#lastAssistant = messages.findLastIndex(({ role }) => role === "assistant");
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

  /** Hash of the first `index + 1` messages. The first call costs the conversation; see {@link fill}. */
  at(index: number): string {
    if (!this.#digests.has(index)) this.fill([index, this.#lastAssistant, this.length - 1]);
    return this.#digests.get(index)!;
  }

  /** Hash of the whole conversation. */
  get last(): string {
    return this.at(this.length - 1);
  }

  /** Computes the hashes at `indices` in one pass, from the nearest place that is known. */
  fill(indices: readonly number[]): void {
    const isWanted = (index: number) => index >= 0 && !this.#digests.has(index);
    const wanted = [...new Set(indices)].filter(isWanted).sort((left, right) => left - right);
    if (wanted.length === 0) return;
    const known = Math.max(-1, ...[...this.#states.keys()].filter((index) => index < wanted[0]!));
    const running = this.#states.get(known)?.copy() ?? createHash("sha256");
    let from = known + 1;
    for (const index of wanted) {
      running.update(this.#texts.slice(from, index + 1).join(""));
      this.#digests.set(index, running.copy().digest("base64url"));
      from = index + 1;
      if (index >= this.#lastAssistant) this.#states.set(index, running.copy());
    }
  }

  /** Hashes at every place from `from` on. */
  range(from: number): string[] {
    const indices = Array.from({ length: Math.max(this.length - from, 0) }, (_, offset) => from + offset);
    this.fill(indices);
    return indices.map((index) => this.at(index));
  }

  /** Hash of the whole conversation with `reply` behind it. Cost: the reply. */
  with(reply: JsonObject): string {
    this.fill([this.length - 1]);
    const whole = this.#states.get(this.length - 1)?.copy() ?? createHash("sha256");
    return whole.update(framed(canonicalMessage(reply))).digest("base64url");
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
