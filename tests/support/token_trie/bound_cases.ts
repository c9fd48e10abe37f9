/** What keeps a trie small: eviction, garbage collection, removal; and what keeps things from it: pins. */
import assert from "node:assert/strict";
import type { TokenTrie } from "../../../src/trie/token_trie.ts";
import { appended, idsOf, output, prompt, range, type RegisterCase } from "./harness.ts";

function has(trie: TokenTrie, text: string): boolean {
  return trie.findLongestPrefix(text).matchedPrefix === text;
}

export function boundCases(test: RegisterCase): void {
  test("insert() evicts the least recently used of entries without a version", async (_, create) => {
    const trie = await create({ maxCacheSize: 10 });
    for (let i = 0; i < 5; i++) trie.insert(`t${i}`, [i, i]);
    assert.ok(has(trie, "t0"));
    trie.insert("t5", [5, 5]);
    assert.deepEqual(range(0, 6).map((i) => has(trie, `t${i}`)), [true, false, true, true, true, true]);
    assert.equal(trie.stats().tokens, 10);
    assert.deepEqual(trie.stats().evictedTokens, { lru: 2, version: 0, removed: 0 });
  });

  test("insert() never exceeds the bound, with or without versions", async (_, create) => {
    const trie = await create({ maxCacheSize: 50 });
    for (let i = 0; i < 500; i++) {
      const version = i % 3 === 0 ? null : i % 3 === 1 ? "label" : i;
      assert.ok(trie.insert(`text ${i % 90}`, range(i, 1 + i % 9), null, null, version));
      assert.ok(trie.stats().tokens <= 50);
    }
    trie.checkInvariants();
  });

  test("insert() evicts a path as recently used as its newest descendant", async (_, create) => {
    const trie = await create({ maxCacheSize: 4 });
    trie.insert("a", [1]);
    trie.insert("b", [2]);
    trie.insert("ab", [1, 3]);
    trie.insert("c", [4]);
    trie.insert("d", [5]);
    assert.deepEqual(["a", "b", "ab", "c", "d"].map((t) => has(trie, t)), [true, false, true, true, true]);
    trie.remove("ab");
    trie.insert("e", [6]);
    assert.ok(has(trie, "a"));
    trie.insert("f", [7]);
    assert.deepEqual(["a", "c", "d", "e", "f"].map((t) => has(trie, t)), [true, false, true, true, true]);
  });

  test("insert() collects stale versions before it evicts", async (_, create) => {
    const trie = await create({ maxCacheSize: 6, gcThresholdK: 2 });
    trie.insert("old", [1], [-1], [1], 1);
    trie.insert("prompt", [2]);
    trie.insert("new", [3], [-1], [1], 9);
    assert.ok(has(trie, "old"));
    trie.insert("more", [4, 5, 6, 7]);
    assert.deepEqual(["old", "prompt", "new", "more"].map((t) => has(trie, t)), [false, true, true, true]);
    assert.deepEqual(trie.stats().evictedTokens, { lru: 0, version: 1, removed: 0 });
  });

  test("gcByWeightVersion() removes versions up to current - k", (trie) => {
    for (let v = 1; v <= 10; v++) trie.insert(`entry ${v}`, [v, v], [-1, -1], [1, 1], v);
    assert.deepEqual(trie.gcByWeightVersion(10), { removedEntries: 5, removedTokens: 10, done: true });
    assert.deepEqual(range(1, 10).map((v) => has(trie, `entry ${v}`)), [
      ...new Array(5).fill(false),
      ...new Array(5).fill(true),
    ]);
    assert.equal(trie.gcByWeightVersion(10, 3).removedEntries, 2);
  });

  test("gcByWeightVersion() keeps a path that a newer version passed through", (trie) => {
    trie.insert("Hello", [1], [-1], [1], 1);
    trie.insert("Hello World", [1, 2], [-1, -2], [1, 1], 10);
    trie.insert("Hello", [1], [-1], [1], 2);
    assert.equal(trie.gcByWeightVersion(10).removedEntries, 0);
    assert.deepEqual([...trie.findLongestPrefix("Hello World").generationVersions], [1, 10]);
    assert.equal(trie.gcByWeightVersion(15).removedEntries, 2);
    trie.checkInvariants();
  });

  test("gcByWeightVersion() raises a path when the same entry comes again", (trie) => {
    trie.insert("x", [1], [-1], [1], 1);
    trie.insert("x", [1], [-1], [1], 8);
    assert.equal(trie.gcByWeightVersion(10).removedEntries, 0);
    assert.deepEqual([...trie.findLongestPrefix("x").generationVersions], [1]);
  });

  test("gcByWeightVersion() leaves entries without version and labels alone", (trie) => {
    trie.insert("none", [1]);
    trie.insert("label", [2], [-1], [1], "default");
    trie.insert("5", [3], [-1], [1], 5);
    trie.insert("5 none", [3, 4], [-1, 0], [1, 0]);
    assert.equal(trie.gcByWeightVersion(1000).removedEntries, 0);
    trie.remove("5 none");
    assert.equal(trie.gcByWeightVersion(1000).removedEntries, 1);
    assert.deepEqual(["none", "label", "5"].map((t) => has(trie, t)), [true, true, false]);
  });

  test("gcSlice() does the work of gcByWeightVersion() bit by bit", (trie) => {
    for (let v = 1; v <= 10; v++) {
      appended(trie, null, prompt(`p${v}`, [v]), output("out", [100 + v], { versions: v }));
    }
    let removed = 0;
    let calls = 0;
    for (let done = false; !done; calls++) {
      const report = trie.gcSlice(10, 5, 4);
      removed += report.removedEntries;
      assert.ok(report.removedEntries <= 4);
      done = report.done;
    }
    assert.deepEqual([removed, calls, trie.stats().segments], [10, 4, 10]);
    trie.checkInvariants();
  });

  test("remove() removes the text and everything that extends it", (trie) => {
    for (const text of ["Hel", "Hello", "Hello World", "Help"]) {
      trie.insert(text, [...new TextEncoder().encode(text)]);
    }
    assert.equal(trie.remove("Hell"), 2);
    assert.equal(trie.remove("Hell"), 0);
    assert.equal(trie.remove(""), 0);
    assert.deepEqual(["Hel", "Help"].map((t) => has(trie, t)), [true, true]);
    assert.equal(trie.findLongestPrefix("Hello World").matchedPrefix, "Hel");
    assert.deepEqual([trie.stats().entries, trie.stats().nodes], [2, 2]);
    trie.checkInvariants();
  });

  test("remove() takes a segment whole when one of its keys goes", (trie) => {
    const keys = [{ text: "long way" }, { text: "short" }];
    const end = appended(trie, null, prompt("Q", [1]), output("", [5], { keys }), prompt("then", [6]));
    assert.equal(trie.remove("Qshort"), 2);
    assert.deepEqual(idsOf(trie.findContinuation("Qlong way")), []);
    assert.equal(trie.read(end), null);
    assert.equal(trie.stats().segments, 1);
    trie.checkInvariants();
  });

  test("release() ends what pin keeps from eviction and collection", async (_, create) => {
    const trie = await create({ maxCacheSize: 4 });
    appended(trie, null, prompt("p", [1]), output("o", [2], { versions: 1 }));
    const { handle } = trie.findContinuation("po", { pin: true });
    assert.equal(trie.stats().pinned, 1);
    assert.equal(trie.gcByWeightVersion(100).removedEntries, 0);
    for (const text of ["a", "b", "c", "d"]) trie.insert(text, [3, 4]);
    assert.deepEqual([...trie.read(handle!)!.tokenIds], [1, 2]);
    assert.equal(trie.insert("too much", [1, 2, 3]), false);
    assert.match(trie.lastRefusal!, /3 new tokens do not fit beside 2/);
    assert.ok(has(trie, "d"));
    trie.release(handle!);
    trie.release(handle!);
    assert.equal(trie.stats().pinned, 0);
    assert.ok(trie.insert("fits now", [1, 2, 3]));
    assert.equal(trie.read(handle!), null);
    trie.checkInvariants();
  });

  test("release() counts as a use", async (_, create) => {
    const trie = await create({ maxCacheSize: 4 });
    trie.insert("pinned", [1, 2]);
    const { handle } = trie.findContinuation("pinned", { pin: true });
    trie.insert("later", [3, 4]);
    trie.release(handle!);
    trie.insert("new", [5, 6]);
    assert.deepEqual(["pinned", "later", "new"].map((t) => has(trie, t)), [true, false, true]);
    trie.checkInvariants();
  });

  test("gcSlice() begins with what was used longest ago, and takes what it continued", (trie) => {
    const ends = ["a", "b", "c"].map((name) =>
      appended(trie, null, prompt(name, [1]), output("out", [2], { versions: 1 }))
    );
    trie.findContinuation("aout");
    const here = () => ends.map((end) => trie.read(end) !== null);
    trie.gcSlice(10, 5, 2);
    assert.deepEqual([trie.stats().segments, here()], [4, [true, false, true]]);
    trie.gcSlice(10, 5, 1);
    assert.deepEqual([trie.stats().segments, here()], [3, [true, false, false]]);
    assert.ok(trie.gcSlice(10, 5, 3).done);
    assert.equal(trie.stats().segments, 0);
  });

  test("append() refuses what does not fit beside the path it continues", async (_, create) => {
    const trie = await create({ maxCacheSize: 5 });
    const end = appended(trie, null, prompt("p", [1, 2, 3]));
    trie.insert("x", [9, 9]);
    const result = trie.append(end, [prompt("q", [4, 5]), output("r", [6])]);
    assert.equal(result.ok, false);
    assert.equal(trie.stats().tokens, 5);
    assert.ok(has(trie, "x"));
    appended(trie, end, output("r", [4, 5]));
    assert.deepEqual([has(trie, "pr"), has(trie, "x")], [true, false]);
  });

  test("handles of what was removed or cleared are stale", (trie) => {
    const end = appended(trie, null, prompt("p", [1]));
    const { handle } = trie.findContinuation("p", { pin: true });
    trie.remove("p");
    assert.equal(trie.stats().pinned, 0);
    for (let i = 0; i < 20; i++) trie.insert(`other ${i}`, [i]);
    assert.match(JSON.stringify(trie.append(end, [prompt("q", [2])])), /Cannot append: the handle is stale/);
    assert.equal(trie.read(end), null);
    trie.release(handle!);
    const again = appended(trie, null, prompt("p", [1]));
    trie.clear();
    appended(trie, null, prompt("p", [1]));
    assert.equal(trie.read(again), null);
    trie.checkInvariants();
  });

  test("clear() forgets everything and keeps counting", (trie) => {
    for (let i = 0; i < 100; i++) trie.insert(`text ${i}`, [i]);
    trie.findLongestPrefix("text 1");
    trie.clear();
    const { entries, segments, nodes, tokens, hits, evictedTokens } = trie.stats();
    assert.deepEqual([entries, segments, nodes, tokens, hits], [0, 0, 0, 0, 1]);
    assert.equal(evictedTokens.removed, 100);
    assert.ok(trie.insert("again", [1]));
    assert.ok(has(trie, "again"));
    trie.checkInvariants();
  });

  test("stats() counts hits and misses by reason, once a query", (trie) => {
    trie.insert("say json", [1]);
    trie.findContinuation("say json");
    trie.findContinuation("say jsonp");
    trie.findContinuation("other");
    trie.findContinuation("");
    trie.append(null, [prompt("say xml", [1, 2], { splicePoints: [{ byteOffset: 4, tokenIndex: 1 }] })]);
    trie.findContinuation("say yaml");
    trie.findContinuation("say x");
    const { hits, misses, misses_by_reason, hits_by_reason } = trie.stats();
    assert.deepEqual([hits, misses], [3, 3]);
    assert.deepEqual(misses_by_reason, {
      "evicted": 0,
      "no match": 1,
      "not at a splice point": 1,
      "empty": 1,
    });
    assert.deepEqual(hits_by_reason, { "hit": 2, "evicted": 0, "not at a splice point": 1 });
  });

  test("a trie refuses limits that are none", async (_, create) => {
    for (const maxCacheSize of [0, -1, 1.5, NaN, Infinity]) {
      await assert.rejects(async () => await create({ maxCacheSize }), RangeError);
    }
  });
}
