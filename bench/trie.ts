/**
 * The token trie against its floor, the plain model and its peers, on the same seeded workloads in one run:
 * `deno task bench trie`.
 *
 * Every answer is checked before it is timed. Variants take turns, and the best of the rounds counts: whatever else the
 * machine does only ever adds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ModelTrie, type TokenTrie, WasmTrie } from "../src/trie/mod.ts";
import { compileOwnCore } from "../src/trie/wasm_core.ts";
import { Floor } from "./peers/floor.ts";
import { findPeers, type Peer, type PeerTimes, runPeer } from "./peers/processes.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import {
  chatEntries,
  conversationTurns,
  entryOf,
  randomAscii,
  seeded,
  type TrieEntry,
} from "./support/trie_corpus.ts";

const ENTRIES = 2_000;
const TOKENS_MAX = 2 ** 31;
/** The model scans everything for every question: it gets this many. */
const MODEL_LOOKUPS = 20;
const MODEL_INSERTS = 100;
/** Questions among siblings. */
const SIBLINGS_ASKED = 2_000;
const PEER_ROUNDS = 3;

interface Options {
  /** Fewer rounds and smaller sizes. */
  readonly quick?: boolean;
}

/** What all parts of the benchmark share. */
interface Bench {
  readonly create: () => WasmTrie;
  readonly rounds: number;
  readonly peers: readonly Peer[];
  readonly quick: boolean;
}

/** Something to time: `run` does `operations`. */
interface Variant {
  readonly name: string;
  readonly operations: number;
  readonly run: (round: number) => void;
}

/** Runs everything and prints tables. */
export async function runTrieBench({ quick = false }: Options = {}): Promise<void> {
  const module = await compileOwnCore();
  const create = () => new WasmTrie(module, { maxCacheSize: TOKENS_MAX, maxCacheBytes: 2 ** 32 - 1 });
  const { peers, missing } = await findPeers();
  const bench: Bench = { create, rounds: quick ? 4 : 12, peers, quick };
  printLine(`# Token trie\n\n${machineLine()}; best of ${bench.rounds} rounds`);
  for (const reason of missing) printLine(`Not measured: ${reason}`);
  for (const chars of [4_096, 16_384, 65_536]) await benchTexts(bench, chars);
  await benchTurns(bench);
  benchHolders(bench);
  for (const count of [100, 10_000, ...(quick ? [] : [100_000])]) await benchSiblings(bench, count);
  printMemory(create);
}

/** Microseconds of one operation of each variant, which take turns; the best round. The first round warms up. */
function measure(rounds: number, variants: readonly Variant[]): number[] {
  const best = variants.map(() => Infinity);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { operations, run }] of variants.entries()) {
      const start = performance.now();
      run(round);
      const us = (performance.now() - start) * 1_000 / operations;
      if (round > 0) best[i] = Math.min(best[i]!, us);
    }
  }
  return best;
}

/** Prints times; `ratios` are the times of a column's peer for the row, which the row's time divides. */
function printTimes(
  title: string,
  columns: readonly string[],
  rows: readonly [name: string, us: number, ratios: readonly (number | null)[]][],
): void {
  printLine(`\n## ${title}\n`);
  printTable(
    ["operation", "per second", "µs each", ...columns],
    rows.map(([name, us, ratios]) => [
      name,
      figure(1e6 / us),
      figure(us, 2),
      ...ratios.map((peer) => figure(peer === null ? null : peer / us, 2)),
    ]),
  );
}

function insertEntry(trie: TokenTrie, entry: TrieEntry, version: number): void {
  const stored = trie.insert(entry.text, entry.tokenIds, entry.logprobs, entry.lossMask, version);
  if (!stored) throw new Error(trie.lastRefusal ?? "refused");
}

