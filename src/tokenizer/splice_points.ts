/**
 * Where a text may be cut so that both sides encode as they do together: see the words in `trie/token_trie.ts`.
 *
 * @module
 */
import type { SplicePoint } from "../trie/token_trie.ts";
import { type AddedTokenMatch, AddedTokenScanner, cuttableTokens } from "./added_tokens.ts";
import type { AddedToken, TokenizerFile } from "./tokenizer_file.ts";

const encoder = new TextEncoder();

/** Finds splice points for one tokenizer. */
export class SplicePointFinder {
  readonly #scanner: AddedTokenScanner;
  readonly #cuttable: ReadonlySet<AddedToken>;
  /** 1 for the id of a token that the scanner looks for. */
  readonly #isScanned: Uint8Array;

  constructor(file: TokenizerFile) {
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
    const points: SplicePoint[] = [];
    const lengthBetween = isAscii(text) ? (from: number, to: number) => to - from : utf8LengthIn(text);
    let unit = 0, byteOffset = 0;
    for (let index = 0; index < matches.length; index++) {
      const match = matches[index]!;
      byteOffset += lengthBetween(unit, match.end);
      unit = match.end;
      if (this.#cuttable.has(match.token)) points.push({ byteOffset, tokenIndex: positions[index]! + 1 });
    }
    return points;
  }
}

/** Encoding the whole is native and some ten times faster than a loop over it. */
function isAscii(text: string): boolean {
  return encoder.encode(text).length === text.length;
}

function utf8LengthIn(text: string): (from: number, to: number) => number {
  return (from, to) => utf8Length(text, from, to);
}

/** UTF-8 length of `text[from..to)`; an unpaired surrogate counts three, as the U+FFFD that stands for it. */
export function utf8Length(text: string, from = 0, to = text.length): number {
  let bytes = to - from;
  for (let index = from; index < to; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isHigh(unit) && index + 1 < to && isLow(text.charCodeAt(index + 1))) bytes += 2, index++;
    else bytes += 2;
  }
  return bytes;
}

function isHigh(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isLow(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
