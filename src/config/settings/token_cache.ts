/**
 * What encodes, and how much the token cache keeps.
 *
 * @module
 */
import * as v from "valibot";
import { boolean, integer, oneOf, text } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** A linear WebAssembly memory ends there. */
const MEMORY_MAX_BYTES = 2 ** 32;

/** Settings of "Token cache" in `--help`. */
export const TOKEN_CACHE_SETTINGS = inGroup("Token cache", [
  {
    key: "tokenizer",
    flag: "--tokenizer",
    placeholder: "path",
    kind: "text",
    help: "folder with tokenizer.json, or the file; none: no token cache",
    schema: v.nullable(text("a path")),
  },
  {
    key: "tokenizerBackend",
    flag: "--tokenizer-backend",
    placeholder: "name",
    kind: "text",
    help: "auto, kitoken, huggingface, tokenizers-wasm",
    schema: oneOf("auto", "kitoken", "huggingface", "tokenizers-wasm"),
  },
  {
    key: "maxCacheSize",
    flag: "--max-cache-size",
    placeholder: "tokens",
    kind: "number",
    help: "tokens kept at most",
    schema: integer(1, 1_000_000_000),
  },
  {
    key: "maxCacheBytes",
    flag: "--max-cache-bytes",
    placeholder: "n",
    kind: "number",
    help: "bytes of memory that the cache uses at most",
    schema: integer(2 ** 20, MEMORY_MAX_BYTES),
  },
  {
    key: "snapshot",
    flag: "--snapshot",
    placeholder: "file",
    kind: "text",
    help: "file that the cache is loaded from at the start, and saved to at the end and on POST /snapshot",
    schema: v.nullable(text("a path")),
  },
  {
    key: "gcThresholdK",
    flag: "--gc-threshold-k",
    placeholder: "n",
    kind: "number",
    help: "weight versions that a cached path may lag behind",
    schema: integer(0, 1_000_000),
  },
  {
    key: "prewarm",
    flag: "--no-prewarm",
    placeholder: null,
    kind: "boolean",
    help: "do not warm up the tokenizer and its helper before listening",
    schema: boolean,
  },
]);
