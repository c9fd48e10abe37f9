/** Every single memory allocation of every operation fails once: nothing that was there is lost, nothing is left over. */
import assert from "node:assert/strict";
import { WasmTrie } from "../../../src/trie/mod.ts";
import { matchReason } from "../../../src/trie/match.ts";
import type { Continuation, PathHandle, PrefixMatch, SegmentInput } from "../../../src/trie/token_trie.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";
import { output, prompt, range } from "../../support/token_trie/harness.ts";

const module = await compileOwnCore();
/** No operation here allocates more often. */
const ALLOCATIONS_MAX = 400;
const ROOMY = 1_000_000;
const LONG = "a long text, 42 bytes of it in each repeat.".repeat(40);
const SYSTEM = prompt("system<|end|>user: hi<|end|>", range(0, 9), {
  splicePoints: [{ byteOffset: 13, tokenIndex: 4 }],
});
const REPLY = output("Hello there<|end|>", range(50, 6), { scope: "one", versions: 3 });
/** The same tokens, found by further texts. */
const REPLY_WITH_KEYS: SegmentInput = {
  ...REPLY,
  keys: [
    ...REPLY.keys,
    { text: "Hello there", tokens: 5 },
    { text: "Hello", retrieveOnly: true },
    { text: "Help", tokens: 2 },
  ],
};
/** The same prompt, to be cut at further places. */
const SYSTEM_WITH_CUTS: SegmentInput = {
  ...SYSTEM,
  splicePoints: [{ byteOffset: 3, tokenIndex: 1 }, { byteOffset: 13, tokenIndex: 4 }, {
    byteOffset: 19,
    tokenIndex: 6,
  }],
};

interface Fixture {
  readonly trie: WasmTrie;
  /** Ends in REPLY. */
  readonly end: PathHandle;
}

/** A trie with some of everything; each call makes the same one. */
function filled(maxCacheSize: number): Fixture {
  const trie = new WasmTrie(module, { maxCacheSize });
  const result = trie.append(null, [SYSTEM, REPLY]);
  assert.ok(result.ok);
  trie.markHolder(result.handle, 2);
  trie.markHolder(result.handle, 1);
  for (let i = 0; i < 17; i++) {
    trie.insert(`${String.fromCharCode(65 + i)} branch`, [i, i + 1], [-1, -2], [1, 1], i);
  }
  for (const text of ["ab", "abc", "abd", "a\0", "é", "è", LONG]) {
    trie.insert(
      text,
      [...text].map((_, i) => i),
    );
  }
  // Leaves no free point behind, so that the next needs memory.
  while (trie.stats().segments % 32 !== 0) trie.insert(`more ${trie.stats().segments}`, [1]);
  return { trie, end: result.handle };
}

const OPERATIONS: Readonly<Record<string, (fixture: Fixture) => boolean>> = {
  "insert() of a text of its own": ({ trie }) => trie.insert("xyz", range(0, 500), range(0, 500), null, 40),
  "insert() that splits": ({ trie }) => trie.insert("abX", [0, 1, 7], null, [0, 0, 1], 41),
  "insert() above": ({ trie }) => trie.insert("a", [0], null, null, 42),
  "insert() of what is there": ({ trie }) => trie.insert("abc", [0, 1, 2], null, null, 43),
  "insert() inside a long label": ({ trie }) =>
    trie.insert(LONG.slice(0, 300) + "!", range(0, 300), null, null, 9),
  "insert() beyond the windows": ({ trie }) => trie.insert("w".repeat(200_000), range(0, 20_000)),
  "insert() of a 17th sibling": ({ trie }) => trie.insert("Z branch", [1, 2]),
  "append() at the root": ({ trie }) => trie.append(null, [prompt("new", [1, 2]), REPLY]).ok,
  "append() below": ({ trie, end }) => trie.append(end, [prompt("more", range(0, 40)), REPLY_WITH_KEYS]).ok,
  "append() of a segment with further keys": ({ trie }) =>
    trie.append(null, [SYSTEM_WITH_CUTS, REPLY_WITH_KEYS]).ok,
  "append() of segments with further points and a new one": ({ trie }) =>
    trie.append(null, [
      SYSTEM_WITH_CUTS,
      REPLY_WITH_KEYS,
      output("and then", range(0, 900), { versions: 99 }),
    ]).ok,
  "append() of many": ({ trie, end }) =>
    trie.append(end, range(0, 70).map((i) => output(`turn ${i}`, range(i, 3), { scope: `scope ${i}` }))).ok,
  "append() beyond the windows": ({ trie, end }) => trie.append(end, [output("w", range(0, 30_000))]).ok,
  "markHolder()": ({ trie, end }) => trie.markHolder(end, 5),
  "remove()": ({ trie }) => trie.remove("ab") >= 0,
  "gcByWeightVersion()": ({ trie }) => trie.gcByWeightVersion(12, 3).done,
};

