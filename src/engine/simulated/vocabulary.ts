/**
 * A tokenizer's vocabulary as the simulated model sees it: the bytes of each token, the token of given bytes, and the
 * ways in which a token may be replaced by smaller ones.
 *
 * @module
 */
import { byteAlphabet } from "../../tokenizer/byte_alphabet.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Names under which vocabularies keep the token that ends a turn; the first one known is sampled, all of them stop. */
export const STOP_TOKEN_NAMES: readonly string[] = [
  "<|im_end|>",
  "<|eot_id|>",
  "<|return|>",
  "<|call|>",
  "<end_of_turn>",
  "<｜end▁of▁sentence｜>",
  "<|end_of_text|>",
  "<|endoftext|>",
  "<eos>",
  "</s>",
];

/** Longest token that is split, in bytes: longer ones are rare, and their splits are many. */
export const SPLIT_BYTES_MAX = 64;

const NO_SPLITS: readonly (readonly number[])[] = [];
const ALPHABET = byteAlphabet();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Look-ups over a tokenizer, each answered from memory the second time. Bounded by the vocabulary. */
export class Vocabulary {
  readonly tokenizer: Tokenizer;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #hidden: (boolean | undefined)[] = [];
  readonly #splits = new Map<number, readonly (readonly number[])[]>();

  constructor(tokenizer: Tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** Ids of the known {@link STOP_TOKEN_NAMES} that are special tokens, in their order. */
  stopIds(): number[] {
    const ids = STOP_TOKEN_NAMES.map((name) => this.tokenizer.tokenToId(name));
    // Some vocabularies have "</s>" as ordinary text, which ends nothing.
    return ids.filter((id) => id !== undefined && this.isSpecial(id)) as number[];
  }

  /** Whether `id` names a token. */
  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.tokenizer.vocabSize &&
      this.tokenizer.byteLength(id) >= 0;
  }

  /** Bytes of one token as it stands after others. */
  bytesOf(id: number): Uint8Array {
    return this.#bytes[id] ??= this.tokenizer.decodeBytes([id]);
  }

  /** Whether `id` is left out of `text` by default. */
  isSpecial(id: number): boolean {
    return this.#hidden[id] ??= this.tokenizer.isSpecial(id);
  }

  /** Text of one token; a cut UTF-8 sequence becomes U+FFFD. */
  textOf(id: number): string {
    return this.tokenizer.decode([id]);
  }

  /**
   * Sequences of two or more tokens that have the bytes of `id`, also such as cut a UTF-8 sequence; none for special
   * tokens and for single bytes. The first call for an id costs some look-ups a byte.
   */
  splitsOf(id: number): readonly (readonly number[])[] {
    const known = this.#splits.get(id);
    if (known !== undefined) return known;
    const splits = this.#findSplits(id);
    this.#splits.set(id, splits);
    return splits;
  }

  #findSplits(id: number): readonly (readonly number[])[] {
    if (this.isSpecial(id)) return NO_SPLITS;
    const bytes = this.bytesOf(id);
    if (bytes.length < 2 || bytes.length > SPLIT_BYTES_MAX) return NO_SPLITS;
    const splits: (readonly number[])[] = [];
    for (let cut = 1; cut < bytes.length; cut++) {
      const left = this.#idOfBytes(bytes.subarray(0, cut));
      const right = this.#idOfBytes(bytes.subarray(cut));
      if (left !== undefined && right !== undefined) splits.push([left, right]);
    }
    const single = this.#singleBytes(bytes);
    if (single !== undefined && bytes.length > 2) splits.push(single);
    return splits;
  }

  #singleBytes(bytes: Uint8Array): number[] | undefined {
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const id = this.#idOfBytes(bytes.subarray(at, at + 1));
      if (id === undefined) return undefined;
      ids.push(id);
    }
    return ids;
  }

  /** The token of exactly `bytes`: written in the byte-level alphabet, as plain text with U+2581, or as `<0xHH>`. */
  #idOfBytes(bytes: Uint8Array): number | undefined {
    for (const name of namesOf(bytes)) {
      const id = this.tokenizer.tokenToId(name);
      if (id !== undefined && !this.isSpecial(id) && sameBytes(this.bytesOf(id), bytes)) return id;
    }
    return undefined;
  }
}

function namesOf(bytes: Uint8Array): string[] {
  const names = [Array.from(bytes, (byte) => ALPHABET[byte]).join("")];
  if (bytes.length === 1) names.push(`<0x${bytes[0]!.toString(16).toUpperCase().padStart(2, "0")}>`);
  try {
    names.push(utf8.decode(bytes).replaceAll(" ", "▁"));
  } catch {
    // Bytes that are not whole characters have no plain name.
  }
  return names;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
