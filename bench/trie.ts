/**
 * The token trie against its floor, the plain model and its peers, on the same seeded workloads in one run:
 * `deno task bench trie`.
 *
 * Every answer is checked before it is timed. Variants take turns, and the best of the rounds counts: whatever else the
 * machine does only ever adds. Times are of the processor, all threads of the process together: on a busy machine the
 * clock measures the others, too. Progress goes to standard error; the tables come at the end, what was to be reached first.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Continuation, ModelTrie, WasmTrie } from "../src/trie/mod.ts";
import { compileOwnCore } from "../src/trie/wasm_core.ts";
import { Floor } from "./peers/floor.ts";
import { findPeers } from "./peers/processes.ts";
import { Goals } from "./support/goals.ts";
import { figure, machineLine, printLine, printProgress, printTable } from "./support/print.ts";
import {
  type Bench,
  insertEntry,
  measure,
  peerTimes,
  printTimes,
  type Variant,
} from "./support/trie_bench.ts";
import {
  chatEntries,
  conversationTurns,
  entryOf,
  manyNodes,
  randomAscii,
  randomTexts,
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

interface Options {
  /** Fewer rounds and smaller sizes. */
  readonly quick?: boolean;
}

/** Runs everything, telling on standard error how far it is, and prints tables. */
export async function runTrieBench({ quick = false }: Options = {}): Promise<void> {
  const module = await compileOwnCore();
  const create = () => new WasmTrie(module, { maxCacheSize: TOKENS_MAX, maxCacheBytes: 2 ** 32 - 1 });
  printProgress("Peers are built");
  const { peers, missing } = await findPeers();
  const goals = trieGoals();
  const bench: Bench = { create, rounds: quick ? 4 : 12, peers, quick, goals, tables: [] };
  const load = Deno.loadavg()[0];
  for (const chars of [4_096, 16_384, 65_536]) await benchTexts(bench, chars);
  await benchTurns(bench);
  benchHolders(bench);
  for (const count of [100, 10_000, ...(quick ? [] : [100_000])]) await benchSiblings(bench, count);
  benchMemory(bench);
  printLine(`# Token trie\n\n${machineLine()}; best of ${bench.rounds} rounds; µs of processor time`);
  printLine(`Load average ${load?.toFixed(1)} when it began, ${Deno.loadavg()[0]?.toFixed(1)} at the end`);
  for (const reason of missing) printLine(`Not measured: ${reason}`);
  printLine("\n## Goals\n");
  goals.print();
  for (const table of bench.tables) table();
}

function trieGoals(): Goals {
  const goals = new Goals();
  goals.atLeast("match in place, 4,096 characters, per second", 500_000);
  goals.atLeast("match copied out, 4,096 characters, per second", 200_000);
  goals.atLeast("insert, 4,096 characters, per second", 170_000);
  goals.atLeast("pairs: match, then insert of the whole text, per second", 200_000);
  goals.atLeast("pairs: match, then append of what is new, per second", 200_000);
  goals.atMost("match among 100,000 siblings, µs", 2, 2);
  goals.atMost("16,384 characters, all operations ÷ floor", 3, 2);
  goals.atMost("65,536 characters, all operations ÷ floor", 3, 2);
  goals.atMost("holders of 16 workers, share of the match before", 0.25, 2);
  goals.atMost("holders of 64 workers, share of the match before", 0.25, 2);
  goals.atMost("bytes of 1 M tokens ÷ (text + 8.2 B a token + 96 B a node)", 1, 2);
  goals.atMost("bytes of 1 M nodes ÷ the same", 1, 2);
  goals.atMost("bytes of 1 M nodes of random texts ÷ the same", 1, 2);
  return goals;
}

async function benchTexts(bench: Bench, chars: number): Promise<void> {
  const { create, rounds, goals } = bench;
  const title = `${chars > 16_384 ? ENTRIES / 4 : ENTRIES} texts of ${chars} characters`;
  printProgress(title);
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
  const times = measure(rounds, variants);
  const peers = await peerTimes(bench, entries, entries, false);
  const model = modelTimes(entries);
  const floors = [null, null, null, null, 0, 1, 1, 1, 2, 3];
  const toFloor = floors.map((floor, i) => floor === null ? null : times[i]!.us / times[floor]!.us);
  if (chars === 4_096) {
    goals.measured("match in place, 4,096 characters, per second", 1e6 / times[4]!.us);
    goals.measured("match copied out, 4,096 characters, per second", 1e6 / times[6]!.us);
    goals.measured("insert, 4,096 characters, per second", 1e6 / times[8]!.us);
  } else {
    const worst = Math.max(...toFloor.map((ratio) => ratio ?? 0));
    goals.measured(`${chars.toLocaleString("en-US")} characters, all operations ÷ floor`, worst);
  }
  bench.tables.push(() =>
    printTimes(
      title,
      ["÷ floor", "× model", ...bench.peers.map(({ name }) => `× ${name}`)],
      variants.map(({ name }, i) => {
        const stores = name.startsWith("insert");
        const others = [model, ...peers].map((peer) => stores ? peer.insertUs : peer.matchUs);
        const ratio = toFloor[i]!;
        return [name, times[i]!, [
          ratio,
          ...others.map((us) => ratio === null ? null : us / times[i]!.clockUs),
        ]];
      }),
    )
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
  const { create, rounds, goals } = bench;
  const [conversations, turns] = [200, 10];
  const title = `Pairs: ${conversations} conversations of ${turns} turns`;
  printProgress(title);
  const all = conversationTurns(7, conversations, turns);
  const entries = all.flat();
  const floor = await Floor.for(entries);
  const used = create();
  const delta = create();
  const digits = create();
  const appends = (trie: WasmTrie, find: Find) => () => {
    cleared(trie);
    for (const [i, turn] of all.entries()) {
      for (const [c, entry] of turn.entries()) appendTurn(trie, find, all[i - 1]?.[c], entry);
    }
  };
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
      name: "match + append of what is new",
      operations: entries.length,
      run: appends(delta, (trie, text) => trie.matchViews(text)),
    },
    {
      name: "continuation, ids as digits + append",
      operations: entries.length,
      run: appends(digits, (trie, text) => trie.findContinuation(text)),
    },
  ];
  const times = measure(rounds, variants);
  for (const entry of all.at(-1)!) {
    for (const trie of [used, delta, digits]) {
      assert.deepEqual(trie.retrieveFromText(entry.text).tokenIds, entry.tokenIds);
    }
  }
  goals.measured("pairs: match, then insert of the whole text, per second", 1e6 / times[1]!.us);
  goals.measured("pairs: match, then append of what is new, per second", 1e6 / times[3]!.us);
  const peers = await peerTimes(bench, entries, all.at(-1)!, true);
  bench.tables.push(() =>
    printTimes(
      title,
      ["÷ floor", ...bench.peers.map(({ name }) => `× ${name}`)],
      variants.map(({ name }, i) => {
        if (i === 0) return [name, times[i]!, [null, ...peers.map(() => null)]];
        const others = peers.map((peer) => peer.insertUs / times[i]!.clockUs);
        return [name, times[i]!, [times[i]!.us / times[0]!.us, ...others]];
      }),
    )
  );
}

