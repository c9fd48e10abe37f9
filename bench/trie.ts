/**
 * The token trie, WebAssembly against the plain model in one run: `deno task bench trie`.
 *
 * Every look-up's answer is checked once before it is timed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { compileOwnCore } from "../src/trie/wasm_core.ts";
import { ModelTrie, type TokenTrie, WasmTrie } from "../src/trie/mod.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { median } from "./support/stats.ts";
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

interface Options {
  /** Fewer rounds and smaller sizes. */
  readonly quick?: boolean;
}

/** Runs everything and prints tables. */
export async function runTrieBench({ quick = false }: Options = {}): Promise<void> {
  const module = await compileOwnCore();
  const create = () => new WasmTrie(module, { maxCacheSize: TOKENS_MAX, maxCacheBytes: 2 ** 32 - 1 });
  const rounds = quick ? 3 : 7;
  printLine(`# Token trie\n\n${machineLine()}; medians of ${rounds} rounds\n`);
  printTable(
    ["operation", "per second", "µs each", "× model"],
    [
      ...[4_096, 16_384, 65_536].flatMap((chars) => benchTexts(create, chars, rounds)),
      ...benchTurns(create, rounds),
      ...[100, 10_000, ...(quick ? [] : [100_000])].map((count) => benchSiblings(create, count, rounds)),
    ],
  );
  printLine();
  printMemory(create);
}

/** Seconds of the fastest-typical round: `run` does `operations`. */
function microseconds(rounds: number, operations: number, run: (round: number) => void): number {
  const times: number[] = [];
  for (let round = 0; round < rounds + 1; round++) {
    const start = performance.now();
    run(round);
    // The first round warms up.
    if (round > 0) times.push((performance.now() - start) * 1_000 / operations);
  }
  return median(times);
}

function row(name: string, us: number, modelUs: number | null): string[] {
  const ratio = modelUs === null ? null : modelUs / us;
  return [name, figure(1e6 / us), figure(us, 2), figure(ratio)];
}

function insertEntry(trie: TokenTrie, entry: TrieEntry, version: number): void {
  const stored = trie.insert(entry.text, entry.tokenIds, entry.logprobs, entry.lossMask, version);
  if (!stored) throw new Error(trie.lastRefusal ?? "refused");
}

function benchTexts(create: () => WasmTrie, chars: number, rounds: number): string[][] {
  const count = chars > 16_384 ? ENTRIES / 4 : ENTRIES;
  const entries = chatEntries(chars, count, chars);
  const model = new ModelTrie({ maxCacheSize: TOKENS_MAX });
  const modelEntries = entries.slice(0, MODEL_INSERTS);
  const modelInsert = microseconds(1, modelEntries.length, (round) => {
    for (const entry of modelEntries) insertEntry(model, entry, round);
    if (round === 0) model.clear();
  });
  const fresh = Array.from({ length: rounds + 1 }, create);
  const insert = microseconds(rounds, count, (round) => {
    for (const entry of entries) insertEntry(fresh[round]!, entry, 1);
  });
  const trie = fresh[0]!;
  for (const entry of entries) checkAnswer(trie, entry);
  // A cache that is full and evicts has warm memory: what a router sees after some minutes.
  const warm = microseconds(rounds, count, () => {
    trie.clear();
    for (const entry of entries) insertEntry(trie, entry, 1);
  });
  const lookups: [string, (trie: TokenTrie, text: string) => unknown][] = [
    ["match, payload left in the window", (t, text) => (t as WasmTrie).matchViews(text)],
    ["match, payload copied out", (t, text) => t.retrieveFromText(text)],
    ["continuation, ids as digits", (t, text) => t.findContinuation(text)],
  ];
  const modelMatch = microseconds(1, MODEL_LOOKUPS, () => {
    for (const { text } of modelEntries.slice(0, MODEL_LOOKUPS)) model.retrieveFromText(text);
  });
  // The model's cost grows with what is stored: brought up to as many texts.
  const scaledMatch = modelMatch * count / modelEntries.length;
  return [
    row(`insert, ${chars} chars, fresh memory`, insert, modelInsert),
    row(`insert, ${chars} chars, used memory`, warm, modelInsert),
    ...lookups.map(([name, look]) => {
      const us = microseconds(rounds, count, () => {
        for (const { text } of entries) look(trie, text);
      });
      return row(`${name}, ${chars} chars`, us, scaledMatch);
    }),
  ];
}

