/**
 * How long a slice of reclaim keeps the thread, for caches of every shape: each is filled and collected several times,
 * always in the same steps, and the shortest time of each slice is taken: what else the machine does is not the slice's.
 *
 *     deno run -A bench/slices.ts [--units=256] [--replays=5]
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { GC_SLICE_SEGMENTS_MAX } from "../src/cache/token_cache.ts";
import { WasmTrie } from "../src/trie/mod.ts";
import type { PathHandle, SegmentInput } from "../src/trie/token_trie.ts";
import { compileOwnCore } from "../src/trie/wasm_core.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { quantile } from "./support/stats.ts";
import { randomAscii, seeded } from "./support/trie_corpus.ts";

const REPLAYS_DEFAULT = 5;
const TOKENS_MAX = 4_000_000;
const OLD = 1;
const NOW = 100;
const MIB = 2 ** 20;

const random = seeded(1);
const LONG = randomAscii(random, 4 * MIB);

/** What the cache holds, all of it stale. */
const SHAPES: Readonly<Record<string, (trie: WasmTrie) => void>> = {
  "100,000 texts of 40 bytes": (trie) => {
    for (let i = 0; i < 100_000; i++) store(trie, `${i * 7_919} ${LONG.slice(i, i + 30)}`);
  },
  "5,000 texts of 4 KiB": (trie) => {
    for (let i = 0; i < 5_000; i++) store(trie, `${i} ${LONG.slice(i * 64, i * 64 + 4_096)}`);
  },
  "40 texts of 1 MiB": (trie) => {
    for (let i = 0; i < 40; i++) store(trie, `${i} ${LONG.slice(i, i + MIB - 8)}`);
  },
  "200 texts that part in 1 MiB, 2 KiB apart": (trie) => {
    for (let i = 0; i < 200; i++) store(trie, LONG.slice(0, MIB - i * 2_048) + i);
  },
  "200 texts, each the next one's beginning, to 1 MiB": (trie) => {
    for (let i = 1; i <= 200; i++) store(trie, LONG.slice(0, Math.floor(MIB / 200) * i));
  },
  "a prompt of 1 MiB with 20,000 splice points": (trie) => {
    const splicePoints = Array.from(
      { length: 20_000 },
      (_, i) => ({ byteOffset: i * 50 + 1, tokenIndex: i + 1 }),
    );
    const tokenIds = new Uint32Array(20_001);
    const prompt = { keys: [{ text: LONG.slice(0, MIB) }], tokenIds, sampled: false, splicePoints };
    append(trie, null, prompt, turn(0));
  },
  "a conversation of 10,000 turns of 100 bytes": (trie) => {
    let at: PathHandle | null = null;
    for (let i = 0; i < 10_000; i++) at = append(trie, at, turn(i));
  },
  "100,000 samples of one prompt of 8 KiB": (trie) => {
    const prompt = { keys: [{ text: LONG.slice(0, 8_192) }], tokenIds: [1, 2, 3], sampled: false };
    const at = append(trie, null, prompt);
    for (let i = 0; i < 100_000; i++) append(trie, at, turn(i));
  },
};

function store(trie: WasmTrie, text: string): void {
  assert.ok(trie.insert(text, [1, 2], [-1, -2], [1, 1], OLD));
}

function turn(i: number): SegmentInput {
  const text = `turn ${i * 7_919 % 100_003} ${LONG.slice(i, i + 88)}`;
  return { keys: [{ text }], tokenIds: [i, i + 1], sampled: true, versions: OLD };
}

function append(trie: WasmTrie, at: PathHandle | null, ...segments: SegmentInput[]): PathHandle {
  const result = trie.append(at, segments);
  assert.ok(result.ok);
  return result.handle;
}

/** Prints a table: time of slices by shape of the cache. */
export async function runSlices(units: number, replays: number): Promise<void> {
  printLine(`# Slices\n\n${machineLine()}; ${units} units a slice, the shortest of ${replays} replays\n`);
  const module = await compileOwnCore();
  const rows: string[][] = [];
  for (const [name, fill] of Object.entries(SHAPES)) {
    let best: number[] = [];
    for (let replay = 0; replay < replays; replay++) {
      const trie = new WasmTrie(module, { maxCacheSize: TOKENS_MAX });
      fill(trie);
      const times = collect(trie, units);
      assert.equal(trie.stats().tokens, 0);
      best = replay === 0 ? times : best.map((ms, i) => Math.min(ms, times[i]!));
    }
    const sorted = Float64Array.from(best).sort();
    const figures = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1)!];
    rows.push([name, String(best.length), ...figures.map((ms) => figure(ms, 3))]);
  }
  printTable(["all stale", "slices", "p50 ms", "p99 ms", "most ms"], rows);
}

function collect(trie: WasmTrie, units: number): number[] {
  const times: number[] = [];
  for (let done = false; !done;) {
    const start = performance.now();
    done = trie.gcSlice(NOW, 2, units).done;
    times.push(performance.now() - start);
  }
  return times;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { units: { type: "string" }, replays: { type: "string" } },
  });
  await runSlices(Number(values.units ?? GC_SLICE_SEGMENTS_MAX), Number(values.replays ?? REPLAYS_DEFAULT));
}