/** How a turn's known part is found. */
type Find = (trie: WasmTrie, text: string) => Pick<Continuation, "matchedUnits" | "tokenCount" | "handle">;

/** What the router does for a turn: find the known part, append the rest below it. */
function appendTurn(trie: WasmTrie, find: Find, before: TrieEntry | undefined, entry: TrieEntry): void {
  // Read at once: what is found in place is gone with the next call.
  const { matchedUnits, tokenCount, handle } = find(trie, entry.text);
  if (before !== undefined && matchedUnits !== before.text.length) throw new Error(`found ${matchedUnits}`);
  const result = trie.append(handle, [{
    keys: [{ text: entry.text.slice(matchedUnits) }],
    tokenIds: entry.tokenIds.subarray(tokenCount),
    logprobs: entry.logprobs.subarray(tokenCount),
    sampled: true,
    versions: 1,
  }]);
  if (!result.ok) throw new Error(result.reason);
}

/** What asking for holders adds to the look-up of the same text. */
function benchHolders({ create, rounds, goals, tables }: Bench): void {
  printProgress("Holders");
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
  const us = measure(rounds, variants).map((times) => times.us);
  goals.measured("holders of 16 workers, share of the match before", us[3]! / us[2]! - 1);
  goals.measured("holders of 64 workers, share of the match before", us[5]! / us[4]! - 1);
  tables.push(() => {
    printLine(`\n## Holders of ${ENTRIES} texts of 4096 characters\n`);
    printTable(
      ["operation", "µs each", "÷ match alone"],
      variants.map(({ name }, i) => [name, figure(us[i]!, 2), figure(us[i]! / us[i - i % 2]!, 2)]),
    );
  });
}

async function benchSiblings(bench: Bench, count: number): Promise<void> {
  const title = `${count} siblings, 140 characters`;
  printProgress(title);
  const random = seeded(count);
  const trie = bench.create();
  const system = randomAscii(random, 100);
  const entries = Array.from({ length: count }, () => entryOf(random, system + randomAscii(random, 40)));
  for (const entry of entries) insertEntry(trie, entry, 1);
  const asked = Array.from({ length: SIBLINGS_ASKED }, () => entries[Math.floor(random() * count)]!);
  for (const entry of asked) assert.deepEqual(trie.matchViews(entry.text).tokenIds, entry.tokenIds);
  const [times] = measure(bench.rounds, [{
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
  if (count === 100_000) bench.goals.measured("match among 100,000 siblings, µs", times!.us);
  bench.tables.push(() =>
    printTimes(
      title,
      compared.map(({ name }) => `× ${name}`),
      [["match, payload left in place", times!, peers.map((peer) => peer.matchUs / times!.clockUs)]],
    )
  );
}

function benchMemory({ create, goals, tables }: Bench): void {
  printProgress("Memory");
  const shapes: [shape: string, goal: string, entries: TrieEntry[]][] = [
    [
      "1 M tokens in long texts",
      "bytes of 1 M tokens ÷ (text + 8.2 B a token + 96 B a node)",
      chatEntries(1, 1_000, 4_096),
    ],
    ["1 M nodes, nearly as many inner ones", "bytes of 1 M nodes ÷ the same", manyNodes(660_000)],
    ["1 M nodes of random texts", "bytes of 1 M nodes of random texts ÷ the same", randomTexts(780_000)],
  ];
  const rows = shapes.map(([shape, goal, entries]) => {
    const trie = create();
    for (const entry of entries) insertEntry(trie, entry, 1);
    const { tokens, nodes, usedBytes } = trie.stats();
    const textBytes = entries.reduce((sum, { text }) => sum + text.length, 0);
    const budget = textBytes + 8.2 * tokens + 96 * nodes;
    goals.measured(goal, usedBytes / budget);
    return [shape, tokens, nodes, usedBytes, Math.round(budget), figure(usedBytes / budget, 2)].map(String);
  });
  tables.push(() => {
    printLine("\n## Memory\n");
    const header = [
      "shape",
      "tokens",
      "nodes",
      "bytes used",
      "text + 8.2 B a token + 96 B a node",
      "share of it",
    ];
    printTable(header, rows);
  });
}

if (import.meta.main) await runTrieBench({ quick: Deno.args.includes("--quick") });
