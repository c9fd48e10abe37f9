/**
 * The input window keeps the last text: what begins with it is written and compared only in part. Answers must be those of
 * a trie that never saw the first text.
 */
import assert from "node:assert/strict";
import { createTokenTrie, type TokenTrie, WasmTrie } from "../../../src/trie/mod.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";

const LIMITS = { maxCacheSize: 1_000_000 };

/** What is to be seen of a trie that holds `text`, whole and with its last units left out. */
function answers(trie: TokenTrie, text: string): unknown[] {
  return [text, `${text}!`, text.slice(0, -1), text.slice(0, -2)].map((asked) => {
    const { matchedPrefix, remaining, matchedBytes, spliceBytes, tokenIds } = trie.findLongestPrefix(asked);
    return { matchedPrefix, remaining, matchedBytes, spliceBytes, tokenIds: [...tokenIds] };
  });
}

const CASES: readonly [name: string, asked: string, stored: string][] = [
  ["text of three bytes a letter goes on", "世界", "世界你好"],
  ["text of two bytes a letter goes on in ASCII", "é", "é and more"],
  ["the first half of a pair gets its second", "世\ud83d", "世\ud83d\ude00 smiles"],
  ["a lone first half stays alone", "世\ud83d", "世\ud83d smiles"],
  ["a lone second half follows", "世", "世\ude00 smiles"],
  ["a pair follows a pair", "😀", "😀😃"],
  ["other text of the same length and start", "世界", "世甲你好"],
  ["shorter text", "世界你好", "世界"],
  ["text that outgrows the window", "世", "世".repeat(40_000)],
];

for (const [name, asked, stored] of CASES) {
  Deno.test(`WasmTrie stores a text as if none had been asked for: ${name}`, async () => {
    const [trie, fresh] = [await createTokenTrie(LIMITS), await createTokenTrie(LIMITS)];
    trie.insert(asked, [1, 2]);
    fresh.insert(asked, [1, 2]);
    trie.findLongestPrefix(asked);
    const ids = Uint32Array.of(1, 2, 3, 4);
    // Between the two the fresh trie's window holds another text.
    fresh.findLongestPrefix("other");
    assert.equal(trie.insert(stored, ids), fresh.insert(stored, ids));
    fresh.findLongestPrefix("other");
    assert.deepEqual(answers(trie, stored), answers(fresh, stored));
    assert.deepEqual(trie.stats().usedBytes, fresh.stats().usedBytes);
    trie.checkInvariants();
  });
}

Deno.test("WasmTrie compares a text anew when what it was compared with has gone", async () => {
  const trie = await createTokenTrie(LIMITS);
  trie.insert("世界你好", [1, 2]);
  trie.findLongestPrefix("世界你好");
  trie.remove("世界你好");
  trie.insert("世界再见", [3, 4]);
  trie.findLongestPrefix("世界你好");
  assert.equal(trie.insert("世界你好", [5, 6]), true);
  assert.deepEqual([...trie.findLongestPrefix("世界你好").tokenIds], [5, 6]);
  assert.deepEqual([...trie.findLongestPrefix("世界再见").tokenIds], [3, 4]);
  trie.checkInvariants();
});

Deno.test("matchViews() shows a payload for which the memory has to grow", async () => {
  const count = 100_000;
  const ids = Uint32Array.from({ length: count }, (_, i) => i);
  for (const part of ["tokenIds", "logprobs", "lossMask", "generationVersions"] as const) {
    const trie = new WasmTrie(await compileOwnCore(), { maxCacheSize: count });
    assert.ok(trie.insert("text", ids, null, new Uint8Array(count).fill(1), 7));
    assert.deepEqual([...trie.matchViews("text")[part]], [...trie.retrieveFromText("text")[part]]);
  }
});

Deno.test("matchViews() shows doubles that lie behind an odd number of ids", async () => {
  for (const count of [1, 2, 3, 8, 9]) {
    const trie = new WasmTrie(await compileOwnCore());
    const logprobs = Array.from({ length: count }, (_, i) => -0.1 * (i + 1));
    assert.ok(trie.insert("text", logprobs.map((_, i) => i), logprobs, new Uint8Array(count).fill(1)));
    assert.deepEqual([...trie.matchViews("text").logprobs], logprobs, `${count} tokens`);
  }
});

Deno.test("holders() shows what the snapshot that was loaded last holds", async () => {
  const trie = new WasmTrie(await compileOwnCore(), LIMITS);
  trie.insert("text", [1]);
  const snapshot = trie.save();
  for (const asked of ["text", "te"]) {
    trie.load(snapshot);
    trie.markHolder(trie.matchViews("text").handle!, 0);
    assert.deepEqual([...trie.holders(asked).bytes], [asked.length]);
  }
});

Deno.test("WasmTrie goes on with the windows it has where there is no memory for larger ones", async () => {
  const trie = new WasmTrie(await compileOwnCore(), LIMITS);
  const count = 60_000;
  assert.ok(trie.insert("many", Uint32Array.from({ length: count }, (_, i) => i)));
  assert.ok(trie.insert("few", [1, 2]));
  trie.retrieveFromText("few");
  trie.injectFault(0, true);
  assert.throws(() => trie.retrieveFromText("long ".repeat(1_000_000)), RangeError);
  assert.throws(() => trie.retrieveFromText("many"), RangeError);
  assert.deepEqual([...trie.retrieveFromText("few").tokenIds], [1, 2]);
  assert.equal(trie.remove("few"), 1);
  assert.ok(trie.endFaults());
  assert.equal(trie.retrieveFromText("many").tokenIds.length, count);
  trie.checkInvariants();
});
