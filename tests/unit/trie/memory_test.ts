/** The WebAssembly trie at the edge of its memory, and with inputs that make its windows grow. */
import assert from "node:assert/strict";
import { createTokenTrie } from "../../../src/trie/mod.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";
import { output, prompt, range } from "../../support/token_trie/harness.ts";

Deno.test("insert() and append() keep usedBytes within maxCacheBytes, and refuse what cannot fit", async () => {
  const bound = 60_000;
  const trie = await createTokenTrie({ maxCacheSize: 1e9, maxCacheBytes: bound });
  let refused = 0;
  for (let i = 0; i < 3_000; i++) {
    const text = `shared prefix ${i % 37} ${"x".repeat((i * 7919) % 3_000)}`;
    const ids = range(i, 1 + (i * 31) % 400);
    if (i % 11 === 0) {
      // Grows beyond the bound now and then: 12 bytes a token.
      const result = trie.append(null, [prompt(text, ids), output("reply", range(0, (i * 13) % 9_000 + 1))]);
      if (!result.ok) refused++;
    } else if (!trie.insert(text, ids, ids.map(() => -0.1), ids.map(() => 1), i)) refused++;
    assert.ok(trie.stats().usedBytes <= bound);
    if (i % 50 === 0) trie.checkInvariants();
  }
  assert.ok(refused > 0 && refused < 300, `${refused} refused`);
  assert.ok(trie.stats().entries > 0);
  trie.checkInvariants();
});

Deno.test("insert() keeps usedBytes within maxCacheBytes where a block is taken larger than asked for", async () => {
  for (const maxCacheBytes of [30_000, 30_008]) {
    const trie = await createTokenTrie({ maxCacheSize: 1e9, maxCacheBytes });
    for (let i = 0; i < 4_000; i++) {
      assert.ok(trie.insert(`${i} ${"x".repeat(i * 7 % 61)}`, new Array<number>(1 + i * 13 % 11).fill(1)));
      assert.ok(trie.stats().usedBytes <= maxCacheBytes, `insert ${i}: ${trie.stats().usedBytes}`);
    }
  }
});

Deno.test("insert() refuses what is larger than maxCacheBytes in words, and goes on", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 1e9, maxCacheBytes: 50_000 });
  trie.insert("kept", [7]);
  assert.equal(trie.insert("x".repeat(60_000), [1]), false);
  assert.equal(
    trie.lastRefusal,
    "Cannot insert: it does not fit into memory, maxCacheBytes is 50000",
  );
  assert.ok(trie.insert("small", [1]));
  assert.deepEqual([...trie.findLongestPrefix("small").tokenIds], [1]);
  assert.equal(trie.append(null, [prompt("a", [2]), output("b", range(0, 50_000))]).ok, false);
  assert.deepEqual([...trie.findLongestPrefix("kept").tokenIds], [7]);
  trie.checkInvariants();
});

Deno.test("append() that finds no memory half-way takes back what it made", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 1e9, maxCacheBytes: 40_000 });
  const kept = trie.append(null, [prompt("kept", [1])]);
  assert.ok(kept.ok);
  const { handle } = trie.findContinuation("kept", { pin: true });
  const before = { ...trie.stats(), usedBytes: 0, memoryBytes: 0 };
  const result = trie.append(handle, [prompt("fits", [2, 3]), output("does not", range(0, 20_000))]);
  assert.equal(result.ok, false);
  assert.deepEqual({ ...trie.stats(), usedBytes: 0, memoryBytes: 0 }, before);
  trie.checkInvariants();
});

Deno.test("usedBytes returns to what it was when everything is removed", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 1e9 });
  trie.insert("warm", [1]);
  trie.remove("warm");
  for (let i = 0; i < 500; i++) trie.insert(`t${i * 7919 % 500} ${"y".repeat(i)}`, range(0, 1 + i % 60));
  const full = trie.stats().usedBytes;
  for (let i = 0; i < 500; i++) trie.remove(`t${i} `);
  const { usedBytes, segments, nodes } = trie.stats();
  assert.deepEqual([segments, nodes], [0, 0]);
  // What stays serves handles, not texts.
  assert.ok(usedBytes < full / 4, `${usedBytes} of ${full} bytes`);
  trie.checkInvariants();
});

