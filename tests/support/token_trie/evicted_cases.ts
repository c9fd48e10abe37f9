/** The reason "evicted": a larger cache would have found more. */
import assert from "node:assert/strict";
import type { TokenTrie } from "../../../src/trie/token_trie.ts";
import { appended, output, prompt, range, type RegisterCase } from "./harness.ts";

/** Around the places where fingerprints change their form: grid, blocks, powers of two. */
const LENGTHS = [
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  9,
  15,
  31,
  63,
  64,
  65,
  127,
  128,
  1_023,
  1_024,
  1_025,
  2_100,
  4_096,
  70_000,
];
/** Texts that a small trie remembers. */
const REMEMBERED = 1_024;

/** A text that has no part twice. */
function textOf(bytes: number, seed: string): string {
  let text = "";
  for (let i = 0; text.length < bytes; i++) text += `${seed}${(i * 7_919) % 100_003},`;
  return text.slice(0, bytes);
}

/** Lets everything go but what is stored last. */
function crowdOut(trie: TokenTrie): void {
  assert.ok(trie.insert("\x01", range(0, trie.stats().maxCacheSize)));
}

function reasonsOf(trie: TokenTrie, text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  return [
    trie.findLongestPrefix(text).reason,
    trie.retrieveFromText(text).reason,
    trie.findContinuation(text).reason,
    trie.findContinuationOfIds(bytes, Uint32Array.of(4_000_000)).reason,
  ];
}

