/**
 * Where a text may be cut so that both sides encode as they do together: see the words in `trie/token_trie.ts`.
 *
 * @module
 */
import type { SplicePoint } from "../trie/token_trie.ts";
import { type AddedTokenMatch, AddedTokenScanner, cuttableTokens } from "./added_tokens.ts";
import type { AddedToken, TokenizerOutline } from "./tokenizer_file.ts";

const encoder = new TextEncoder();

/** Finds splice points for one tokenizer. */
export class SplicePointFinder {
  readonly #scanner: AddedTokenScanner;
  readonly #cuttable: ReadonlySet<AddedToken>;
  /** 1 for the id of a token that the scanner looks for. */
  readonly #isScanned: Uint8Array;

  constructor(file: TokenizerOutline) {
    const hasNormalizer = file.normalizers.length > 0;
    this.#scanner = new AddedTokenScanner(file.addedTokens, hasNormalizer);
    this.#cuttable = cuttableTokens(file.addedTokens, hasNormalizer);
    const scanned = file.addedTokens.filter((token) => !(token.normalized && hasNormalizer));
    this.#isScanned = new Uint8Array(scanned.reduce((largest, token) => Math.max(largest, token.id), 0) + 1);
    for (const token of scanned) this.#isScanned[token.id] = 1;
  }

  /** Tokens whose right edge is a splice point, in the file's order. */
  get cuttable(): readonly AddedToken[] {
    return [...this.#cuttable];
  }

  /** Splice points of `text`, whose ids are `ids`; none when the two do not align. O(text + ids). */
  find(text: string, ids: Uint32Array): SplicePoint[] {
    const matches = this.#scanner.find(text);
    if (matches.length === 0) return [];
    const positions = this.#align(matches, ids);
    return positions === null ? [] : this.#edges(text, matches, positions);
  }

  /** Index in `ids` of each match, or null when the added tokens of `ids` are not those matches one by one. */
  #align(matches: readonly AddedTokenMatch[], ids: Uint32Array): Uint32Array | null {
    const isScanned = this.#isScanned;
    const positions = new Uint32Array(matches.length);
    let found = 0;
    for (let index = 0; index < ids.length; index++) {
      if (isScanned[ids[index]!] !== 1) continue;
      if (matches[found]?.token.id !== ids[index]) return null;
      positions[found++] = index;
    }
    return found === matches.length ? positions : null;
  }

  #edges(text: string, matches: readonly AddedTokenMatch[], positions: Uint32Array): SplicePoint[] {
    const offsets = new ByteOffsets(text);
    const points: SplicePoint[] = [];
    for (let index = 0; index < matches.length; index++) {
      const { token, end } = matches[index]!;
      if (!this.#cuttable.has(token)) continue;
      points.push({ byteOffset: offsets.at(end), tokenIndex: positions[index]! + 1 });
    }
    return points;
  }
}

/** UTF-8 offsets of UTF-16 offsets that rise from call to call. Walks the bytes, three times faster than the string. */
export class ByteOffsets {
  readonly #bytes: Uint8Array;
  readonly #isAscii: boolean;
  #unit = 0;
  #byte = 0;

  /** @param text an unpaired surrogate counts three bytes, as the U+FFFD that stands for it */
  constructor(text: string) {
    this.#bytes = encoder.encode(text);
    this.#isAscii = this.#bytes.length === text.length;
  }

  /** The UTF-8 offset of the UTF-16 offset `unit`, which is no smaller than any before and splits no character. */
  at(unit: number): number {
    if (this.#isAscii) return unit;
    const bytes = this.#bytes;
    let at = this.#unit, byte = this.#byte;
    while (at < unit) {
      const lead = bytes[byte]!;
      at += lead < 0xf0 ? 1 : 2;
      byte += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }
    this.#unit = at;
    this.#byte = byte;
    return byte;
  }
}
