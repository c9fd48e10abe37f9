/** Slices of a collection are bounded by work, whatever the segments are like. */
import assert from "node:assert/strict";
import { WasmTrie } from "../../../src/trie/mod.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";
import { appended, output, prompt, range } from "../../support/token_trie/harness.ts";

const module = await compileOwnCore();
/** As in assembly/reclaim.ts and assembly/trie.ts. */
const POINTS_PER_UNIT = 16;
const TEXT_BYTES_PER_UNIT = 8_192;
const MOVED_BYTES_MAX = 2 ** 20;
const COLLECTED_AT_ONCE = 128;
const COLLECTED_MAX = 4_096;

Deno.test("gcSlice() goes on in the middle of a segment with many points, which stays whole", () => {
  const trie = new WasmTrie(module, { maxCacheSize: 100_000 });
  const cuts = 1_500;
  const text = range(0, cuts).map((i) => `cut ${i}|`).join("");
  const splicePoints = [...text.matchAll(/\|/g)].map((match, i) => ({
    byteOffset: match.index + 1,
    tokenIndex: i + 1,
  }));
  const ids = range(0, cuts);
  const made = [prompt(text, ids, { splicePoints }), output("reply", [1, 2], { versions: 1 })];
  appended(trie, null, ...made);
  const most = 10;
  let slices = 0;
  for (let done = false; !done; slices++) {
    const before = trie.stats().nodes;
    done = trie.gcSlice(10, 5, most).done;
    assert.ok(before - trie.stats().nodes <= (most + 1) * POINTS_PER_UNIT, `slice ${slices}`);
    trie.checkInvariants();
    if (slices === 2) {
      assert.equal(trie.findContinuation(text.slice(0, 700) + "~").tokenCount > 0, true);
      assert.deepEqual([...trie.retrieveFromText(text).tokenIds], ids);
    }
  }
  assert.ok(slices >= cuts / POINTS_PER_UNIT / most, `${slices} slices`);
  assert.equal(trie.stats().segments, 0);
});

Deno.test("gcSlice() of a path of more nodes than are climbed takes few slices, and what goes next is remembered", () => {
  const trie = new WasmTrie(module, { maxCacheSize: 1_000_000 });
  const cuts = 20_000;
  const splicePoints = range(0, cuts).map((i) => ({ byteOffset: i * 2 + 1, tokenIndex: i + 1 }));
  const long = prompt("ab".repeat(cuts), range(0, cuts + 1), { splicePoints });
  appended(trie, null, long, output("reply", [1], { versions: 1 }));
  let slices = 0;
  for (; !trie.gcSlice(10, 5, 128).done; slices++);
  assert.ok(slices <= 2 * cuts / POINTS_PER_UNIT / 128, `${slices} slices`);
  for (const text of ["one", "another"]) trie.insert(text, [1], null, [1], 1);
  trie.gcByWeightVersion(10);
  for (const text of ["one", "another"]) assert.equal(trie.findContinuation(text).reason, "evicted");
});

Deno.test("gcByWeightVersion() is done at once, gcSlice() makes a large table of evicted texts in a slice of its own", () => {
  const [whole, sliced] = [1, 2].map(() => {
    const trie = new WasmTrie(module, { maxCacheSize: 1_000_000 });
    trie.insert("text", [1, 2], null, [1, 1], 1);
    return trie;
  });
  assert.deepEqual(whole!.gcByWeightVersion(10), { removedEntries: 1, removedTokens: 2, done: true });
  assert.deepEqual(sliced!.gcSlice(10, 5, 100), { removedEntries: 0, removedTokens: 0, done: false });
  assert.deepEqual(sliced!.gcSlice(10, 5, 100), { removedEntries: 1, removedTokens: 2, done: true });
  for (const trie of [whole!, sliced!]) assert.equal(trie.findContinuation("text").reason, "evicted");
});

