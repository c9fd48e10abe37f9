/** What the WebAssembly trie says of evicted texts, against the model's plain list of them, and what it costs in memory. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ModelTrie, type PathHandle, type TokenTrie, WasmTrie } from "../../../src/trie/mod.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";
import { appended, output, prompt, range } from "../../support/token_trie/harness.ts";

const RUNS = 60;
const STEPS = 60;
const module = await compileOwnCore();

/** Pieces that texts are made of: of many lengths, and with much in common. */
const PIECES = [1, 3, 8, 40, 64, 200, 900, 1_024, 1_500].flatMap((length) => [
  "abcdefgh".repeat(200).slice(0, length),
  "abcdefgh".repeat(200).slice(1, length) + "x",
]);
const step = fc.record({
  kind: fc.constantFrom("append", "append", "insert", "collect", "ask", "ask"),
  pieces: fc.array(fc.nat(PIECES.length - 1), { minLength: 1, maxLength: 5 }),
  from: fc.nat(8),
  version: fc.nat(9),
});

Deno.test("WasmTrie: reasons are the model's for long texts with much in common", () => {
  const property = fc.property(fc.array(step, { minLength: STEPS, maxLength: STEPS }), (steps) => {
    const tries: TokenTrie[] = [
      new WasmTrie(module, { maxCacheSize: 24 }),
      new ModelTrie({ maxCacheSize: 24 }),
    ];
    const handles: (PathHandle | null)[][] = [[null], [null]];
    const texts = [""];
    for (const { kind, pieces, from, version } of steps) {
      const at = from % texts.length;
      const parts = pieces.map((i) => PIECES[i]!);
      const text = texts[at]! + parts.join("");
      const asked = kind === "ask" && from % 2 ? text.slice(0, -1 - from) : text;
      const answers = tries.map((trie, side) => {
        if (kind === "collect") return trie.gcByWeightVersion(version, 2);
        if (kind === "insert") return trie.insert(parts.join(""), range(from, parts.length));
        if (kind === "ask") return trie.findContinuation(asked).reason;
        const segments = parts.map((text, i) => output(text, [i], { versions: version }));
        const result = trie.append(handles[side]![at]!, segments);
        if (result.ok) handles[side]!.push(result.handle);
        return result.ok;
      });
      assert.deepEqual(answers[0], answers[1], kind);
      if (kind === "append" && answers[0] === true) texts.push(text);
      tries[0]!.checkInvariants();
    }
    for (const text of texts) {
      const [wasm, model] = tries.map((trie) => trie.findContinuation(text + "more").reason);
      assert.equal(wasm, model);
    }
  });
  fc.assert(property, { numRuns: RUNS });
});

Deno.test("WasmTrie: evicted texts are remembered within maxCacheBytes", () => {
  const maxCacheBytes = 400_000;
  const trie = new WasmTrie(module, { maxCacheSize: 1e9, maxCacheBytes });
  const texts = range(0, 400).map((i) => `${i} ` + "text of some length ".repeat(1 + i % 97));
  for (const text of texts) {
    assert.ok(trie.insert(text, range(0, 100)));
    assert.ok(trie.stats().usedBytes <= maxCacheBytes);
  }
  trie.checkInvariants();
  const reasons = texts.map((text) => trie.findContinuation(text).reason);
  const stored = reasons.filter((reason) => reason === "hit").length;
  assert.ok(stored > 50 && stored < 300, `${stored} stored`);
  // The first to go made room for the table.
  assert.deepEqual(new Set(reasons.slice(50, texts.length - stored)), new Set(["evicted"]));
});

Deno.test("WasmTrie: a trie that evicts nothing takes no memory for it", () => {
  const tries = [1_000, 1_000_000].map((maxCacheSize) => new WasmTrie(module, { maxCacheSize }));
  const [small, large] = tries.map((trie) => {
    for (let i = 0; i < 100; i++) appended(trie, null, prompt(`prompt ${i}`, range(i, 10)));
    return trie.stats().usedBytes;
  });
  assert.equal(small, large);
  tries[0]!.insert("one more", [1]);
  assert.ok(tries[0]!.stats().usedBytes - small! < 50_000);
  assert.equal(tries[0]!.findContinuation("prompt 0").reason, "evicted");
});
