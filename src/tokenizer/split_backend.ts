/**
 * Cutting added tokens out of the text before a backend sees it. The libraries know only part of the rules (`single_word`,
 * `lstrip`, `rstrip`, two passes, the longest of several): here they hold for all.
 *
 * @module
 */
import { type AddedTokenMatch, AddedTokenScanner } from "./added_tokens.ts";
import type { EncodeBackend } from "./backend.ts";
import {
  type AddedToken,
  isByteLevelBpe,
  type TokenizerFile,
  type TokenizerOutline,
} from "./tokenizer_file.ts";
import { withWordCache } from "./word_cache.ts";

/** Normalizers that are known here too, so that tokens can be looked for in what they make of a text. */
const UNICODE_FORMS: readonly unknown[] = ["NFC", "NFD", "NFKC", "NFKD"];

/**
 * Whether the text between added tokens encodes the same wherever it stands, so that it may be encoded piece by piece.
 *
 * Not so when the start of a sequence is special (Metaspace, Prepend), nor when added tokens are looked for in text that a
 * normalizer unknown here has changed.
 */
export function encodesPieceByPiece(file: TokenizerOutline): boolean {
  const isSensitive = [...file.normalizers, ...file.preTokenizers].some(({ type }) =>
    type === "Metaspace" || type === "Prepend"
  );
  const hidesTokens = file.addedTokens.some((token) => token.normalized) &&
    !file.normalizers.every(({ type }) => UNICODE_FORMS.includes(type));
  return isByteLevelBpe(file) && !isSensitive && !hidesTokens;
}

/** A copy of the file that knows no added tokens. */
export function withoutAddedTokens(file: TokenizerFile): TokenizerFile {
  const json = { ...file.json, added_tokens: [] };
  return { ...file, json, addedTokens: [], bytes: new TextEncoder().encode(JSON.stringify(json)) };
}

/**
 * A backend that finds the added tokens of `file` itself and leaves what is between them to `plain`.
 *
 * @param plain encodes text without looking for added tokens
 */
export function splitBackend(file: TokenizerOutline, backend: EncodeBackend): EncodeBackend {
  const plain = withWordCache(file, backend);
  const encodePlain = (text: string) => plain.encode(text);
  const hasNormalizer = file.normalizers.length > 0;
  const normalized = file.addedTokens.filter((token) => token.normalized);
  const encodeRest = hasNormalizer && normalized.length > 0
    ? encodeNormalized(file.normalizers.map(({ type }) => String(type)), normalized, encodePlain)
    : encodePlain;
  const scanner = new AddedTokenScanner(file.addedTokens, hasNormalizer);
  return {
    name: plain.name,
    encode: (text) => encodeAround(scanner.find(text), text, encodeRest),
    close: () => plain.close(),
  };
}

/** Looks for `normalized` tokens in what the normal forms make of a text. Normalising twice changes nothing. */
function encodeNormalized(
  forms: readonly string[],
  tokens: readonly AddedToken[],
  encodePlain: (text: string) => Uint32Array,
): (text: string) => Uint32Array {
  const normalize = (text: string) => forms.reduce((result, form) => result.normalize(form), text);
  const scanner = new AddedTokenScanner(
    tokens.map((token) => ({ ...token, content: normalize(token.content) })),
    false,
  );
  return function encodeInNormalForm(text) {
    const whole = normalize(text);
    return encodeAround(scanner.find(whole), whole, encodePlain);
  };
}

/** Ids of a text in which added tokens were found: theirs, and what `encodeRest` makes of the text between. */
function encodeAround(
  matches: readonly AddedTokenMatch[],
  text: string,
  encodeRest: (text: string) => Uint32Array,
): Uint32Array {
  if (matches.length === 0) return encodeRest(text);
  const runs: ArrayLike<number>[] = [];
  let from = 0;
  for (const { token, start, end } of matches) {
    if (start > from) runs.push(encodeRest(text.slice(from, start)));
    runs.push([token.id]);
    from = end;
  }
  if (from < text.length) runs.push(encodeRest(text.slice(from)));
  return concat(runs);
}

function concat(runs: readonly ArrayLike<number>[]): Uint32Array {
  const ids = new Uint32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    ids.set(run, at);
    at += run.length;
  }
  return ids;
}
