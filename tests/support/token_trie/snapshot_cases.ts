/** Snapshots: saved, loaded, refused. */
import assert from "node:assert/strict";
import { SNAPSHOT_FORMAT_VERSION, SnapshotError } from "../../../src/trie/mod.ts";
import type { TokenTrie } from "../../../src/trie/token_trie.ts";
import { appended, output, plain, prompt, range, type RegisterCase } from "./harness.ts";

const QUERIES = ["Hello World", "Hello World, again", "Hell", "x", "turn one<end>", "turn one<end>more", "t"];

function fill(trie: TokenTrie): void {
  trie.insert("Hello World", [1, 2, 3], [-0.5, -0, null], [0, 1, 1], "weights-a");
  trie.insert("Hello World, again", range(1, 6), null, null, null);
  const start = appended(trie, null, prompt("turn ", [7], {}));
  appended(trie, start, output("one<end>", [8, 9], { scope: "s1", versions: 4 }));
  appended(trie, start, output("one<end>", [8, 10], { scope: "s2", versions: "weights-b" }));
}

function answers(trie: TokenTrie) {
  return QUERIES.flatMap((text) =>
    [undefined, "s1", "s2", "s3"].flatMap((scope) => {
      const options = scope === undefined ? {} : { scope };
      const longest = trie.findLongestPrefix(text, options);
      const retrieved = trie.retrieveFromText(text, options);
      const { handle: _, ...continuation } = trie.findContinuation(text, options);
      return [
        { ...plain(longest), reason: longest.reason, candidates: longest.candidates },
        plain(retrieved),
        continuation,
        [...longest.generationVersions].map((code) => trie.versionLabel(code)),
      ];
    })
  );
}

function sizes(trie: TokenTrie) {
  const { entries, segments, tokens, nodes, hits, misses, evictedTokens, newestVersion } = trie.stats();
  return { entries, segments, tokens, nodes, hits, misses, evictedTokens, newestVersion };
}

/** Which of the texts are stored. */
function stored(trie: TokenTrie, texts: readonly string[]): string[] {
  return texts.filter((text) => trie.findLongestPrefix(text).matchedPrefix === text);
}

