/**
 * Backend over kitoken (WebAssembly): the fastest here, exact for byte-level BPE.
 *
 * @module
 */
import { Kitoken } from "kitoken/full";
import { TokenizerLoadError } from "../errors.ts";
import type { EncodeBackend } from "./backend.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/**
 * Makes a kitoken backend. Blocks for a second or two: the library indexes the whole vocabulary.
 *
 * @throws {TokenizerLoadError} when the library cannot convert the file
 */
export function createKitokenBackend(file: TokenizerFile): Promise<EncodeBackend> {
  try {
    return Promise.resolve(wrap(Kitoken.from_tokenizers(file.bytes)));
  } catch (error) {
    return Promise.reject(
      new TokenizerLoadError(
        `Cannot load tokenizer: kitoken does not read ${file.source} (${messageOf(error)})`,
        {
          cause: error,
        },
      ),
    );
  }
}

function wrap(kitoken: Kitoken): EncodeBackend {
  return {
    name: "kitoken",
    encode: (text) => kitoken.encode(text, true),
    close: () => kitoken.free(),
  };
}

/** The library throws strings as well as errors. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