export function evictedCases(test: RegisterCase): void {
  test("look-ups of a text that was evicted, and of what begins with it, say so", (trie) => {
    trie.insert("Hello World", [1, 2]);
    assert.deepEqual(reasonsOf(trie, "Hello World, again"), [
      "hit",
      "not at a splice point",
      "not at a splice point",
      "not at a splice point",
    ]);
    crowdOut(trie);
    for (const text of ["Hello World", "Hello World, again"]) {
      assert.deepEqual(reasonsOf(trie, text), new Array(4).fill("evicted"), text);
    }
    for (const text of ["Hello Worl", "Hello World!".slice(1), "hello World"]) {
      assert.deepEqual(reasonsOf(trie, text), new Array(4).fill("no match"), text);
    }
    assert.equal(trie.findContinuation("").reason, "empty");
  });

  test("an evicted text is told from what differs from it in one byte", async (_, create) => {
    for (const bytes of LENGTHS) {
      const trie = await create({ maxCacheSize: 8 });
      const text = textOf(bytes, "a");
      trie.insert(text, [1]);
      crowdOut(trie);
      assert.equal(trie.findContinuation(text).reason, "evicted", `${bytes} bytes`);
      assert.equal(
        trie.findContinuation(text + textOf(9_000, "b")).reason,
        "evicted",
        `${bytes} bytes and more`,
      );
      for (const at of [0, bytes >> 1, bytes - 9, bytes - 1]) {
        if (at < 0) continue;
        const other = text.slice(0, at) + "~" + text.slice(at + 1) + "and more";
        assert.equal(trie.findContinuation(other).reason, "no match", `${bytes} bytes, another at ${at}`);
      }
      assert.equal(trie.findContinuation(text.slice(0, -1)).reason, bytes === 1 ? "empty" : "no match");
    }
  });

  test("collected texts are evicted, removed and cleared ones are not", (trie) => {
    for (const text of ["one", "two"]) trie.insert(text, [1], [-1], [1], 1);
    trie.gcSlice(10, 5, 1);
    assert.equal(trie.findContinuation("one").reason, "evicted");
    trie.gcByWeightVersion(10);
    assert.equal(trie.findContinuation("two").reason, "evicted");
    trie.insert("three", [1]);
    trie.remove("three");
    assert.equal(trie.findContinuation("three").reason, "no match");
    assert.equal(trie.findContinuation("one").reason, "evicted");
    trie.clear();
    assert.equal(trie.findContinuation("one").reason, "no match");
  });

  test("a text that is stored again is no longer evicted", (trie) => {
    trie.insert("say json", [1]);
    crowdOut(trie);
    assert.equal(trie.findContinuation("say jsonp").reason, "evicted");
    trie.insert("say json", [1]);
    assert.equal(trie.findContinuation("say jsonp").reason, "not at a splice point");
  });

  test("a shorter match beside an evicted text is a hit, and counted by its reason", async (_, create) => {
    const trie = await create({ maxCacheSize: 12 });
    const system = prompt("system<|end|>", [1, 2], { splicePoints: [{ byteOffset: 13, tokenIndex: 2 }] });
    const end = appended(trie, null, system);
    appended(trie, end, prompt("user", [3]), output("reply", [4, 5]));
    appended(trie, end, prompt("other", range(10, 10)));
    const match = trie.retrieveFromText("system<|end|>userreply and on");
    assert.deepEqual([match.matchedPrefix, match.reason], ["system<|end|>", "evicted"]);
    assert.equal(trie.retrieveFromText("system<|end|>user").reason, "evicted");
    assert.equal(trie.retrieveFromText("system<|end|>use").reason, "hit");
    assert.equal(trie.retrieveFromText("userreply").reason, "no match");
    const { hits, misses_by_reason, hits_by_reason } = trie.stats();
    assert.equal(hits, 3);
    assert.equal(misses_by_reason.evicted, 0);
    assert.deepEqual(hits_by_reason, { "hit": 1, "evicted": 2, "not at a splice point": 0 });
  });

  test(
    "every turn of an evicted conversation is remembered, and every rollout of a prompt",
    async (_, create) => {
      const trie = await create({ maxCacheSize: 400 });
      const turns = range(0, 40).map((i) => textOf(1 + (i * 271) % 900, `turn ${i} `));
      appended(trie, null, ...turns.map((text, i) => output(text, [i])));
      const shared = textOf(3_000, "prompt");
      const end = appended(trie, null, prompt(shared, [1, 2, 3]));
      const rollouts = range(0, 50).map((i) => `rollout ${i}.`);
      for (const [i, text] of rollouts.entries()) appended(trie, end, output(text, [i]));
      crowdOut(trie);
      let conversation = "";
      for (const text of turns) {
        assert.notEqual(trie.findContinuation(conversation + text.slice(0, -1)).reason, "hit");
        conversation += text;
        assert.equal(trie.findContinuation(conversation).reason, "evicted");
      }
      for (const text of rollouts) {
        assert.equal(trie.findContinuation(shared + text).reason, "evicted");
      }
      assert.equal(trie.findContinuation(shared.slice(0, -1)).reason, "no match");
      trie.checkInvariants();
    },
  );

  test("a text that ends inside a character is none for a query that goes on with it", (trie) => {
    const [first, ...rest] = new TextEncoder().encode("é");
    appended(trie, null, output("", [1], { keys: [{ text: Uint8Array.of(first!) }] }));
    crowdOut(trie);
    assert.equal(
      trie.findContinuationOfIds(Uint8Array.of(first!, ...rest), Uint32Array.of(9)).reason,
      "no match",
    );
    assert.equal(trie.findContinuationOfIds(Uint8Array.of(first!), Uint32Array.of(9)).reason, "evicted");
  });

  test(`the last ${REMEMBERED} evicted texts are remembered`, async (_, create) => {
    const trie = await create({ maxCacheSize: 10 });
    const texts = range(0, REMEMBERED + 50).map((i) => textOf(20 + i % 200, `text ${i} `));
    for (const text of texts) trie.insert(text, range(0, 10));
    crowdOut(trie);
    const evicted = texts.map((text) => trie.findContinuation(text).reason === "evicted");
    assert.deepEqual(evicted, texts.map((_, i) => i >= 50));
  });

  test("load() remembers what the saved trie did", async (trie, create) => {
    const long = textOf(5_000, "long");
    trie.insert(long, [1]);
    trie.insert("short", [2]);
    crowdOut(trie);
    const loaded = await create();
    loaded.load(trie.save());
    for (const text of [long, "short"]) assert.equal(loaded.findContinuation(text).reason, "evicted");
    loaded.insert("short", [2]);
    assert.equal(loaded.findContinuation("short").reason, "hit");
    crowdOut(loaded);
    assert.equal(loaded.findContinuation("short!").reason, "evicted");
  });
}
