/**
 * The trie under churn: a full cache in which texts come, go on, and go, millions of times. Asserts what the memory may
 * grow by, and prints how long slices of reclaim take.
 *
 *     deno run -A bench/churn.ts [--operations=10000000]
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { parseArgs } from "node:util";
import { WasmTrie } from "../src/trie/mod.ts";
import { compileOwnCore } from "../src/trie/wasm_core.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { quantile } from "./support/stats.ts";
import { entryOf, randomAscii, seeded } from "./support/trie_corpus.ts";

const OPERATIONS_DEFAULT = 10_000_000;
const TOKENS_MAX = 1_000_000;
const CHECKS = 20;
/** Texts differ in their first characters and share what follows with others of the same cut. */
const POOL_CHARS = 8_192;
const TEXT_CHARS_MAX = 4_096;
/** Share of operations that look up; the others store. */
const LOOKUPS = 0.5;
/** Operations between two collections, which go in slices. */
const COLLECT_EVERY = 5_000;
const SLICE_SEGMENTS = 128;
/** Arena against bytes in use, at its worst once the cache has been full for a while. */
const GROWTH_MAX = 1.3;

interface Sample {
  readonly operations: number;
  readonly tokens: number;
  readonly usedBytes: number;
  readonly memoryBytes: number;
}

/** Runs so many operations and prints a table; throws when the memory grows beyond its bound. */
export async function runChurn(operations: number, seed = 1): Promise<void> {
  const trie = new WasmTrie(await compileOwnCore(), { maxCacheSize: TOKENS_MAX });
  const random = seeded(seed);
  const pool = entryOf(random, randomAscii(random, POOL_CHARS));
  const samples: Sample[] = [];
  const slicesMs: number[] = [];
  let version = 0;
  let liveMax = 0;
  for (let i = 1; i <= operations; i++) {
    churn(trie, pool, random, version);
    if (i % COLLECT_EVERY === 0) {
      liveMax = Math.max(liveMax, trie.stats().usedBytes);
      collect(trie, version++, slicesMs);
    }
    if (i % Math.ceil(operations / CHECKS) === 0) {
      trie.checkInvariants();
      const { tokens, usedBytes, memoryBytes } = trie.stats();
      samples.push({ operations: i, tokens, usedBytes, memoryBytes });
    }
  }
  report(samples, liveMax, slicesMs, trie);
}

/** One operation on a text of any length: mostly short, now and then long. */
function churn(
  trie: WasmTrie,
  pool: ReturnType<typeof entryOf>,
  random: () => number,
  version: number,
): void {
  const chars = 8 + Math.floor(TEXT_CHARS_MAX * random() ** 6);
  const from = Math.floor(random() * 64) * 4;
  const text = Math.floor(random() * 50_000).toString(36) + pool.text.slice(from, from + chars);
  if (random() < LOOKUPS) {
    const { tokenCount, matchedUnits } = trie.matchViews(text);
    assert.ok(tokenCount >= 0 && matchedUnits <= text.length);
    return;
  }
  const tokens = Math.ceil(chars / 4);
  const first = from / 4;
  const ids = pool.tokenIds.subarray(first, first + tokens);
  const logprobs = pool.logprobs.subarray(first, first + tokens);
  assert.ok(trie.insert(text, ids, logprobs, pool.lossMask.subarray(first, first + tokens), version));
}

function collect(trie: WasmTrie, version: number, slicesMs: number[]): void {
  for (let done = false; !done;) {
    // Time of the processor: what else the machine does in between is not the slice's.
    const before = process.cpuUsage();
    done = trie.gcSlice(version, 2, SLICE_SEGMENTS).done;
    const { user, system } = process.cpuUsage(before);
    slicesMs.push((user + system) / 1_000);
  }
}

function report(samples: readonly Sample[], liveMax: number, slicesMs: number[], trie: WasmTrie): void {
  printLine(`# Churn\n\n${machineLine()}; at most ${TOKENS_MAX} tokens\n`);
  printTable(
    ["operations", "tokens", "bytes used", "bytes of memory", "memory ÷ used"],
    samples.map((s) => [
      ...[s.operations, s.tokens, s.usedBytes, s.memoryBytes].map(String),
      figure(s.memoryBytes / s.usedBytes, 2),
    ]),
  );
  const growth = samples.at(-1)!.memoryBytes / liveMax;
  const slices = Float64Array.from(slicesMs).sort();
  const { evictedTokens } = trie.stats();
  printLine(
    `\nMemory at the end ÷ most bytes in use: ${figure(growth, 2)}. ${slices.length} slices of ` +
      `${SLICE_SEGMENTS} segments: p50 ${figure(quantile(slices, 0.5), 3)} ms, p99 ${
        figure(quantile(slices, 0.99), 3)
      } ms, most ${figure(slices.at(-1) ?? 0, 3)} ms. Evicted tokens: ${JSON.stringify(evictedTokens)}`,
  );
  assert.ok(growth <= GROWTH_MAX, `memory has grown to ${growth} of the bytes in use`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { operations: { type: "string" }, seed: { type: "string" } },
  });
  await runChurn(Number(values.operations ?? OPERATIONS_DEFAULT), Number(values.seed ?? 1));
}