/** Times of the peers for a workload, in their order; what they answer is checked. */
async function peerTimes(
  { peers }: Bench,
  entries: readonly TrieEntry[],
  asked: readonly TrieEntry[],
  pairs: boolean,
): Promise<PeerTimes[]> {
  const times: PeerTimes[] = [];
  for (const peer of peers) {
    const workload = { entries, pairs, asked: asked.map(({ text }) => text), rounds: PEER_ROUNDS };
    const answer = await runPeer(peer, workload);
    const right = asked.map((e) => peer.payload ? e.tokenIds.length : e.text.length);
    assert.deepEqual(answer.answers, right, peer.name);
    times.push(answer);
  }
  return times;
}

async function benchTexts(bench: Bench, chars: number): Promise<void> {
  const { create, rounds } = bench;
  const count = chars > 16_384 ? ENTRIES / 4 : ENTRIES;
  const entries = chatEntries(chars, count, chars);
  const floor = await Floor.for(entries);
  const fresh = Array.from({ length: rounds + 1 }, create);
  const freshFloors = fresh.map(() => floor.fresh());
  const trie = create();
  for (const entry of entries) insertEntry(trie, entry, 1);
  for (const entry of entries) checkAnswer(trie, entry);
  // A cache that is full and evicts has warm memory: what a router sees after some minutes.
  const used = create();
  const look = (name: string, ask: (text: string) => unknown): Variant => ({
    name,
    operations: count,
    run: () => {
      for (const { text } of entries) ask(text);
    },
  });
  const store = (name: string, prepare: (round: number) => WasmTrie): Variant => ({
    name,
    operations: count,
    run: (round) => {
      const into = prepare(round);
      for (const entry of entries) insertEntry(into, entry, 1);
    },
  });
  const variants: Variant[] = [
    { name: "floor: encode, compare", operations: count, run: () => floor.match(entries, false) },
    {
      name: "floor: encode, compare, copy payload",
      operations: count,
      run: () => floor.match(entries, true),
    },
    { name: "floor: encode, set, copy", operations: count, run: () => floor.insert(entries) },
    {
      name: "floor: encode, set, copy, fresh memory",
      operations: count,
      run: (round) => freshFloors[round]!.insert(entries),
    },
    look("match, payload left in place", (text) => trie.matchViews(text)),
    look("match, every view made", (text) => {
      const { tokenIds, logprobs, lossMask, generationVersions } = trie.matchViews(text);
      return tokenIds.length + logprobs.length + lossMask.length + generationVersions.length;
    }),
    look("match, payload copied out", (text) => trie.retrieveFromText(text)),
    look("continuation, ids as digits", (text) => trie.findContinuation(text)),
    store("insert, used memory", () => {
      used.clear();
      return used;
    }),
    store("insert, fresh memory", (round) => fresh[round]!),
  ];
  // The floor of look-ups compares with what its insert has stored.
  floor.insert(entries);
  const us = measure(rounds, variants);
  const peers = await peerTimes(bench, entries, entries, false);
  const model = modelTimes(entries);
  const floors = [null, null, null, null, us[0]!, us[1]!, us[1]!, us[1]!, us[2]!, us[3]!];
  printTimes(
    `${count} texts of ${chars} characters`,
    ["÷ floor", "× model", ...bench.peers.map(({ name }) => `× ${name}`)],
    variants.map(({ name }, i) => {
      const stores = name.startsWith("insert");
      const others = floors[i] === null ? [null, ...peers.map(() => null)] : [
        stores ? model.insertUs : model.matchUs,
        ...peers.map((peer) => stores ? peer.insertUs : peer.matchUs),
      ];
      const slower = floors[i] === null ? null : us[i]! * us[i]! / floors[i]!;
      return [name, us[i]!, [slower, ...others]];
    }),
  );
}

