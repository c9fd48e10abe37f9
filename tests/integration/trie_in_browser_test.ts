import assert from "node:assert/strict";
import { conversations, Words } from "../../examples/trie_in_browser/conversations.js";
import { countNodes, radixTree, tokensBetween } from "../../examples/trie_in_browser/tree.js";
import { createTokenTrie } from "../../src/trie/mod.ts";

const TURNS = 60;

Deno.test("examples/trie_in_browser: the tree that is drawn has the nodes that the trie has", async () => {
  const trie = await createTokenTrie({ maxCacheSize: 100_000 });
  const words = new Words();
  const records: { text: string; tokens: { text: string; sampled: boolean }[] }[] = [];
  const histories = new Map<string, { text: string; ids: number[] }>();
  for (const { session, fresh, ask, reply } of conversations().take(TURNS)) {
    const before = (fresh ? undefined : histories.get(session)) ?? { text: "", ids: [] };
    const ids = [...before.ids, ...words.encode(ask), ...words.encode(reply!)];
    const text = before.text + ask + reply!.replaceAll("|", "");
    assert.equal(trie.insert(text, ids), true, trie.lastRefusal ?? "");
    histories.set(session, { text, ids });
    records.unshift({ text, tokens: ids.map((id) => ({ text: words.text(id) as string, sampled: false })) });
    const tree = radixTree(records);
    assert.equal(countNodes(tree), trie.stats().nodes);
  }
});

Deno.test("examples/trie_in_browser: tokensBetween() cuts a token that lies across a place", () => {
  const record = { tokens: [{ text: "ab", sampled: false }, { text: "cde", sampled: true }] };
  assert.deepEqual(tokensBetween(record, 1, 4), [
    { text: "b", sampled: false, cameIn: true, goesOn: false },
    { text: "cd", sampled: true, cameIn: false, goesOn: true },
  ]);
  assert.deepEqual(tokensBetween(record, 5, 5), []);
});
