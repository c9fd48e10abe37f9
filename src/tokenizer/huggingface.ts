/**
 * Backend over `@huggingface/tokenizers` (pure TypeScript): slower, and exact on every kind of model tried.
 *
 * @module
 */
import { Tokenizer } from "@huggingface/tokenizers";
import { TokenizerLoadError } from "../errors.ts";
import type { EncodeBackend } from "./backend.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/**
 * Makes a pure TypeScript backend.
 *
 * @throws {TokenizerLoadError} when the library cannot read the file
 */
export function createHuggingFaceBackend(file: TokenizerFile): Promise<EncodeBackend> {
  try {
    return Promise.resolve(wrap(new Tokenizer(file.json, {})));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return Promise.reject(
      new TokenizerLoadError(`Cannot load tokenizer: huggingface does not read ${file.source} (${message})`, {
        cause: error,
      }),
    );
  }
}

function wrap(tokenizer: Tokenizer): EncodeBackend {
  return {
    name: "huggingface",
    encode: (text) =>
      Uint32Array.from(tokenizer.encode(text.toWellFormed(), { add_special_tokens: false }).ids),
    close: () => {},
  };
}