export function snapshotCases(test: RegisterCase): void {
  test(
    "load() gives the same answers, sizes and counters as the trie that was saved",
    async (trie, create) => {
      fill(trie);
      const other = await create();
      other.insert("forgotten", [1], null, null, null);
      other.load(trie.save());
      other.checkInvariants();
      assert.deepEqual(sizes(other), sizes(trie));
      assert.deepEqual(answers(other), answers(trie));
    },
  );

  test("load() keeps the order of eviction", async (_trie, create) => {
    const texts = ["a", "b", "c", "d", "e", "f"];
    const first = await create({ maxCacheSize: 6 });
    for (const [i, text] of texts.entries()) first.insert(text, [i]);
    for (const text of ["c", "a", "f", "b", "e", "d"]) first.findLongestPrefix(text);
    const bytes = first.save();
    for (const left of [5, 4, 3, 2, 1]) {
      const smaller = await create({ maxCacheSize: left });
      smaller.load(bytes);
      smaller.checkInvariants();
      assert.deepEqual(stored(smaller, texts), ["c", "a", "f", "b", "e", "d"].slice(-left).sort());
    }
  });

  test("load() collects old versions before it evicts what is recent", async (_trie, create) => {
    const first = await create({ gcThresholdK: 100 });
    first.insert("old", [1], null, [1], 1);
    first.insert("plain", [2]);
    first.insert("new", [3], null, [1], 50);
    first.findLongestPrefix("old");
    const second = await create({ maxCacheSize: 2, gcThresholdK: 5 });
    second.load(first.save());
    assert.equal(second.findLongestPrefix("old").reason, "evicted");
    assert.equal(second.findLongestPrefix("plain").reason, "hit");
    assert.equal(second.stats().evictedTokens.version, 1);
  });

  test("load() makes handles stale and drops pins", async (trie, create) => {
    fill(trie);
    const pinned = trie.findContinuation("turn one<end>", { pin: true });
    const bytes = trie.save();
    trie.load(bytes);
    assert.equal(trie.read(pinned.handle!), null);
    assert.equal(trie.append(pinned.handle!, [prompt("x", [1])]).ok, false);
    assert.equal(trie.stats().pinned, 0);
    trie.release(pinned.handle!);
    trie.checkInvariants();
    const found = trie.findContinuation("turn one<end>");
    assert.equal(trie.read(found.handle!)?.tokenIds.length, 3);
    const small = await create({ maxCacheSize: 1 });
    small.load(bytes);
    small.checkInvariants();
    assert.equal(small.stats().tokens <= 1, true);
  });

  test("load() leaves a trie that takes more and saves again", async (trie, create) => {
    fill(trie);
    const other = await create();
    other.load(trie.save());
    for (const each of [trie, other]) {
      assert.equal(each.insert("Hello World, for ever", range(1, 9), null, null, "weights-c"), true);
      const { handle } = each.findContinuation("turn one<end>", { scope: "s2" });
      appended(each, handle, output("two", [11], { scope: "s3", versions: "weights-c" }));
      each.checkInvariants();
    }
    const third = await create();
    third.load(other.save());
    assert.deepEqual(answers(third), answers(trie));
    assert.deepEqual(answers(other), answers(trie));
  });

  test("load() takes an empty trie", async (trie, create) => {
    fill(trie);
    trie.load((await create()).save());
    trie.checkInvariants();
    assert.equal(trie.stats().segments, 0);
    assert.equal(trie.insert("a", [1]), true);
  });

  test("saveSliced() holds releases back and ends with what save() gives", async (trie, create) => {
    fill(trie);
    const { handle } = trie.findContinuation("turn one<end>", { pin: true });
    const slices = trie.saveSliced();
    let step = slices.next();
    trie.release(handle!);
    while (!step.done) step = slices.next();
    assert.equal(trie.stats().pinned, 0);
    const other = await create();
    other.load(step.value);
    assert.deepEqual(answers(other), answers(trie));
  });

  test("load() refuses damage in any region, cuts and additions, and stays as it was", (trie) => {
    fill(trie);
    const bytes = trie.save();
    const before = answers(trie);
    const tablesAt = bytes.findIndex((_, i) =>
      new TextDecoder().decode(bytes.subarray(i, i + 9)) === '{"tag":""'
    );
    const places = {
      magic: 0,
      format: 8,
      chunkBytes: 12,
      layoutId: 20,
      tablesBytes: 48,
      imageBytes: 56,
      tablesSum: 64,
      chunkSum: 72,
      headSum: 80,
      tables: tablesAt + 3,
      imageStart: tablesAt + 512,
      imageMiddle: Math.floor((tablesAt + bytes.length) / 2),
      imageEnd: bytes.length - 1,
    };
    for (const [region, at] of Object.entries(places)) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0x10;
      assert.throws(() => trie.load(damaged), SnapshotError, region);
    }
    for (const length of [0, 7, 63, 64, 87, tablesAt + 5, bytes.length - 1]) {
      assert.throws(() => trie.load(bytes.slice(0, length)), SnapshotError, `${length} bytes`);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    assert.throws(() => trie.load(longer), /Cannot load snapshot: it has \d+ bytes, its head says \d+/);
    trie.checkInvariants();
    assert.deepEqual(answers(trie), before);
  });

  test("load() refuses another tag than the one it was saved with", (trie) => {
    fill(trie);
    const bytes = trie.save("vocabulary 1");
    trie.load(bytes, "vocabulary 1");
    assert.throws(
      () => trie.load(bytes, "vocabulary 2"),
      /its tag is "vocabulary 1", asked for is "vocabulary 2"/,
    );
    assert.throws(() => trie.load(bytes), /its tag is "vocabulary 1", asked for is ""/);
  });

  test("load() names the format version that it does not read", (trie) => {
    const bytes = trie.save();
    new DataView(bytes.buffer).setUint32(8, SNAPSHOT_FORMAT_VERSION + 1, true);
    assert.throws(() => trie.load(bytes), /format version is 3, this build reads 2/);
  });
}