/** The model's times; a look-up's cost grows with what is stored: brought up to as many texts. */
function modelTimes(entries: readonly TrieEntry[]): { insertUs: number; matchUs: number } {
  const model = new ModelTrie({ maxCacheSize: TOKENS_MAX });
  const some = entries.slice(0, MODEL_INSERTS);
  const asked = some.slice(0, MODEL_LOOKUPS);
  const start = performance.now();
  for (const entry of some) insertEntry(model, entry, 1);
  const stored = performance.now();
  for (const { text } of asked) model.retrieveFromText(text);
  const found = performance.now();
  return {
    insertUs: (stored - start) * 1_000 / some.length,
    matchUs: (found - stored) * 1_000 / asked.length * entries.length / some.length,
  };
}

function checkAnswer(trie: WasmTrie, entry: TrieEntry): void {
  const match = trie.retrieveFromText(entry.text + "!");
  assert.equal(match.remaining, "!");
  assert.deepEqual(match.tokenIds, entry.tokenIds);
  assert.deepEqual(match.logprobs, entry.logprobs);
  const views = trie.matchViews(entry.text);
  assert.deepEqual(views.tokenIds, entry.tokenIds);
  assert.deepEqual(Float64Array.from(views.logprobs), entry.logprobs);
  assert.deepEqual(views.lossMask, entry.lossMask);
}

async function benchTurns(bench: Bench): Promise<void> {
  const { create, rounds } = bench;
  const [conversations, turns] = [200, 10];
  const all = conversationTurns(7, conversations, turns);
  const entries = all.flat();
  const floor = await Floor.for(entries);
  const used = create();
  const delta = create();
  const pairs = (into: () => WasmTrie) => () => {
    const trie = into();
    for (const entry of entries) {
      trie.matchViews(entry.text);
      insertEntry(trie, entry, 1);
    }
  };
  const cleared = (trie: WasmTrie) => {
    trie.clear();
    return trie;
  };
  const variants: Variant[] = [
    {
      name: "floor: encode, set, copy whole turns",
      operations: entries.length,
      run: () => floor.insert(entries),
    },
    { name: "match + insert, used memory", operations: entries.length, run: pairs(() => cleared(used)) },
    { name: "match + insert, fresh memory", operations: entries.length, run: pairs(create) },
    {
      name: "continuation + append",
      operations: entries.length,
      run: () => {
        cleared(delta);
        for (const [i, turn] of all.entries()) {
          for (const [c, entry] of turn.entries()) appendTurn(delta, all[i - 1]?.[c], entry);
        }
      },
    },
  ];
  const us = measure(rounds, variants);
  for (const entry of all.at(-1)!) {
    for (const trie of [used, delta]) {
      assert.deepEqual(trie.retrieveFromText(entry.text).tokenIds, entry.tokenIds);
    }
  }
  const peers = await peerTimes(bench, entries, all.at(-1)!, true);
  printTimes(
    `Pairs: ${conversations} conversations of ${turns} turns`,
    ["÷ floor", ...bench.peers.map(({ name }) => `× ${name}`)],
    variants.map(({ name }, i) => {
      const ratios = i === 0 ? [null, ...peers.map(() => null)] : [
        us[i]! * us[i]! / us[0]!,
        ...peers.map((peer) => peer.insertUs),
      ];
      return [name, us[i]!, ratios];
    }),
  );
}

/** What the router does for a turn: find the known part, append the rest below it. */
function appendTurn(trie: WasmTrie, before: TrieEntry | undefined, entry: TrieEntry): void {
  const found = trie.findContinuation(entry.text);
  if (before !== undefined) assert.equal(found.matchedUnits, before.text.length);
  const result = trie.append(found.handle, [{
    keys: [{ text: entry.text.slice(found.matchedUnits) }],
    tokenIds: entry.tokenIds.subarray(found.tokenCount),
    logprobs: entry.logprobs.subarray(found.tokenCount),
    sampled: true,
    versions: 1,
  }]);
  if (!result.ok) throw new Error(result.reason);
}

