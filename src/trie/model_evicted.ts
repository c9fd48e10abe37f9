/**
 * Which texts have been evicted, for the model trie: the last of them, whole.
 *
 * @module
 */
import { isContinuationByte } from "./text.ts";

/** Texts remembered: one for so many tokens that the trie may hold, within bounds. As in assembly/evicted.ts. */
const TOKENS_PER_TEXT = 64;
const TEXTS_MIN = 1_024;
const TEXTS_MAX = 16_384;

/** The last texts that left by eviction or collection, one UTF-8 byte a character. */
export class ModelEvicted {
  readonly #texts: string[];
  readonly #textsMax: number;

  /** `texts` are those of a snapshot, oldest first. */
  constructor(maxCacheSize: number, texts: readonly string[] = []) {
    let most = TEXTS_MAX;
    while (most > TEXTS_MIN && most > maxCacheSize / TOKENS_PER_TEXT) most /= 2;
    this.#textsMax = most;
    this.#texts = texts.slice(-most);
  }

  /** Remembered texts, oldest first. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  add(text: string): void {
    this.#texts.push(text);
    if (this.#texts.length > this.#textsMax) this.#texts.shift();
  }

  clear(): void {
    this.#texts.length = 0;
  }

  /** Whether `query` begins with one of them longer than `used`, where it may be cut, that `isStored` does not know. */
  begins(query: string, used: number, isStored: (text: string) => boolean): boolean {
    return this.#texts.some((text) =>
      text.length > used && query.startsWith(text) &&
      !(text.length < query.length && isContinuationByte(query.charCodeAt(text.length))) && !isStored(text)
    );
  }
}
