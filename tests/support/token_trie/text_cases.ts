/** Text as it comes: multibyte, cut, long, deep. */
import assert from "node:assert/strict";
import { appended, idsOf, output, prompt, range, type RegisterCase } from "./harness.ts";

export function textCases(test: RegisterCase): void {
  const texts = [
    "😀😃",
    "世界",
    "e\u0301",
    "a\0b",
    "\0",
    "\u{10ffff}",
    "\ufeffbom",
    "\r\n",
    "🏳️‍🌈 flag",
    "\ud800 lone",
  ];
  for (const text of texts) {
    test(`findLongestPrefix() finds ${JSON.stringify(text)}`, (trie) => {
      trie.insert(text, [1, 2]);
      const match = trie.findLongestPrefix(text + "tail");
      assert.deepEqual([match.matchedPrefix, match.remaining], [text, "tail"]);
      assert.equal(match.spliceBytes, new TextEncoder().encode(text).length);
    });
  }

  for (const wrong of [undefined, null, 5, { text: "a" }] as never[]) {
    test(`insert(), remove() and look-ups name what is no text: ${JSON.stringify(wrong)}`, (trie) => {
      const error = {
        name: "TypeError",
        message: `Cannot read text: it must be a string, received ${String(wrong)}`,
      };
      for (const method of ["findLongestPrefix", "retrieveFromText", "findContinuation", "remove"] as const) {
        assert.throws(() => trie[method](wrong), error);
      }
      assert.throws(() => trie.insert(wrong, [1]), error);
    });
  }

  for (const wrong of [undefined, null, 5, "12"] as never[]) {
    test(`insert() names what is no array of token ids: ${JSON.stringify(wrong)}`, (trie) => {
      const message = /^Cannot read token ids: they must be an array of numbers, received /;
      assert.throws(() => trie.insert("text", wrong), { name: "TypeError", message });
      assert.equal(trie.stats().entries, 0);
    });
  }

  test("findLongestPrefix() counts a surrogate pair as two units", (trie) => {
    trie.insert("é世😀", [1]);
    const match = trie.findContinuation("é世😀");
    assert.deepEqual([match.matchedUnits, match.spliceBytes], [4, 9]);
  });

  test("findContinuation() never cuts a character of the query", (trie) => {
    const [grin, smile] = ["😀", "😃"].map((text) => new TextEncoder().encode(text));
    const q = appended(trie, null, prompt("Q", [1], { splicePoints: [{ byteOffset: 1, tokenIndex: 1 }] }));
    appended(trie, q, output("", [2, 3], { keys: [{ text: grin!.subarray(0, 3) }] }));
    const next = trie.findContinuation("Q😃");
    assert.deepEqual([idsOf(next), next.matchedUnits], [[1], 1]);
    assert.equal(next.matchedBytes, 4);
    assert.equal(trie.findLongestPrefix("Q😀").matchedPrefix, "Q");
    const ids = Uint32Array.of(1, 2, 3, 4);
    const utf8 = Uint8Array.of(0x51, ...smile!);
    assert.equal(trie.findContinuationOfIds(utf8, ids).tokenCount, 3);
  });

  test("append() goes on inside a character", (trie) => {
    const bytes = new TextEncoder().encode("世");
    const q = appended(trie, null, output("", [1], { keys: [{ text: bytes.subarray(0, 2) }] }));
    appended(trie, q, output("", [2], { keys: [{ text: bytes.subarray(2) }] }));
    assert.deepEqual(idsOf(trie.findContinuation("世界")), [1, 2]);
  });

  test("insert() takes a text of 1 MB", async (_, create) => {
    const trie = await create({ maxCacheSize: 1_000_000 });
    const text = "0123456789abcde😀".repeat(55_000);
    const ids = range(0, 250_000);
    assert.ok(trie.insert(text, ids, ids.map((id) => -id), ids.map(() => 1), 1));
    const match = trie.findLongestPrefix(text + "!");
    assert.equal(match.remaining, "!");
    assert.deepEqual(match.tokenIds, Uint32Array.from(ids));
    assert.equal(match.logprobs[249_999], -249_999);
    const digits = trie.findContinuation(text + "!").idDigits;
    assert.equal(new TextDecoder().decode(digits), ids.join(","));
    trie.checkInvariants();
  });

  test("append() takes 10,000 segments below one another", (trie) => {
    const depth = 10_000;
    const segments = range(0, depth).map((id) => output(String(id % 7), [id]));
    const end = appended(trie, null, ...segments);
    assert.deepEqual([...trie.read(end)!.tokenIds], range(0, depth));
    const text = segments.map((s) => s.keys[0]!.text).join("");
    assert.equal(trie.findContinuation(text + "x").tokenCount, depth);
    trie.checkInvariants();
    assert.equal(trie.remove(text.slice(0, 1)), depth);
    assert.deepEqual([trie.stats().tokens, trie.stats().nodes], [0, 0]);
    trie.checkInvariants();
  });
}
