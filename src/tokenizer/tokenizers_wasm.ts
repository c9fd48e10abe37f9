/**
 * Backend over `tokenizers-wasm` 0.1.0, an old build of the reference library that encodes only. Opt-in: it reads few of
 * today's files (Qwen3 and gpt-oss after their merges are rewritten, which happens here) and traps on others.
 *
 * @module
 */
import { TokenizerWasm } from "tokenizers-wasm/tokenizers_wasm.js";
import { TokenizerLoadError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import type { EncodeBackend } from "./backend.ts";
import { isJsonObject, type TokenizerFile } from "./tokenizer_file.ts";

/**
 * Makes a tokenizers-wasm backend.
 *
 * @throws {TokenizerLoadError} when the library traps on the file
 */
export function createTokenizersWasmBackend(file: TokenizerFile): Promise<EncodeBackend> {
  try {
    return Promise.resolve(wrap(new TokenizerWasm(JSON.stringify(withMergesAsStrings(file.json)))));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return Promise.reject(
      new TokenizerLoadError(
        `Cannot load tokenizer: tokenizers-wasm does not read ${file.source} (${message}); try kitoken or huggingface`,
        { cause: error },
      ),
    );
  }
}

function wrap(tokenizer: TokenizerWasm): EncodeBackend {
  return {
    name: "tokenizers-wasm",
    encode: function encodeAndFree(text) {
      const encoding = tokenizer.encode(text.toWellFormed(), false);
      const ids = encoding.input_ids;
      encoding.free();
      return ids;
    },
    close: () => tokenizer.free(),
  };
}

/** The library knows merges as `"a b"` only; newer files write `["a", "b"]`. */
function withMergesAsStrings(json: JsonObject): JsonObject {
  const model = json.model;
  if (!isJsonObject(model) || !Array.isArray(model.merges)) return json;
  return { ...json, model: { ...model, merges: model.merges.map(mergeAsString) } };
}

function mergeAsString(merge: JsonValue): JsonValue {
  return Array.isArray(merge) ? merge.join(" ") : merge;
}
