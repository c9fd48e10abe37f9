/**
 * Backend over `@huggingface/tokenizers` (pure TypeScript): slower, and exact on every kind of model tried.
 *
 * @module
 */
import { Tokenizer } from "@huggingface/tokenizers";
import type { AddedTokenMode, EncodeBackend } from "./backend.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/** Makes a pure TypeScript backend. */
export function createHuggingFaceBackend(file: TokenizerFile, mode: AddedTokenMode): EncodeBackend {
  const json = mode === "find" ? file.json : { ...file.json, added_tokens: [] };
  const tokenizer = new Tokenizer(json, {});
  return {
    name: "huggingface",
    encode: (text) =>
      Uint32Array.from(tokenizer.encode(text.toWellFormed(), { add_special_tokens: false }).ids),
    close: () => {},
  };
}
