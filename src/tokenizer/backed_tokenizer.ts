/**
 * The tokenizer that every backend becomes: the backend encodes, the rest follows from `tokenizer.json`.
 *
 * @module
 */
import { idsToDigits } from "./id_digits.ts";
import type { SplicePoint } from "../trie/token_trie.ts";
import type { EncodeBackend } from "./backend.ts";
import { type ContinuationAnchor, findContinuationAnchor } from "./continuation.ts";
import type { EncodePool, EncodePoolOptions } from "./encode_pool.ts";
import { SplicePointFinder } from "./splice_points.ts";
import type { TokenBytes } from "./token_bytes.ts";
import {
  ENCODE_INLINE_MAX_UNITS,
  type EncodedText,
  type Tokenizer,
  type TokenizerBackend,
} from "./tokenizer.ts";
import type { TokenizerOutline } from "./tokenizer_file.ts";
import type { VocabularyIndex } from "./vocabulary_index.ts";

/** What a tokenizer is made of besides its backend. */
export interface TokenizerTables {
  readonly outline: TokenizerOutline;
  readonly bytes: TokenBytes;
  readonly vocabulary: VocabularyIndex;
}

/** {@link Tokenizer} over an {@link EncodeBackend}. */
export class BackedTokenizer implements Tokenizer {
  readonly backend: TokenizerBackend;
  readonly source: string;
  readonly vocabSize: number;
  readonly #backend: EncodeBackend;
  readonly #pool: EncodePool | null;
  readonly #bytes: TokenBytes;
  readonly #splices: SplicePointFinder;
  readonly #anchor: ContinuationAnchor | null;
  readonly #vocabulary: VocabularyIndex;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true });

  /** @param pool encodes long texts off the event loop; null: everything is encoded on the caller's thread */
  constructor(tables: TokenizerTables, backend: EncodeBackend, pool: EncodePool | null) {
    const { outline, bytes, vocabulary } = tables;
    this.backend = backend.name;
    this.source = outline.source;
    this.#backend = backend;
    this.#pool = pool;
    this.#bytes = bytes;
    this.vocabSize = bytes.size;
    this.#splices = new SplicePointFinder(outline);
    this.#anchor = findContinuationAnchor((text) => backend.encode(text), this.#splices.cuttable);
    this.#vocabulary = vocabulary;
    this.#addedIds = new Map(outline.addedTokens.map((token) => [token.content, token.id]));
  }

  encode(text: string): Uint32Array {
    return text === "" ? new Uint32Array(0) : this.#backend.encode(text);
  }

  encodeContinuation(text: string): Uint32Array {
    if (this.#anchor === null || text === "") return this.encode(text);
    return this.#backend.encode(this.#anchor.content + text).slice(1);
  }

  async encodeAsync(
    text: string,
    options: { continuation?: boolean; signal?: AbortSignal } = {},
  ): Promise<Uint32Array> {
    const { continuation = false, signal } = options;
    signal?.throwIfAborted();
    if (this.#pool === null || text.length <= ENCODE_INLINE_MAX_UNITS) {
      return continuation ? this.encodeContinuation(text) : this.encode(text);
    }
    return (await this.#pool.encode(text, this.#poolOptions(continuation, signal))).ids;
  }

  async encodePrompt(
    text: string,
    options: { continuation?: boolean; signal?: AbortSignal } = {},
  ): Promise<EncodedText> {
    const { continuation = false, signal } = options;
    signal?.throwIfAborted();
    if (this.#pool === null || text.length <= ENCODE_INLINE_MAX_UNITS) {
      const ids = continuation ? this.encodeContinuation(text) : this.encode(text);
      return { ids, idDigits: idsToDigits(ids), splicePoints: this.#splices.find(text, ids) };
    }
    const poolOptions = { ...this.#poolOptions(continuation, signal), isPrompt: true };
    const { ids, idDigits, splicePoints } = await this.#pool.encode(text, poolOptions);
    return { ids, idDigits, splicePoints: pointsOf(splicePoints) };
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    return this.#bytes.decode(ids);
  }

  decode(ids: ArrayLike<number>): string {
    return this.#text.decode(this.#bytes.decode(ids));
  }

  byteLength(id: number): number {
    return this.#bytes.byteLength(id);
  }

  isSpecial(id: number): boolean {
    return this.#bytes.isSpecial(id);
  }

  splicePoints(text: string, ids: Uint32Array): SplicePoint[] {
    return this.#splices.find(text, ids);
  }

  tokenToId(content: string): number | undefined {
    return this.#addedIds.get(content) ?? this.#vocabulary.find(content);
  }

  close(): void {
    this.#pool?.close();
    this.#backend.close();
  }

  #poolOptions(continuation: boolean, signal: AbortSignal | undefined): EncodePoolOptions {
    const anchor = continuation && this.#anchor !== null ? this.#anchor.content : "";
    return { anchor, ...(signal && { signal }) };
  }
}

/** Splice points from pairs of numbers. */
function pointsOf(pairs: Uint32Array): SplicePoint[] {
  const points: SplicePoint[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    points.push({ byteOffset: pairs[at]!, tokenIndex: pairs[at + 1]! });
  }
  return points;
}