function checkAnswer(trie: WasmTrie, entry: TrieEntry): void {
  const match = trie.retrieveFromText(entry.text + "!");
  assert.equal(match.remaining, "!");
  assert.deepEqual(match.tokenIds, entry.tokenIds);
  assert.deepEqual(match.logprobs, entry.logprobs);
  const views = trie.matchViews(entry.text);
  assert.deepEqual(views.tokenIds, entry.tokenIds);
  assert.deepEqual(views.lossMask, entry.lossMask);
}

function benchTurns(create: () => WasmTrie, rounds: number): string[][] {
  const [conversations, turns] = [200, 10];
  const all = conversationTurns(7, conversations, turns);
  const flat = microseconds(rounds, conversations * turns, () => {
    const trie = create();
    for (const turn of all) {
      for (const entry of turn) {
        trie.matchViews(entry.text);
        insertEntry(trie, entry, 1);
      }
    }
  });
  const used = create();
  const warm = microseconds(rounds, conversations * turns, () => {
    used.clear();
    for (const turn of all) {
      for (const entry of turn) {
        used.matchViews(entry.text);
        insertEntry(used, entry, 1);
      }
    }
  });
  const delta = microseconds(rounds, conversations * turns, () => {
    used.clear();
    for (const [i, turn] of all.entries()) {
      for (const [c, entry] of turn.entries()) appendTurn(used, all[i - 1]?.[c], entry);
    }
  });
  for (const entry of all.at(-1)!) {
    assert.deepEqual(used.retrieveFromText(entry.text).tokenIds, entry.tokenIds);
  }
  const pair = `${conversations} x ${turns} turns`;
  return [
    row(`match + insert pairs, ${pair}, fresh memory`, flat, null),
    row(`match + insert pairs, ${pair}, used memory`, warm, null),
    row(`continuation + append pairs, ${pair}`, delta, null),
  ];
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

function benchSiblings(create: () => WasmTrie, count: number, rounds: number): string[] {
  const random = seeded(count);
  const trie = create();
  const system = randomAscii(random, 100);
  const entries = Array.from({ length: count }, () => entryOf(random, system + randomAscii(random, 40)));
  for (const entry of entries) insertEntry(trie, entry, 1);
  const asked = Array.from({ length: 2_000 }, () => entries[Math.floor(random() * count)]!);
  for (const entry of asked) assert.deepEqual(trie.matchViews(entry.text).tokenIds, entry.tokenIds);
  const us = microseconds(rounds, asked.length, () => {
    for (const { text } of asked) trie.matchViews(text);
  });
  return row(`match under ${count} siblings, 140 chars`, us, null);
}

function printMemory(create: () => WasmTrie): void {
  const trie = create();
  for (const entry of chatEntries(1, ENTRIES, 4_096)) insertEntry(trie, entry, 1);
  const { tokens, nodes, usedBytes } = trie.stats();
  const textBytes = ENTRIES * 4_096;
  const budget = textBytes + 8.2 * tokens + 96 * nodes;
  printLine(
    `Memory, ${ENTRIES} entries of 4096 chars: ${usedBytes} bytes used by ${tokens} tokens in ${nodes} nodes; ` +
      `text + 8.2 B a token + 96 B a node would be ${figure(budget)}`,
  );
}

if (import.meta.main) await runTrieBench({ quick: Deno.args.includes("--quick") });
