/** Whole texts in, longest inserted prefix out. */
import assert from "node:assert/strict";
import { appended, output, plain, range, type RegisterCase } from "./harness.ts";

export function insertCases(test: RegisterCase): void {
  test("findLongestPrefix() returns what insert() stored", (trie) => {
    const logprobs = [-0.1, -0.2, -0.3, -0.4, -0.5];
    assert.ok(trie.insert("Hello\nWorld", [1, 2, 3, 4, 5], logprobs, [0, 0, 0, 1, 1]));
    const match = trie.findLongestPrefix("Hello\nWorld");
    assert.deepEqual(plain(match), {
      matched: "Hello\nWorld",
      remaining: "",
      ids: [1, 2, 3, 4, 5],
      logprobs,
      mask: [0, 0, 0, 1, 1],
      versions: [-1, -1, -1, -1, -1],
    });
    assert.equal(match.reason, "hit");
  });

  test("insert() keeps the prompt's share when the reply is inserted", (trie) => {
    trie.insert("Hello", [1, 2, 3]);
    trie.insert("Hello World", [1, 2, 3, 4, 5], [0, 0, 0, -0.4, -0.5], [0, 0, 0, 1, 1], 10);
    assert.deepEqual(plain(trie.findLongestPrefix("Hello World")), {
      matched: "Hello World",
      remaining: "",
      ids: [1, 2, 3, 4, 5],
      logprobs: [0, 0, 0, -0.4, -0.5],
      mask: [0, 0, 0, 1, 1],
      versions: [-1, -1, -1, 10, 10],
    });
    assert.equal(trie.stats().tokens, 5);
  });

  const refusals: [string, string, number[], (number | null)[]?, number[]?, (number | string)?][] = [
    ["an empty text", "", [1]],
    ["no ids", "a", []],
    ["fewer logprobs than ids", "a", [1, 2], [-0.5]],
    ["more loss mask values than ids", "a", [1, 2], [0, 0], [0, 0, 1]],
    ["a loss mask that is not 0 or 1", "a", [1, 2], [0, 0], [0, 2]],
    ["a loss mask of NaN", "a", [1, 2], [0, 0], [0, NaN]],
    ["a negative id", "a", [1, -2]],
    ["a fractional id", "a", [1.5]],
    ["an id above 32 bits", "a", [2 ** 32]],
    ["an id of NaN", "a", [NaN]],
    ["a version of NaN", "a", [1], [0], [1], NaN],
    ["more tokens than the bound", "a", range(0, 101)],
  ];
  for (const [what, ...input] of refusals) {
    test(`insert() refuses ${what}, tells why and changes nothing`, async (_, create) => {
      const trie = await create({ maxCacheSize: 100 });
      trie.insert("kept", range(0, 60));
      const before = trie.stats();
      assert.equal(trie.insert(...input), false);
      assert.match(trie.lastRefusal ?? "", /^Cannot insert: .+/);
      assert.deepEqual(trie.stats(), before);
      assert.ok(trie.insert("kept", range(0, 60)));
      assert.equal(trie.lastRefusal, null);
    });
  }

  test("insert() stores the bytes that two texts share once", async (trie, create) => {
    trie.insert("Hello", [1]);
    trie.insert("Help", [2]);
    assert.deepEqual([...trie.findLongestPrefix("Hello").tokenIds], [1]);
    assert.deepEqual([...trie.findLongestPrefix("Help").tokenIds], [2]);
    assert.equal(trie.stats().entries, 2);
    assert.equal(trie.stats().nodes, 3);

    const [one, two] = [await create(), await create()];
    one.insert("x".repeat(10_000) + "a", [1]);
    two.insert("x".repeat(10_000) + "a", [1]);
    two.insert("x".repeat(10_000) + "b", [2]);
    assert.ok(two.stats().usedBytes < one.stats().usedBytes + 1_000);
  });

  test("insert() keeps both of two token sequences for one text, and finds the newer", (trie) => {
    trie.insert("HAVING", [10, 11], [-1, -2], [1, 1], 3);
    trie.insert("HAVING", [20, 21, 22], [-3, -4, -5], [1, 1, 1], 4);
    const match = trie.findLongestPrefix("HAVING");
    assert.deepEqual([...match.tokenIds], [20, 21, 22]);
    assert.deepEqual([...match.logprobs], [-3, -4, -5]);
    assert.deepEqual([...match.generationVersions], [4, 4, 4]);
    assert.equal(match.candidates, 2);
    assert.equal(trie.stats().entries, 2);
    trie.insert("HAVING fun", [10, 11, 12], [-1, -2, -6], [1, 1, 1], 5);
    assert.deepEqual(plain(trie.findLongestPrefix("HAVING fun")), {
      matched: "HAVING fun",
      remaining: "",
      ids: [10, 11, 12],
      logprobs: [-1, -2, -6],
      mask: [1, 1, 1],
      versions: [3, 3, 5],
    });
    assert.equal(trie.stats().tokens, 6);
  });

  test("insert() and append() of what is stored already make it the newest", (trie) => {
    const ids = () => [...trie.findLongestPrefix("HAVING").tokenIds];
    const handles = [[1, 2], [3, 4]].map((ids) => appended(trie, null, output("HAVING", ids)));
    assert.deepEqual(ids(), [3, 4]);
    assert.deepEqual(appended(trie, null, output("HAVING", [1, 2])), handles[0]);
    assert.deepEqual(ids(), [1, 2]);
    trie.insert("HAVING", [5]);
    trie.insert("HAVING", [6]);
    trie.insert("HAVING", [5]);
    assert.deepEqual(ids(), [5]);
    trie.load(trie.save());
    assert.deepEqual(ids(), [5]);
    assert.deepEqual([trie.stats().entries, trie.findLongestPrefix("HAVING").candidates], [4, 4]);
    trie.checkInvariants();
  });

  test("insert() never shares tokens whose logprobs or mask differ", (trie) => {
    trie.insert("ab", [1, 2], [-1, -2], [1, 1], 1);
    trie.insert("abc", [1, 2, 3], [-1, -9, -3], [1, 1, 1], 2);
    trie.insert("abd", [1, 2, 4], [-1, -2, -4], [1, 0, 1], 3);
    assert.deepEqual([...trie.findLongestPrefix("abc").logprobs], [-1, -9, -3]);
    assert.deepEqual([...trie.findLongestPrefix("abc").generationVersions], [2, 2, 2]);
    assert.deepEqual([...trie.findLongestPrefix("abd").generationVersions], [3, -1, 3]);
    assert.deepEqual([...trie.findLongestPrefix("ab").logprobs], [-1, -2]);
  });

  test("insert() of the same entry again adds nothing", (trie) => {
    trie.insert("same", [1, 2], [-1, -2], [1, 1], 1);
    const before = trie.stats();
    trie.insert("same", [1, 2], [-1, -2], [1, 1], 1);
    assert.deepEqual(trie.stats(), before);
  });

  test("insert() stores tokens that add no text", (trie) => {
    trie.insert("text", [1]);
    trie.insert("text", [1, 2]);
    trie.insert("text", [1, 2, 3]);
    assert.deepEqual([...trie.findLongestPrefix("text").tokenIds], [1, 2, 3]);
    assert.equal(trie.stats().tokens, 3);
    trie.checkInvariants();
  });

  test("insert() stores text that adds no token", (trie) => {
    trie.insert("ab", [1]);
    trie.insert("abc", [1]);
    assert.deepEqual([...trie.findLongestPrefix("abc").tokenIds], [1]);
    assert.deepEqual([...trie.findLongestPrefix("abx").tokenIds], [1]);
    assert.equal(trie.findLongestPrefix("abx").matchedPrefix, "ab");
  });

  test("insert() gives back logprobs bit for bit", (trie) => {
    const numbers = [-0.1, Math.fround(-0.1), -1e-300, -Infinity, -0, 0, Number.MIN_VALUE, -123456.789012345];
    numbers.forEach((logprob, i) => trie.insert(`n${i}`, [1, 2], [logprob, -0.5], [1, 1]));
    const found = numbers.map((_, i) => trie.findLongestPrefix(`n${i}`).logprobs[0]!);
    assert.ok(numbers.every((logprob, i) => Object.is(logprob, found[i])), String(found));
  });

  test("insert() gives back logprobs bit for bit, wherever among others one stands that is no f32, or none", (trie) => {
    for (const odd of [-0.1, -1e300, NaN, -0]) {
      for (let count = 1; count <= 9; count++) {
        for (let at = 0; at < count; at++) {
          const text = `${odd} ${count} ${at} ${Object.is(odd, -0)}`;
          const logprobs = Array.from({ length: count }, (_, i) => i === at ? odd : -0.5 * i);
          trie.insert(text, logprobs.map((_, i) => i), logprobs, logprobs.map(() => 1));
          const found = [...trie.findLongestPrefix(text).logprobs];
          assert.ok(logprobs.every((logprob, i) => Object.is(logprob, found[i])), `${text}: ${found}`);
        }
      }
    }
  });

  test("insert() keeps a missing logprob of a sampled token missing", (trie) => {
    trie.insert("ab", [1, 2, 3], [null, null, -1], [0, 1, 1]);
    assert.deepEqual([...trie.findLongestPrefix("ab").logprobs], [0, NaN, -1]);
    trie.insert("c", [1, 2], null, [0, 1]);
    assert.deepEqual([...trie.findLongestPrefix("c").logprobs], [0, NaN]);
  });

  test("insert() accepts every kind of array", (trie) => {
    trie.insert("a", Uint32Array.of(1, 0xffff_ffff), Float64Array.of(0, -1), Uint8Array.of(0, 1), "7");
    trie.insert("b", Int32Array.of(1, 2), Float32Array.of(0, -0.5), [0, 1], 7);
    assert.deepEqual([...trie.findLongestPrefix("a").tokenIds], [1, 0xffff_ffff]);
    assert.deepEqual([...trie.findLongestPrefix("a").generationVersions], [-1, 7]);
    assert.deepEqual([...trie.findLongestPrefix("b").logprobs], [0, -0.5]);
  });

  test("insert() keeps labels apart from integer versions", (trie) => {
    const versions = ["default", 3, "3", "step-7", 2 ** 40, "007", null];
    versions.forEach((version, i) => trie.insert(`v${i}`, [1], [-1], [1], version));
    const codes = versions.map((_, i) => trie.findLongestPrefix(`v${i}`).generationVersions[0]!);
    assert.deepEqual(codes.map((code) => trie.versionLabel(code) ?? code), [
      "default",
      3,
      3,
      "step-7",
      String(2 ** 40),
      "007",
      -1,
    ]);
    assert.equal(trie.stats().newestVersion, 3);
  });

  test("findLongestPrefix() finds the longest inserted text that the query starts with", (trie) => {
    for (const [text, id] of [["a", 1], ["abc", 3], ["abcdef", 6], ["b", 9]] as const) {
      trie.insert(text, [id]);
    }
    for (const [query, id] of [["a", 1], ["ab", 1], ["abcd", 3], ["abcdefg", 6], ["bx", 9]] as const) {
      assert.deepEqual([...trie.findLongestPrefix(query).tokenIds], [id], query);
    }
    const none = trie.findLongestPrefix("zzz");
    assert.deepEqual([none.reason, none.handle, none.remaining, none.candidates], [
      "no match",
      null,
      "zzz",
      0,
    ]);
    assert.equal(trie.findLongestPrefix("").reason, "empty");
  });

  test("findLongestPrefix() answers the same for any order of inserts", async (_, create) => {
    const texts = ["", "s", "say", "say json", "say jsonp", "say xml", "stop", "世界", "世"].filter((t) =>
      t !== ""
    );
    const answers = new Set<string>();
    for (let turn = 0; turn < texts.length; turn++) {
      const trie = await create();
      const order = [...texts.slice(turn), ...texts.slice(0, turn)];
      if (turn % 2 === 1) order.reverse();
      for (const text of order) trie.insert(text, [...new TextEncoder().encode(text)]);
      const found = [...texts, "say j", "say x", "世界!"].map((text) => plain(trie.findLongestPrefix(text)));
      answers.add(JSON.stringify(found));
    }
    assert.equal(answers.size, 1);
  });
}
