/**
 * Cutting added tokens out of the text before a backend sees it. The libraries know only part of the rules (`single_word`,
 * `lstrip`, `rstrip`, two passes, the longest of several): here they hold for all.
 *
 * @module
 */
import { AddedTokenScanner } from "./added_tokens.ts";
import type { EncodeBackend } from "./backend.ts";
import { isByteLevelBpe, type TokenizerFile } from "./tokenizer_file.ts";

/**
 * Whether the text between added tokens encodes the same wherever it stands, so that it may be encoded piece by piece.
 *
 * Not so when the start of a sequence is special (Metaspace, Prepend), nor when added tokens are looked for in text that a
 * normalizer has changed.
 */
export function encodesPieceByPiece(file: TokenizerFile): boolean {
  const isSensitive = [...file.normalizers, ...file.preTokenizers].some(({ type }) =>
    type === "Metaspace" || type === "Prepend"
  );
  const hidesTokens = file.normalizers.length > 0 && file.addedTokens.some((token) => token.normalized);
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
export function splitBackend(file: TokenizerFile, plain: EncodeBackend): EncodeBackend {
  const scanner = new AddedTokenScanner(file.addedTokens, false);
  return {
    name: plain.name,
    encode: function encodeBetweenAddedTokens(text) {
      const matches = scanner.find(text);
      if (matches.length === 0) return plain.encode(text);
      const runs: ArrayLike<number>[] = [];
      let from = 0;
      for (const { token, start, end } of matches) {
        if (start > from) runs.push(plain.encode(text.slice(from, start)));
        runs.push([token.id]);
        from = end;
      }
      if (from < text.length) runs.push(plain.encode(text.slice(from)));
      return concat(runs);
    },
    close: () => plain.close(),
  };
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
