import assert from "node:assert/strict";
import { conversations, Words } from "../../examples/trie_in_browser/conversations.js";
import { serveExample } from "../../examples/trie_in_browser/serve.ts";
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

Deno.test("examples/trie_in_browser: the page is served with the steps that it was asked for, and nothing else is", async () => {
  const ask = (path: string) => serveExample(new Request(`http://127.0.0.1:8000${path}`));
  const { status, headers } = await ask("/?steps=20");
  const location = "http://127.0.0.1:8000/examples/trie_in_browser/?steps=20";
  assert.deepEqual([status, headers.get("location")], [302, location]);
  const page = await serveExample(new Request(location));
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html"]);
  assert.match(await page.text(), /<script type="module" src="page.js">/);
  for (const path of ["/deno.json", "/examples/trie_in_browser/..%2fREADME.md", "/examples/none.js"]) {
    assert.equal((await ask(path)).status, 404, path);
  }
});
