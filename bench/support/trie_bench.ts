/**
 * What the parts of the trie's benchmark share: measuring in turns, tables of times, peers.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import type { TokenTrie, WasmTrie } from "../../src/trie/mod.ts";
import { type Peer, type PeerTimes, runPeer } from "../peers/processes.ts";
import type { Goals } from "./goals.ts";
import { figure, printLine, printProgress, printTable } from "./print.ts";
import type { TrieEntry } from "./trie_corpus.ts";

const PEER_ROUNDS = 3;

/** What all parts of the benchmark share. */
export interface Bench {
  readonly create: () => WasmTrie;
  readonly rounds: number;
  readonly peers: readonly Peer[];
  readonly quick: boolean;
  readonly goals: Goals;
  /** What prints the tables, once everything is measured. */
  readonly tables: (() => void)[];
}

/** Best times of one operation, microseconds. */
export interface Times {
  /** Of the processor, all threads. */
  readonly us: number;
  readonly clockUs: number;
}

/** Something to time: `run` does `operations`. */
export interface Variant {
  readonly name: string;
  readonly operations: number;
  readonly run: (round: number) => void;
}

/** Times of each variant, which take turns; the best round. The first round warms up. */
export function measure(rounds: number, variants: readonly Variant[]): Times[] {
  const us = variants.map(() => Infinity);
  const clockUs = variants.map(() => Infinity);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { operations, run }] of variants.entries()) {
      const before = process.cpuUsage();
      const start = performance.now();
      run(round);
      const clock = (performance.now() - start) * 1_000;
      const { user, system } = process.cpuUsage(before);
      if (round === 0) continue;
      us[i] = Math.min(us[i]!, (user + system) / operations);
      clockUs[i] = Math.min(clockUs[i]!, clock / operations);
    }
  }
  return us.map((best, i) => ({ us: best, clockUs: clockUs[i]! }));
}

/** Prints times, and for each of the further columns what the row has there. */
export function printTimes(
  title: string,
  columns: readonly string[],
  rows: readonly [name: string, times: Times, ratios: readonly (number | null)[]][],
): void {
  printLine(`\n## ${title}\n`);
  printTable(
    ["operation", "per second", "µs each", "on the clock", ...columns],
    rows.map(([name, { us, clockUs }, ratios]) => [
      name,
      figure(1e6 / us),
      figure(us, 2),
      figure(clockUs, 2),
      ...ratios.map((ratio) => figure(ratio, 2)),
    ]),
  );
}

/** Stores an entry. Throws `Error` when it is refused. */
export function insertEntry(trie: TokenTrie, entry: TrieEntry, version: number): void {
  const stored = trie.insert(entry.text, entry.tokenIds, entry.logprobs, entry.lossMask, version);
  if (!stored) throw new Error(trie.lastRefusal ?? "refused");
}

/** Times of the peers for a workload, in their order; what they answer is checked. */
export async function peerTimes(
  { peers }: Bench,
  entries: readonly TrieEntry[],
  asked: readonly TrieEntry[],
  pairs: boolean,
): Promise<PeerTimes[]> {
  const times: PeerTimes[] = [];
  for (const peer of peers) {
    printProgress(`… ${peer.name}`);
    const workload = { entries, pairs, asked: asked.map(({ text }) => text), rounds: PEER_ROUNDS };
    const answer = await runPeer(peer, workload);
    const right = asked.map((e) => peer.payload ? e.tokenIds.length : e.text.length);
    assert.deepEqual(answer.answers, right, peer.name);
    times.push(answer);
  }
  return times;
}
