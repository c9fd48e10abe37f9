/**
 * Words that were encoded before are not encoded again.
 *
 * Nearly every word of a text was seen in an earlier one, and a look-up costs a tenth of splitting and merging. Exact
 * wherever the tokenizer cuts at words anyway: see `word_boundaries.ts`.
 *
 * @module
 */
import type { EncodeBackend } from "./backend.ts";
import type { TokenizerOutline } from "./tokenizer_file.ts";
import { cutsAtWords, isWordStart } from "./word_boundaries.ts";

/** Longest word that is kept, UTF-16 units. */
const WORD_UNITS_MAX = 24;
/** Words of each of the two generations: some 3 MB in all. */
const GENERATION_WORDS_MAX = 16_384;
/** Words of one text that are learnt, and one in so many of the others: the rest is encoded in one go with its neighbours. */
const LEARNT_WORDS_MIN = 32;
const LEARNT_ONE_IN = 8;
/** `slice` copies up to this length; of a longer piece it makes a view that would keep the whole text. */
const COPIED_UNITS_MAX = 12;

/** Ids of a word; of most words it is one. */
type WordIds = number | readonly number[];

/** `plain` with a memory for words; `plain` itself where texts cannot be cut. */
export function withWordCache(file: TokenizerOutline, plain: EncodeBackend): EncodeBackend {
  if (!cutsAtWords(file)) return plain;
  const cache = new WordCache(plain);
  return { name: plain.name, encode: (text) => cache.encode(text), close: () => plain.close() };
}

class WordCache {
  readonly #plain: EncodeBackend;
  #young = new Map<string, WordIds>();
  #old = new Map<string, WordIds>();

  constructor(plain: EncodeBackend) {
    this.#plain = plain;
  }

  encode(text: string): Uint32Array {
    const ids = new IdList(text.length >> 1);
    let learnable = LEARNT_WORDS_MIN + Math.floor(text.length / LEARNT_ONE_IN / AVERAGE_WORD_UNITS);
    /** Text before `from` has its ids; that from `from` to `at` is of unknown words. */
    let from = 0;
    for (let at = 0; at < text.length;) {
      const end = wordEnd(text, at);
      let known: WordIds | undefined;
      if (end - at <= WORD_UNITS_MAX) {
        const word = text.slice(at, end);
        known = this.#find(word);
        if (known === undefined && learnable > 0) {
          learnable--;
          known = this.#learn(word);
        }
      }
      if (known !== undefined) {
        if (from < at) ids.addAll(this.#plain.encode(text.slice(from, at)));
        if (typeof known === "number") ids.add(known);
        else ids.addAll(known);
        from = end;
      }
      at = end;
    }
    if (from < text.length) ids.addAll(this.#plain.encode(text.slice(from)));
    return ids.take();
  }

  #find(word: string): WordIds | undefined {
    const young = this.#young.get(word);
    if (young !== undefined) return young;
    const old = this.#old.get(word);
    if (old !== undefined) this.#keep(word, old);
    return old;
  }

  #learn(word: string): WordIds {
    const ids = Array.from(this.#plain.encode(word));
    const kept = ids.length === 1 ? ids[0]! : ids;
    this.#keep(word, kept);
    return kept;
  }

  #keep(word: string, ids: WordIds): void {
    if (this.#young.size >= GENERATION_WORDS_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(word.length > COPIED_UNITS_MAX ? word.split("").join("") : word, ids);
  }
}

const AVERAGE_WORD_UNITS = 6;

/** Where the word that begins at `at` ends. */
function wordEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && !isWordStart(text, end)) end++;
  return end;
}

/** Ids one after the other. */
class IdList {
  #ids: Uint32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#ids = new Uint32Array(capacity);
  }

  add(id: number): void {
    this.#reserve(1);
    this.#ids[this.#length++] = id;
  }

  addAll(ids: ArrayLike<number>): void {
    this.#reserve(ids.length);
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }

  /** A copy of just the ids. */
  take(): Uint32Array {
    return this.#ids.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#ids.length) return;
    const larger = new Uint32Array(2 * (this.#length + count));
    larger.set(this.#ids);
    this.#ids = larger;
  }
}
