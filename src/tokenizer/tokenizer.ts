/**
 * The contract of tokenizers. Implementations stand beside this file; `load.ts` picks one.
 *
 * @module
 */
import type { SplicePoint } from "../trie/token_trie.ts";

/** Names of the backends. */
export type TokenizerBackend = "kitoken" | "huggingface" | "tokenizers-wasm";

/** Longest text, in UTF-16 units, that `encodeAsync` encodes on the caller's thread: 3 to 5 ms of work. */
export const ENCODE_INLINE_MAX_UNITS = 8 * 1024;

/** Ids of a text and what follows from both. */
export interface EncodedText {
  readonly ids: Uint32Array;
  /** The ids as JSON digits without brackets, ASCII, e.g. `151644,8948,198`. */
  readonly idDigits: Uint8Array;
  /** See {@link Tokenizer.splicePoints}. */
  readonly splicePoints: readonly SplicePoint[];
}

/** Text to ids and back. Encoding never adds BOS or EOS; special tokens that stand in the text are recognised. */
export interface Tokenizer {
  readonly backend: TokenizerBackend;
  /** Path or name it was loaded from, for messages. */
  readonly source: string;
  /** One more than the largest id. */
  readonly vocabSize: number;

  /** Ids of `text` standing alone (at the start of a sequence). */
  encode(text: string): Uint32Array;

  /**
   * Ids of `text` standing after other tokens: what encoding the whole would give after a special token.
   * Differs from `encode` only for tokenizers that treat the start of a sequence in a way of its own.
   */
  encodeContinuation(text: string): Uint32Array;

  /** As the two above, off the event loop when the text is longer than `ENCODE_INLINE_MAX_UNITS`. */
  encodeAsync(text: string, options?: { continuation?: boolean; signal?: AbortSignal }): Promise<Uint32Array>;

  /**
   * Ids of a text that is to be sent and stored, with what that takes besides: all of it made off the event loop when
   * `encodeAsync` would encode there.
   */
  encodePrompt(
    text: string,
    options?: { continuation?: boolean; signal?: AbortSignal },
  ): Promise<EncodedText>;

  /**
   * The bytes that `ids` stand for, special tokens included, as they stand after other tokens. May end inside a UTF-8
   * sequence. Throws `RangeError` for an id outside the vocabulary.
   */
  decodeBytes(ids: ArrayLike<number>): Uint8Array;

  /** `decodeBytes` as text; incomplete sequences become U+FFFD. */
  decode(ids: ArrayLike<number>): string;

  /** UTF-8 length of one token; -1 for an id outside the vocabulary. */
  byteLength(id: number): number;

  /** Whether `id` is a special token (left out of an engine's `text` by default). */
  isSpecial(id: number): boolean;

  /**
   * Right edges of added tokens in `text`, whose ids are `ids`: places where text may be cut so that both sides encode
   * as they do together. Empty when text and ids cannot be aligned with certainty. Ascending, without 0, the end included
   * when the text ends with such a token.
   */
  splicePoints(text: string, ids: Uint32Array): SplicePoint[];

  /** Id of a token by its exact content, or undefined. */
  tokenToId(content: string): number | undefined;

  /** Frees memory and stops helpers. */
  close(): void;
}
