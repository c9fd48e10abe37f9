/** Where a stored sequence may be cut and continued. */
import assert from "node:assert/strict";
import { appended, idsOf, output, plain, prompt, type RegisterCase } from "./harness.ts";

export function spliceCases(test: RegisterCase): void {
  test("findContinuation() does not lend a prompt's last token to a longer word", (trie) => {
    appended(trie, null, prompt("say json", [1, 2]));
    trie.insert("say json x", [1, 2, 3]);
    const next = trie.findContinuation("say jsonp");
    assert.deepEqual([next.tokenCount, next.matchedUnits, next.handle], [0, 0, null]);
    assert.equal(next.reason, "not at a splice point");
    assert.equal(next.matchedBytes, 8);
    assert.deepEqual([...trie.retrieveFromText("say jsonp").tokenIds], []);
    assert.deepEqual([...trie.findLongestPrefix("say jsonp").tokenIds], [1, 2]);
  });

  test("findContinuation() uses a prompt's end when the query ends there", (trie) => {
    appended(trie, null, prompt("say json", [1, 2]));
    assert.deepEqual(idsOf(trie.findContinuation("say json")), [1, 2]);
    assert.deepEqual([...trie.retrieveFromText("say json").tokenIds], [1, 2]);
  });

  test("findContinuation() cuts a prompt at the right edge of a special token only", (trie) => {
    const text = "<s>HAVIN<|im_end|>";
    const splicePoints = [{ byteOffset: 3, tokenIndex: 1 }, { byteOffset: 18, tokenIndex: 3 }];
    appended(trie, null, prompt(text, [1, 50, 2], { splicePoints }));
    assert.deepEqual(idsOf(trie.findContinuation("<s>HAVING")), [1]);
    assert.deepEqual(idsOf(trie.findContinuation("<s>HAVIN<|im_end|>\nmore")), [1, 50, 2]);
    assert.deepEqual(idsOf(trie.findContinuation("<s>")), [1]);
    assert.deepEqual([...trie.findLongestPrefix("<s>HAVING").tokenIds], []);
    assert.deepEqual([...trie.findLongestPrefix(text + "!").tokenIds], [1, 50, 2]);
    assert.equal(trie.stats().entries, 1);
  });

  test("findContinuation() continues an output at its end", (trie) => {
    appended(trie, null, prompt("Q: ", [1]), output("42", [7, 8]));
    const next = trie.findContinuation("Q: 42 and more");
    assert.deepEqual(idsOf(next), [1, 7, 8]);
    assert.deepEqual([next.matchedUnits, next.spliceBytes, next.reason], [5, 5, "hit"]);
    assert.deepEqual(idsOf(trie.findContinuation("Q: 4")), []);
    assert.deepEqual(idsOf(trie.findContinuation("Q: 43")), []);
  });

  test("retrieveFromText() of exactly a text before a trimmed stop string gives the sample, nothing continues it", (trie) => {
    const keys = [{ text: "HAVING" }, { text: "HAV", retrieveOnly: true }];
    appended(trie, null, prompt("Q: ", [1], {}), { ...output("HAVING", [7, 8]), keys });
    assert.deepEqual([...trie.retrieveFromText("Q: HAV").tokenIds], [1, 7, 8]);
    assert.deepEqual([...trie.findLongestPrefix("Q: HAVOC").tokenIds], [1, 7, 8]);
    assert.deepEqual([...trie.retrieveFromText("Q: HAVOC").tokenIds], []);
    for (const query of ["Q: HAV", "Q: HAVOC"]) {
      assert.deepEqual(idsOf(trie.findContinuation(query)), [], query);
    }
    assert.deepEqual(idsOf(trie.findContinuation("Q: HAVING!")), [1, 7, 8]);
  });

  test("retrieveFromText() gives a trailing stop token that the exact text leaves out", (trie) => {
    const keys = [{ text: "yes<|im_end|>" }, { text: "yes", tokens: 1 }];
    const end = appended(trie, null, prompt("Q", [1]), output("", [5, 2], { keys }));
    assert.deepEqual(plain(trie.retrieveFromText("Qyes")), {
      matched: "Qyes",
      remaining: "",
      ids: [1, 5, 2],
      logprobs: [0, -5 / 8, -2 / 8],
      mask: [0, 1, 1],
      versions: [-1, -1, -1],
    });
    assert.deepEqual(trie.retrieveFromText("Qyes").handle, end);
    assert.deepEqual([...trie.retrieveFromText("Qyes sir").tokenIds], [1, 5]);
    assert.deepEqual([...trie.retrieveFromText("Qyes<|im_end|>").tokenIds], [1, 5, 2]);
    assert.deepEqual(idsOf(trie.findContinuation("Qyes")), [1, 5]);
    assert.deepEqual(idsOf(trie.findContinuation("Qyes<|im_end|>\n")), [1, 5, 2]);
    assert.deepEqual([...trie.findLongestPrefix("Qyes!").tokenIds], [1, 5, 2]);
  });

  test("append() continues a trimmed output after the tokens that its text stands for", (trie) => {
    const keys = [{ text: "yes<e>" }, { text: "yes", tokens: 1 }];
    appended(trie, null, prompt("Q", [1]), output("", [5, 2], { keys }));
    const { handle } = trie.findContinuation("Qyes");
    const end = appended(trie, handle, prompt("<user>", [9]));
    assert.deepEqual([...trie.read(end)!.tokenIds], [1, 5, 9]);
    assert.deepEqual(idsOf(trie.findContinuation("Qyes<user>")), [1, 5, 9]);
  });

  test("append() finds a segment under each of its keys", (trie) => {
    const keys = [{ text: "<think>x</think>y" }, { text: "y" }, { text: "" }, { text: "y" }];
    appended(trie, null, prompt("Q", [1]), output("", [4, 5, 6], { keys }));
    assert.deepEqual(idsOf(trie.findContinuation("Qy")), [1, 4, 5, 6]);
    assert.deepEqual(idsOf(trie.findContinuation("Q<think>x</think>y and")), [1, 4, 5, 6]);
    assert.deepEqual(idsOf(trie.findContinuation("Q")), [1]);
    assert.equal(trie.findContinuation("Qy").candidates, 1);
  });

  test("findContinuation() takes samples of the scope only", (trie) => {
    const q = appended(trie, null, prompt("Q", [1]));
    appended(trie, q, output("A", [10], { scope: "one" }));
    appended(trie, q, output("A", [20], { scope: "two" }));
    const mixed = appended(trie, q, output("A", [30]));
    appended(trie, mixed, output("B", [31], { scope: "one" }));
    assert.deepEqual(idsOf(trie.findContinuation("QA", { scope: "one" })), [1, 10]);
    assert.deepEqual(idsOf(trie.findContinuation("QA", { scope: "two" })), [1, 20]);
    assert.deepEqual(idsOf(trie.findContinuation("QA")), [1, 30]);
    assert.equal(trie.findContinuation("QA").candidates, 3);
    assert.equal(trie.findContinuation("QA", { scope: "one" }).candidates, 1);
    assert.deepEqual(idsOf(trie.findContinuation("QA", { scope: "three" })), []);
    assert.deepEqual(idsOf(trie.findContinuation("QAB", { scope: "one" })), [1, 10]);
    assert.deepEqual(idsOf(trie.findContinuation("QAB")), [1, 30, 31]);
    assert.deepEqual(idsOf(trie.findContinuation("Q", { scope: "three" })), [1]);
  });

  test("append() keeps the texts of all keys and segments apart, short and long", (trie) => {
    const lengths = [1, 20_000, 30_000, 3, 100];
    const texts = lengths.map((length, i) => `${i}é`.repeat(length));
    const segments = texts.map((text, i) => ({
      ...output(text, [i, i]),
      keys: [{ text }, { text: `${text}<end>`, tokens: 1 }],
    }));
    appended(trie, null, ...segments);
    const path = texts.join("");
    assert.deepEqual(idsOf(trie.findContinuation(path)), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    assert.equal(trie.findContinuation(`${path}!`).matchedUnits, path.length);
    for (let i = 0; i < texts.length; i++) {
      const other = `${texts.slice(0, i + 1).join("")}<end>`;
      assert.equal(trie.findContinuation(`${other}!`).matchedUnits, other.length);
    }
    trie.checkInvariants();
  });

  test("append() reuses identical segments and keeps different ones apart", (trie) => {
    const reply = output("A", [10], { versions: 3, scope: "s" });
    const first = appended(trie, null, prompt("Q", [1]), reply);
    const before = trie.stats();
    assert.deepEqual(appended(trie, null, prompt("Q", [1]), reply), first);
    assert.deepEqual(trie.stats(), before);
    const others = [
      output("A", [11], { versions: 3, scope: "s" }),
      output("A", [10], { versions: 4, scope: "s" }),
      output("A", [10], { versions: 3, scope: "t" }),
      output("A", [10], { versions: 3, scope: "s", logprobs: [-9] }),
      output("A", [10], { versions: 3 }),
    ];
    for (const other of others) appended(trie, null, prompt("Q", [1]), other);
    assert.equal(trie.stats().segments, 2 + others.length);
    assert.equal(trie.findContinuation("QA").candidates, 1 + others.length);
  });

  test("append() adds the splice points of a prompt that is already stored", (trie) => {
    trie.insert("<s>x", [1, 2]);
    assert.deepEqual(idsOf(trie.findContinuation("<s>y")), []);
    appended(trie, null, prompt("<s>x", [1, 2], { splicePoints: [{ byteOffset: 3, tokenIndex: 1 }] }));
    assert.deepEqual(idsOf(trie.findContinuation("<s>y")), [1]);
    assert.equal(trie.stats().tokens, 2);
  });

  test("append() keeps version runs", (trie) => {
    const versions = [{ tokens: 2, version: 5 }, { tokens: 1, version: "rc" }, { tokens: 1, version: null }];
    const end = appended(trie, null, prompt("Q", [1]), output("abcd", [2, 3, 4, 5], { versions }));
    const codes = [...trie.read(end)!.generationVersions];
    assert.deepEqual(codes.slice(0, 3), [-1, 5, 5]);
    assert.equal(trie.versionLabel(codes[3]!), "rc");
    assert.equal(codes[4], -1);
  });

  const badSegments: [string, Parameters<typeof output>[2] & object][] = [
    ["no keys", { keys: [] }],
    ["five keys", { keys: ["a", "b", "c", "d", "e"].map((text) => ({ text })) }],
    ["an empty first key", { keys: [{ text: "" }] }],
    ["a key of no tokens", { keys: [{ text: "a", tokens: 0 }] }],
    ["a key of too many tokens", { keys: [{ text: "a", tokens: 3 }] }],
    ["no ids", { tokenIds: [] }],
    ["logprobs of another length", { logprobs: [-1] }],
    ["version runs that fall short", { versions: [{ tokens: 1, version: 1 }] }],
    ["version runs that go beyond", { versions: [{ tokens: 3, version: 1 }] }],
    ["splice points in an output", { splicePoints: [{ byteOffset: 1, tokenIndex: 1 }] }],
    ["a version of a prompt", { sampled: false, versions: 1 }],
    ["a splice point at 0", { sampled: false, splicePoints: [{ byteOffset: 0, tokenIndex: 0 }] }],
    ["a splice point beyond the text", { sampled: false, splicePoints: [{ byteOffset: 9, tokenIndex: 1 }] }],
    ["a splice point at the end of the text only", {
      sampled: false,
      splicePoints: [{ byteOffset: 2, tokenIndex: 1 }],
    }],
  ];
  for (const [what, more] of badSegments) {
    test(`append() refuses ${what}, and with it all segments`, (trie) => {
      trie.insert("kept", [1]);
      const before = trie.stats();
      const result = trie.append(null, [prompt("Q", [1]), output("ab", [1, 2], more)]);
      assert.match(result.ok ? "" : result.reason, /^Cannot append: segment 1: .+/);
      assert.deepEqual(trie.stats(), before);
    });
  }

  test("append() refuses no segments", (trie) => {
    assert.equal(trie.append(null, []).ok, false);
  });

  test("findContinuationOfIds() lets the ids decide", (trie) => {
    const utf8 = (text: string) => new TextEncoder().encode(text);
    const q = appended(trie, null, prompt("Q", [1]));
    appended(trie, q, output("HAVING", [10, 11]));
    appended(trie, q, output("HAVING", [20, 21]));
    const find = (text: string, ids: number[]) =>
      trie.findContinuationOfIds(utf8(text), Uint32Array.from(ids));
    assert.deepEqual(idsOf(find("QHAVING fun", [1, 10, 11, 12])), [1, 10, 11]);
    assert.deepEqual(idsOf(find("QHAVING fun", [1, 20, 21, 12])), [1, 20, 21]);
    assert.deepEqual(idsOf(find("QHAVING fun", [1, 20, 99, 12])), [1]);
    assert.deepEqual(idsOf(find("QHAVING", [9])), []);
    assert.equal(find("", []).reason, "empty");
    assert.equal(find("QHAVING", [1, 10, 11]).spliceBytes, 7);
  });
}