Deno.test("texts of any length take text + 8.2 bytes a token + 96 bytes a node", async () => {
  const lengths = [70, 100, 200, 300, 600, 1_000, 4_000];
  const shapes = [
    range(0, 20_000).map((i) => ({ text: `${(i >> 1).toString(36)} ${i & 1}`, tokens: 2 })),
    ...lengths.map((n) => range(0, 2_000).map((i) => ({ text: `${i} `.padEnd(n, "long "), tokens: n >> 2 }))),
  ];
  for (const entries of shapes) {
    const trie = await createTokenTrie({ maxCacheSize: 1e9 });
    let budget = 0;
    for (const { text, tokens } of entries) {
      const ids = range(0, tokens);
      assert.ok(trie.insert(text, ids, ids.map((i) => Math.fround(-0.1 * i)), ids.map(() => 1), 1));
      budget += text.length + 8.2 * tokens;
    }
    const { usedBytes, nodes } = trie.stats();
    budget += 96 * nodes;
    assert.ok(usedBytes <= budget, `${usedBytes} bytes used, ${budget} at most`);
  }
});

Deno.test("texts that part late take 96 bytes a node beside the text that they do not share", async () => {
  for (const length of [60, 200, 900]) {
    const trie = await createTokenTrie({ maxCacheSize: 1e9 });
    const shared = "long ".repeat(length / 5);
    for (let i = 0; i < 2_000; i++) {
      for (const end of ["x", "yy"]) assert.ok(trie.insert(`${i} ${shared}${end}`, [1, 2]));
    }
    const { usedBytes, nodes, tokens } = trie.stats();
    const budget = 2_000 * (5 + length + 3) + 8.2 * tokens + 96 * nodes;
    assert.ok(usedBytes <= budget, `${length}: ${usedBytes} bytes used, ${budget} at most`);
    trie.checkInvariants();
  }
});

Deno.test("createTokenTrie() refuses a byte bound that holds nothing", async () => {
  await assert.rejects(createTokenTrie({ maxCacheBytes: 8 }), /Cannot create token trie: maxCacheBytes 8/);
});

Deno.test("createTokenTrie() takes a compiled module", async () => {
  const trie = await createTokenTrie({ wasm: await compileOwnCore() });
  assert.ok(trie.insert("a", [1]));
  assert.equal(trie.findLongestPrefix("a").tokenIds[0], 1);
});

Deno.test("a text of 16 MB is stored, found and cut", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 1e7 });
  const text = "16 bytes of text".repeat(2 ** 20);
  assert.ok(trie.insert(text, range(0, 1_000_000), null, null, 1));
  assert.equal(trie.findLongestPrefix(text + "é").remaining, "é");
  assert.equal(trie.findContinuation(text.slice(0, -1)).tokenCount, 0);
  assert.equal(trie.findContinuation(text).tokenCount, 1_000_000);
  assert.equal(trie.remove(text.slice(0, 5)), 1);
  trie.checkInvariants();
});

Deno.test("handles of another trie are stale", async () => {
  const [one, two] = [await createTokenTrie(), await createTokenTrie()];
  const mine = one.append(null, [prompt("a", [1])]);
  const other = two.append(null, [prompt("a", [1])]);
  assert.ok(mine.ok && other.ok);
  assert.equal(one.read(other.handle), null);
  assert.equal(two.append(mine.handle, [prompt("b", [2])]).ok, false);
  for (const point of [-1, 2 ** 31, 2 ** 32 - 1, NaN]) assert.equal(one.read({ point, serial: 1 }), null);
});

Deno.test("scopes come and go without bound", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 100 });
  for (let i = 0; i < 5_000; i++) {
    const scope = `session ${i}`;
    const result = trie.append(null, [output(`reply ${i % 10}`, [i], { scope })]);
    assert.ok(result.ok);
    assert.equal(trie.findContinuation(`reply ${i % 10}`, { scope }).tokenCount, 1);
    assert.equal(trie.findContinuation(`reply ${i % 10}`, { scope: `session ${i - 200}` }).tokenCount, 0);
  }
  trie.checkInvariants();
});

Deno.test("matchViews() leaves the payload in the core", async () => {
  const { WasmTrie } = await import("../../../src/trie/mod.ts");
  const trie = new WasmTrie(await compileOwnCore());
  trie.insert("Hello World", [1, 2, 3], [0, -0.5, -1], [0, 1, 1], 7);
  const match = trie.matchViews("Hello World!");
  assert.deepEqual([match.tokenCount, match.matchedUnits, match.reason], [3, 11, "hit"]);
  assert.deepEqual([...match.tokenIds], [1, 2, 3]);
  assert.deepEqual([...match.logprobs], [0, -0.5, -1]);
  assert.deepEqual([...match.lossMask], [0, 1, 1]);
  assert.deepEqual([...match.generationVersions], [-1, 7, 7]);
  assert.notEqual(match.handle, null);
  assert.equal(trie.matchViews("other").handle, null);
});
