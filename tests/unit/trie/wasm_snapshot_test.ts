/** What of snapshots only the WebAssembly trie has: memory, slices, checksums, scopes by number. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createTokenTrie, SnapshotError, type TokenTrie } from "../../../src/trie/mod.ts";
import { output } from "../../support/token_trie/harness.ts";
import { SNAPSHOT_CHUNK_BYTES } from "../../../src/trie/snapshot.ts";
import { compileOwnCore, RECORDS_BYTES, WasmCore } from "../../../src/trie/wasm_core.ts";
import { xxh64 } from "../../../src/trie/xxh64.ts";

/** A trie of several chunks of memory. */
async function bigTrie(): Promise<TokenTrie> {
  const trie = await createTokenTrie({ maxCacheSize: 10_000_000 });
  const ids = Uint32Array.from({ length: 50_000 }, (_, i) => i);
  for (let i = 0; trie.stats().usedBytes < 2.5 * SNAPSHOT_CHUNK_BYTES; i++) trie.insert(`text ${i}`, ids);
  return trie;
}

Deno.test("xxh64() gives the published sums", () => {
  const sums = { "": 0xef46db3751d8e999n, "a": 0xd24ec4f1a98c6e5bn, "abc": 0x44bc2cf5ad770999n };
  for (const [text, sum] of Object.entries(sums)) assert.equal(xxh64(new TextEncoder().encode(text)), sum);
});

Deno.test("WasmCore.checksum() agrees with xxh64()", async () => {
  const core = new WasmCore(await compileOwnCore());
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(7), (bytes, offset) => {
    core.u8.set(bytes, RECORDS_BYTES + offset);
    assert.equal(core.checksum(RECORDS_BYTES + offset, bytes.length), xxh64(bytes));
  }));
});

Deno.test("load() refuses a snapshot with any one bit changed", async () => {
  const trie = await createTokenTrie();
  trie.insert("Hello World", [1, 2, 3]);
  const bytes = trie.save();
  const before = trie.stats();
  const bit = fc.nat(bytes.length * 8 - 1);
  // The head is small and says how to read the rest: half of the trials go there.
  fc.assert(
    fc.property(fc.oneof(bit, fc.nat(1_000)), (at) => {
      const damaged = bytes.slice();
      damaged[at >> 3]! ^= 1 << (at & 7);
      assert.throws(() => trie.load(damaged), SnapshotError);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(trie.stats(), before);
});

Deno.test("load() names the part of the image that is damaged", async () => {
  const trie = await bigTrie();
  const bytes = trie.save();
  bytes[bytes.length - 1]! ^= 1;
  const last = trie.stats().memoryBytes - 1;
  const from = last - last % SNAPSHOT_CHUNK_BYTES;
  assert.throws(() => trie.load(bytes), new RegExp(`its image is damaged in bytes ${from} to ${last}`));
});

Deno.test("load() says which build wrote a snapshot that it does not read", async () => {
  const trie = await createTokenTrie();
  const { ModelTrie } = await import("../../../src/trie/model_trie.ts");
  const other = new ModelTrie().save();
  assert.throws(
    () => trie.load(other),
    /another build wrote it, of layout 6d6f6465; this one has [0-9a-f]{8}/,
  );
});

Deno.test("load() refuses what does not fit into maxCacheBytes, and stays as it was", async () => {
  const small = await createTokenTrie({ maxCacheBytes: 16_384 });
  assert.ok(small.insert("kept", [1]));
  const first = await createTokenTrie({ maxCacheSize: 1_000_000 });
  // Names of so many scopes are no segments: they stay.
  for (let i = 0; i < 5_000; i++) {
    assert.ok(first.append(null, [output(`text ${i}`, [i], { scope: `session ${i}` })]).ok);
  }
  assert.throws(() => small.load(first.save()), /does not fit into memory, maxCacheBytes is 16384/);
  assert.deepEqual([...small.retrieveFromText("kept").tokenIds], [1]);
});

Deno.test("load() evicts what was used longest ago down to maxCacheBytes, be it a hundredth of the writer's", async () => {
  const first = await createTokenTrie({ maxCacheSize: 10_000 });
  for (let i = 0; i < 12_000; i++) first.insert(`text ${i}`, [i]);
  assert.equal(first.findContinuation("text 1999").reason, "evicted");
  assert.ok(first.stats().usedBytes > 1_000_000);
  for (const maxCacheBytes of [10_000, 50_000, 600_000]) {
    const second = await createTokenTrie({ maxCacheSize: 10_000_000, maxCacheBytes });
    second.load(first.save());
    second.checkInvariants();
    const { usedBytes, segments } = second.stats();
    assert.ok(
      usedBytes <= maxCacheBytes && usedBytes > maxCacheBytes * 0.7,
      `${usedBytes} of ${maxCacheBytes}`,
    );
    assert.equal(second.findContinuation("text 11999").tokenCount, 1);
    assert.equal(second.findContinuation(`text ${12_000 - segments}`).tokenCount, 1);
    // What it remembers of evicted texts follows its own bounds.
    second.insert("one", [1]);
    const { handle } = second.findContinuation("one");
    for (let i = 0; second.read(handle!) !== null; i++) second.insert(`more ${i}`, [i]);
    assert.equal(second.findContinuation("one").reason, maxCacheBytes > 20_000 ? "evicted" : "no match");
    second.checkInvariants();
  }
});

Deno.test("load() evicts down to maxCacheBytes", async () => {
  const first = await bigTrie();
  const second = await createTokenTrie({ maxCacheSize: 10_000_000, maxCacheBytes: 1_000_000 });
  second.load(first.save());
  second.checkInvariants();
  const { usedBytes, tokens } = second.stats();
  assert.ok(usedBytes <= 1_000_000 && tokens > 0, `${usedBytes} bytes, ${tokens} tokens`);
});

Deno.test("saveSliced() yields between chunks and is whole when the trie was used in between", async () => {
  const trie = await bigTrie();
  let slices = 1;
  const steps = trie.saveSliced();
  let step = steps.next();
  for (; !step.done; step = steps.next(), slices++) {
    if (slices === 2) trie.insert("in between", [1, 2], null, null, "label in between");
  }
  assert.ok(slices >= 3, `${slices} slices`);
  const other = await createTokenTrie({ maxCacheSize: 10_000_000 });
  other.load(step.value);
  other.checkInvariants();
  assert.deepEqual([...other.findLongestPrefix("in between").tokenIds], [1, 2]);
});

Deno.test("saveSliced() refuses a second sliced save until the first has ended", async () => {
  const trie = await bigTrie();
  const first = trie.saveSliced();
  first.next();
  assert.throws(() => trie.saveSliced().next(), /another sliced save goes on/);
  first.return(new Uint8Array());
  trie.saveSliced().next();
});

Deno.test("load() gives scopes the numbers that their segments have", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 1_000_000 });
  const sample = (scope: string, id: number) =>
    trie.append(null, [{ keys: [{ text: "same text" }], tokenIds: [id], sampled: true, scope }]);
  // Past the first sweep, so that numbers have been freed and given out again.
  for (let i = 0; i < 3_000; i++) {
    if (i === 1_500) trie.clear();
    sample(`scope ${i}`, i);
  }
  trie.load(trie.save());
  sample("scope 7", 7);
  for (const i of [7, 1_500, 2_048, 2_999]) {
    const { tokenIds } = trie.retrieveFromText("same text", { scope: `scope ${i}` });
    assert.deepEqual([...tokenIds], [i]);
  }
});