Deno.test("gcSlice() leaves a segment alone that is used again while it goes, and append() mends it", () => {
  const trie = new WasmTrie(module, { maxCacheSize: 100_000 });
  const text = range(0, 500).map((i) => `cut ${i}|`).join("");
  const splicePoints = [...text.matchAll(/\|/g)].map((match, i) => ({
    byteOffset: match.index + 1,
    tokenIndex: i + 1,
  }));
  const made = [prompt(text, range(0, 500), { splicePoints }), output("reply", [1, 2], { versions: 1 })];
  appended(trie, null, ...made);
  assert.equal(trie.gcSlice(10, 5, 10).done, false);
  const query = text.slice(0, splicePoints[490]!.byteOffset) + "and more";
  assert.equal(trie.findContinuation(query).reason, "evicted");
  const nodes = trie.stats().nodes;
  appended(trie, null, made[0]!, output("reply", [1, 2], { versions: 9 }));
  assert.ok(trie.stats().nodes > nodes);
  assert.equal(trie.findContinuation(query).tokenCount, 491);
  while (!trie.gcSlice(10, 5, 10).done);
  assert.equal(trie.stats().segments, 2);
  trie.checkInvariants();
});

Deno.test("gcSlice() counts the text that it hashes, in one slice not much more than its share", () => {
  const trie = new WasmTrie(module, { maxCacheSize: 1_000_000 });
  const bytes = 40_000;
  for (let i = 0; i < 200; i++) trie.insert(`${i} ${"x".repeat(bytes)}`, [i], null, [1], 1);
  const most = 20;
  for (let done = false; !done;) {
    const report = trie.gcSlice(10, 5, most);
    assert.ok(report.removedTokens <= 1 + most / (1 + Math.floor(bytes / TEXT_BYTES_PER_UNIT)));
    done = report.done;
  }
  assert.equal(trie.stats().tokens, 0);
});

Deno.test("text of more than 1 MiB is not moved when what divides it goes", () => {
  const trie = new WasmTrie(module, { maxCacheSize: 1_000_000 });
  const long = "abcdefgh".repeat(MOVED_BYTES_MAX / 8 + 10);
  trie.insert(long, [1], null, [1], 1);
  trie.insert(long + "else", [3], null, [1], 9);
  while (!trie.gcSlice(10, 5, 4).done);
  assert.deepEqual([trie.stats().entries, trie.stats().nodes], [1, 2]);
  assert.deepEqual([...trie.findLongestPrefix(long + "else!").tokenIds], [3]);
  trie.checkInvariants();
  trie.insert(long, [4]);
  assert.deepEqual([...trie.findLongestPrefix(long).tokenIds], [4]);
  trie.remove("a");
  assert.equal(trie.stats().nodes, 0);
  trie.checkInvariants();
});

Deno.test("insert() into a full cache collects a bounded part at once, and goes on with the next", () => {
  const segments = 10_000;
  const trie = new WasmTrie(module, { maxCacheSize: segments, gcThresholdK: 2 });
  for (let i = 0; i < segments; i++) trie.insert(`text ${i}`, [i], null, [1], 1);
  const collected: number[] = [];
  for (let i = 0; trie.stats().evictedTokens.version < segments; i++) {
    const before = trie.stats().evictedTokens.version;
    trie.insert(`new ${i}`, range(0, 4_500), null, null, 9);
    collected.push(trie.stats().evictedTokens.version - before);
    assert.ok(collected[i]! <= COLLECTED_MAX, `${collected}`);
    assert.ok(i < 10 && trie.stats().tokens <= segments);
    if (trie.stats().evictedTokens.version + trie.stats().evictedTokens.lru >= segments) break;
  }
  assert.ok(collected[0]! > 0 && collected[1]! > 0, `${collected}`);
  trie.checkInvariants();
});

Deno.test("insert() of a little into a full cache collects no more than a slice, and evicts nothing that is not stale", () => {
  const segments = 1_000;
  const trie = new WasmTrie(module, { maxCacheSize: segments, gcThresholdK: 2 });
  for (let i = 0; i < segments; i++) trie.insert(`text ${i}`, [i], null, [1], i % 2 === 0 ? 1 : 9);
  let collected = 0;
  for (let i = 0; i < segments / 2; i++) {
    trie.insert(`new ${i}`, [i], null, [1], 9);
    const { version } = trie.stats().evictedTokens;
    assert.ok(version - collected <= COLLECTED_AT_ONCE, `${version} after ${collected}`);
    collected = version;
  }
  assert.deepEqual([collected, trie.stats().evictedTokens.lru], [segments / 2, 0]);
  assert.equal(trie.stats().tokens, segments);
  trie.checkInvariants();
});
