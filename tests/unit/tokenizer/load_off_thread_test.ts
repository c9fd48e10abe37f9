import assert from "node:assert/strict";
import { TokenizerLoadError } from "../../../src/errors.ts";
import { createBackend } from "../../../src/tokenizer/backend.ts";
import { createCompiledKitoken } from "../../../src/tokenizer/compiled_kitoken.ts";
import { loadTokenizerFromData } from "../../../src/tokenizer/load.ts";
import { exceedsRegexBudget } from "../../../src/tokenizer/kitoken.ts";
import { LOAD_OFF_THREAD_MIN_BYTES, loadOffThread } from "../../../src/tokenizer/load_off_thread.ts";
import { readTokenizerFile } from "../../../src/tokenizer/tokenizer_file.ts";
import { VocabularyIndex } from "../../../src/tokenizer/vocabulary_index.ts";
import type { JsonObject } from "../../../src/types.ts";
import { AWKWARD_TOKENS, tinyMetaspaceJson, tinyTokenizerJson } from "../../support/tiny_tokenizer.ts";

const encoder = new TextEncoder();

function load(json: JsonObject, backend: "auto" | "kitoken" = "auto") {
  return loadOffThread({ source: "tiny", file: encoder.encode(JSON.stringify(json)), config: null, backend });
}

Deno.test("loadOffThread() gives the backend and the tables of loading in place", async () => {
  const json = tinyTokenizerJson();
  for (const asked of ["auto", "kitoken"] as const) {
    const loaded = await load(json, asked);
    assert.ok(loaded.outcome === "kitoken");
    const inPlace = await createBackend("kitoken", readTokenizerFile(json, "tiny"));
    for (const text of ["HAVING <|im_end|>", "你好 😀\n\n json"]) {
      assert.deepEqual(loaded.backend.encode(text), inPlace.encode(text));
    }
    const vocab = (json.model as JsonObject).vocab as Record<string, number>;
    for (const [content, id] of Object.entries(vocab)) {
      assert.equal(loaded.tables.vocabulary.find(content), id);
    }
    inPlace.close();
    loaded.backend.close();
  }
});

Deno.test("createCompiledKitoken() unpacks the file for what is beyond kitoken", async () => {
  const loaded = await load(tinyTokenizerJson());
  assert.ok(loaded.outcome === "kitoken");
  const run = "x".repeat(2 * 65_536), rest = " a".repeat(170_000); // a long word in more text than is sure to pass
  assert.ok(exceedsRegexBudget(run + rest));
  const ids = loaded.backend.encode(run + rest);
  assert.equal(new TextDecoder().decode(loaded.tables.bytes.decode(ids)), run + rest);
  loaded.backend.close();
});

Deno.test("loadOffThread() tells why kitoken is not taken", async () => {
  const cases: [string, JsonObject, RegExp][] = [
    ["no byte-level BPE", tinyMetaspaceJson("first"), /not byte-level BPE$/],
    [
      "unreadable by kitoken",
      { ...tinyTokenizerJson(), pre_tokenizer: unknownStep() },
      /kitoken does not read/,
    ],
  ];
  for (const [name, json, reason] of cases) {
    const loaded = await load(json).catch((error: Error) => error);
    if (loaded instanceof Error) assert.match(loaded.message, reason, name);
    else assert.ok(loaded.outcome === "other backend" && reason.test(loaded.reason), name);
  }
});

Deno.test("loadOffThread() gives kitoken a file without added tokens when some ask for words beside them", async () => {
  const json = tinyTokenizerJson(AWKWARD_TOKENS);
  const loaded = await load(json);
  assert.ok(loaded.outcome === "kitoken", loaded.reason);
  const reference = await createBackend("huggingface", readTokenizerFile(json, "tiny"));
  for (const text of ["a<word>b <word> c", "<|mask|>  x <|im_end|>!"]) {
    assert.deepEqual(loaded.backend.encode(text), reference.encode(text));
  }
  loaded.backend.close();
});

Deno.test("loadTokenizerFromData() names the fault of a large malformed file", async () => {
  const tokenizer = encoder.encode(`{"model": ${" ".repeat(LOAD_OFF_THREAD_MIN_BYTES)}`);
  await assert.rejects(
    loadTokenizerFromData({ source: "broken", tokenizer }),
    (error: unknown) => error instanceof TokenizerLoadError && /broken is not JSON/.test(error.message),
  );
});

Deno.test("createCompiledKitoken() refuses what is no serialised form", () => {
  const { json: _json, bytes: packedFile, vocab: _vocab, ...outline } = readTokenizerFile(
    tinyTokenizerJson(),
    "t",
  );
  assert.throws(() => createCompiledKitoken({ outline, serialised: Uint8Array.of(1, 2, 3), packedFile }));
});

Deno.test("VocabularyIndex.find() gives the id of exactly that content", () => {
  const vocab = new Map([["a", 3], ["ab", 1], ["", 7], ["\ud800", 4], ["\ufffd", 5], ["中", 6]]);
  const index = VocabularyIndex.fromVocab(vocab);
  for (const [content, id] of vocab) assert.equal(index.find(content), id);
  for (const content of ["b", "abc", "__proto__", "toString"]) assert.equal(index.find(content), undefined);
  assert.equal(VocabularyIndex.fromVocab({}).find("a"), undefined);
  assert.equal(VocabularyIndex.fromVocab({ "▁a": 9 }).find("▁a"), 9);
});

function unknownStep(): JsonObject {
  return { type: "Sequence", pretokenizers: [{ type: "ByteLevel" }, { type: "NoSuchStep" }] };
}
