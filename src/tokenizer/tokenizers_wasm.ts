/**
 * Backend over `tokenizers-wasm` 0.1.0, an old build of the reference library that encodes only. Opt-in: it reads few of
 * today's files (Qwen3 and gpt-oss after their merges are rewritten, which happens here) and traps on others.
 *
 * @module
 */
import { TokenizerWasm } from "tokenizers-wasm/tokenizers_wasm.js";
import type { JsonObject, JsonValue } from "../types.ts";
import type { AddedTokenMode, EncodeBackend } from "./backend.ts";
import { isJsonObject, type TokenizerFile } from "./tokenizer_file.ts";

/** Makes a tokenizers-wasm backend. The library traps (`unreachable`) on a file that it does not read. */
export function createTokenizersWasmBackend(file: TokenizerFile, mode: AddedTokenMode): EncodeBackend {
  const json = withMergesAsStrings(mode === "find" ? file.json : { ...file.json, added_tokens: [] });
  const tokenizer = new TokenizerWasm(JSON.stringify(json));
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