/** All that a caller can learn. */
function everything(trie: WasmTrie) {
  const stats = trie.stats();
  const texts = [
    "ab",
    "abc",
    "abd",
    "abX",
    "a",
    "a\0",
    "é",
    "xyz",
    LONG,
    "system<|end|>",
    "sys",
    "system<|end|>user: ",
    "new",
    "w",
    "Z branch",
    "B branch",
    "more 31",
  ];
  const system = "system<|end|>user: hi<|end|>";
  const asked = [
    ...texts,
    ...["Hello there<|end|>", "Hello there", "Hello", "Help", "Helpx"].map((t) => system + t),
  ];
  const before = {
    ...stats,
    usedBytes: 0,
    memoryBytes: 0,
    hits: 0,
    misses: 0,
    misses_by_reason: 0,
    hits_by_reason: 0,
    nodes: 0,
  };
  return {
    ...before,
    answers: asked.flatMap((text) => [
      Object.values(trie.holders(text)).map((array: Uint32Array) => array.slice()),
      comparable(trie.findLongestPrefix(text)),
      comparable(trie.retrieveFromText(text)),
      comparable(trie.findContinuation(text, { scope: "one" })),
      comparable(trie.findContinuation(text + "~")),
    ]),
  };
}

/** Without memory for it, an eviction is forgotten: the reason is then the next that applies. */
function comparable(answer: PrefixMatch | Continuation): unknown {
  const { reason, matchedBytes, spliceBytes } = answer;
  const plain = reason === "evicted" ? matchReason(1, matchedBytes, spliceBytes, false) : reason;
  return { ...answer, handle: null, reason: plain };
}

for (const maxCacheSize of [ROOMY, 2_100]) {
  for (const [name, operate] of Object.entries(OPERATIONS)) {
    for (const stays of [false, true]) {
      const when = `allocations fail ${stays ? "from the n-th on" : "once"}, at most ${maxCacheSize} tokens`;
      Deno.test(`${name} is whole or refused when ${when}`, () => {
        const untouched = everything(filled(maxCacheSize).trie);
        const healthy = filled(maxCacheSize);
        const possible = operate(healthy);
        const done = everything(healthy.trie);
        let refusals = 0;
        for (let skipped = 0;; skipped++) {
          assert.ok(skipped < ALLOCATIONS_MAX, "no end of allocations");
          const fixture = filled(maxCacheSize);
          fixture.trie.injectFault(skipped, stays);
          const stored = operate(fixture);
          const failed = fixture.trie.endFaults();
          fixture.trie.checkInvariants();
          assert.deepEqual(everything(fixture.trie), stored ? done : untouched, `allocation ${skipped}`);
          if (!stored && possible) {
            refusals++;
            assert.ok(operate(fixture), `allocation ${skipped}: refused again`);
            fixture.trie.checkInvariants();
            // Comparing has used everything: where something must go, it is another.
            if (maxCacheSize === ROOMY) assert.deepEqual(everything(fixture.trie), done, `${skipped}: again`);
          }
          if (!failed) break;
        }
        assert.ok(refusals > 0 || !possible || /remove|gc|what is there|keys/.test(name), "nothing failed");
      });
    }
  }
}
