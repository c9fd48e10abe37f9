/**
 * What one backend must do: text to ids, nothing else. Everything that follows from `tokenizer.json` alone (bytes of a
 * token, splice points, continuation) is shared, so a new backend is one file and one line in {@link createBackend}.
 *
 * @module
 */
import type { TokenizerBackend } from "./tokenizer.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/** Text to ids. Special tokens inside the text are recognised; none are added. */
export interface EncodeBackend {
  readonly name: TokenizerBackend;
  /** Ids of a text that stands at the start of a sequence. Unpaired surrogates count as U+FFFD. */
  encode(text: string): Uint32Array;
  /** Frees what the garbage collector does not. */
  close(): void;
}

/** Makes a backend of a checked file. Throws `TokenizerLoadError` when it cannot read it. */
export type EncodeBackendFactory = (file: TokenizerFile) => Promise<EncodeBackend>;

const factories: Record<TokenizerBackend, () => Promise<EncodeBackendFactory>> = {
  kitoken: async () => (await import("./kitoken.ts")).createKitokenBackend,
  huggingface: async () => (await import("./huggingface.ts")).createHuggingFaceBackend,
  "tokenizers-wasm": async () => (await import("./tokenizers_wasm.ts")).createTokenizersWasmBackend,
};

/** Names that `--tokenizer-backend` takes besides `auto`. */
export const TOKENIZER_BACKENDS = Object.keys(factories) as TokenizerBackend[];

/**
 * Makes the backend `name` for `file`. The module of a backend is loaded when first asked for: each carries 1 to 2 MB.
 *
 * @throws {TokenizerLoadError} when the backend cannot read the file
 */
export async function createBackend(name: TokenizerBackend, file: TokenizerFile): Promise<EncodeBackend> {
  const factory = await factories[name]();
  return await factory(file);
}
