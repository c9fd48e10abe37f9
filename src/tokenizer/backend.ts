/**
 * What one backend must do: text to ids, nothing else. Everything that follows from `tokenizer.json` alone (bytes of a
 * token, splice points, continuation) is shared, so a new backend is one file and one line in {@link createBackend}.
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import type { TokenizerBackend } from "./tokenizer.ts";
import { withFallback } from "./fallback_backend.ts";
import { encodesPieceByPiece, splitBackend } from "./split_backend.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/** Text to ids. Special tokens inside the text are recognised; none are added. */
export interface EncodeBackend {
  readonly name: TokenizerBackend;
  /** Ids of a text that stands at the start of a sequence. Unpaired surrogates count as U+FFFD. */
  encode(text: string): Uint32Array;
  /** Frees what the garbage collector does not. */
  close(): void;
}

/** How a factory is to treat added tokens: `find` them in the text, or leave that to the caller and take text as `plain`. */
export type AddedTokenMode = "find" | "plain";

/** Makes a backend of a checked file. Throws whatever the library throws when it cannot read it. */
export type EncodeBackendFactory = (file: TokenizerFile, mode: AddedTokenMode) => EncodeBackend;

/** Loads the module of a backend when first asked for: each carries 1 to 2 MB. */
const factories: Record<TokenizerBackend, () => Promise<EncodeBackendFactory>> = {
  kitoken: async () => {
    const { createKitokenBackend, exceedsRegexBudget } = await import("./kitoken.ts");
    const { createHuggingFaceBackend } = await import("./huggingface.ts");
    return (file, mode) =>
      withFallback(
        createKitokenBackend(file, mode),
        exceedsRegexBudget,
        () => createHuggingFaceBackend(file, mode),
      );
  },
  huggingface: async () => (await import("./huggingface.ts")).createHuggingFaceBackend,
  "tokenizers-wasm": async () => (await import("./tokenizers_wasm.ts")).createTokenizersWasmBackend,
};

/**
 * Makes the backend `name` for `file`.
 *
 * @throws {TokenizerLoadError} when the backend cannot read the file
 */
export async function createBackend(name: TokenizerBackend, file: TokenizerFile): Promise<EncodeBackend> {
  const factory = await factories[name]();
  try {
    return encodesPieceByPiece(file) ? splitBackend(file, factory(file, "plain")) : factory(file, "find");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error); // WebAssembly libraries throw strings too
    throw new TokenizerLoadError(`Cannot load tokenizer: ${name} does not read ${file.source} (${message})`, {
      cause: error,
    });
  }
}