/** What asking for holders adds to the look-up of the same text. */
function benchHolders({ create, rounds }: Bench): void {
  const entries = chatEntries(3, ENTRIES, 4_096);
  const variants = [1, 16, 64].flatMap((workers) => {
    const trie = create();
    for (const entry of entries) {
      insertEntry(trie, entry, 1);
      const { handle } = trie.matchViews(entry.text);
      for (let worker = 0; worker < workers; worker++) trie.markHolder(handle!, worker);
      assert.deepEqual([...trie.holders(entry.text).bytes], Array(workers).fill(entry.text.length));
    }
    const variant = (name: string, ask: (text: string) => unknown): Variant => ({
      name,
      operations: entries.length,
      run: () => {
        for (const { text } of entries) ask(text);
      },
    });
    return [
      variant(`match, payload left in place, ${workers} workers`, (text) => trie.matchViews(text)),
      variant(`the same, then holders`, (text) => [trie.matchViews(text), trie.holders(text)]),
    ];
  });
  const us = measure(rounds, variants);
  printLine("\n## Holders of 2000 texts of 4096 characters\n");
  printTable(
    ["operation", "µs each", "÷ match alone"],
    variants.map(({ name }, i) => [name, figure(us[i]!, 2), figure(us[i]! / us[i - i % 2]!, 2)]),
  );
}

async function benchSiblings(bench: Bench, count: number): Promise<void> {
  const random = seeded(count);
  const trie = bench.create();
  const system = randomAscii(random, 100);
  const entries = Array.from({ length: count }, () => entryOf(random, system + randomAscii(random, 40)));
  for (const entry of entries) insertEntry(trie, entry, 1);
  const asked = Array.from({ length: SIBLINGS_ASKED }, () => entries[Math.floor(random() * count)]!);
  for (const entry of asked) assert.deepEqual(trie.matchViews(entry.text).tokenIds, entry.tokenIds);
  const [us] = measure(bench.rounds, [{
    name: "match",
    operations: asked.length,
    run: () => {
      for (const { text } of asked) trie.matchViews(text);
    },
  }]);
  // Seconds a question in a list of 100,000: enough is seen at 10,000.
  const compared = count <= 10_000 && !(bench.quick && count > 100) ? bench.peers : [];
  const some = asked.slice(0, count > 100 ? 100 : SIBLINGS_ASKED);
  const peers = await peerTimes({ ...bench, peers: compared }, entries, some, false);
  printTimes(
    `${count} siblings, 140 characters`,
    compared.map(({ name }) => `× ${name}`),
    [["match, payload left in place", us!, peers.map((peer) => peer.matchUs)]],
  );
}

function printMemory(create: () => WasmTrie): void {
  printLine("\n## Memory\n");
  const shapes: [string, TrieEntry[]][] = [
    ["1 M tokens in long texts", chatEntries(1, 1_000, 4_096)],
    ["1 M nodes", manyNodes(660_000)],
  ];
  printTable(
    ["shape", "tokens", "nodes", "bytes used", "text + 8.2 B a token + 96 B a node", "share of it"],
    shapes.map(([name, entries]) => {
      const trie = create();
      for (const entry of entries) insertEntry(trie, entry, 1);
      const { tokens, nodes, usedBytes } = trie.stats();
      const textBytes = entries.reduce((sum, { text }) => sum + text.length, 0);
      const budget = textBytes + 8.2 * tokens + 96 * nodes;
      return [name, tokens, nodes, usedBytes, Math.round(budget), figure(usedBytes / budget, 2)].map(String);
    }),
  );
}

/** Short texts that part late: nearly as many inner nodes as texts. */
function manyNodes(count: number): TrieEntry[] {
  const random = seeded(count);
  return Array.from({ length: count }, (_, i) => entryOf(random, `${(i >>> 1).toString(36)} ${i & 1}`));
}

if (import.meta.main) await runTrieBench({ quick: Deno.args.includes("--quick") });
