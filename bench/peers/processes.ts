/**
 * Peers in other languages, as processes that get a workload as JSON and answer with times: run where they are at hand.
 *
 * @module
 */
import type { TrieEntry } from "../support/trie_corpus.ts";

const HERE = new URL(".", import.meta.url).pathname;
/** Where Cargo builds: beside the sources unless told otherwise. */
const TARGET = Deno.env.get("CARGO_TARGET_DIR") ?? `${HERE}string_tree/target`;

/** What a peer is asked to do. */
export interface Workload {
  readonly entries: readonly TrieEntry[];
  /** Look up each text before it is inserted, and time the pair. */
  readonly pairs: boolean;
  readonly asked: readonly string[];
  readonly rounds: number;
}

/** Best of the rounds, each operation on its own. */
export interface PeerTimes {
  readonly insertUs: number;
  readonly matchUs: number;
  /** What was found for each text that was asked: tokens, or characters. */
  readonly answers: readonly number[];
}

/** A peer that can be run here. */
export interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  /** Whether it takes tokens and answers with their number; else with characters. */
  readonly payload: boolean;
}

/** The peers that are at hand; `missing` tells why others are not. */
export async function findPeers(): Promise<{ peers: Peer[]; missing: string[] }> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  if (await runs(["python3", "--version"])) {
    peers.push({ name: "Python original", command: ["python3", `${HERE}python_trie.py`], payload: true });
  } else missing.push("Python original: no python3");
  const build = [
    "cargo",
    "build",
    "--release",
    "--quiet",
    "--manifest-path",
    `${HERE}string_tree/Cargo.toml`,
  ];
  if (await runs([...build, "--target-dir", TARGET])) {
    peers.push({ name: "SMG StringTree", command: [`${TARGET}/release/string-tree-peer`], payload: false });
  } else missing.push("SMG StringTree: no cargo, or its crate kv-index cannot be fetched");
  return { peers, missing };
}

async function runs([program, ...args]: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).output();
    return success;
  } catch {
    return false;
  }
}

/** Runs one workload in a peer. Throws `Error` with the peer's words when it fails. */
export async function runPeer(peer: Peer, { entries, ...rest }: Workload): Promise<PeerTimes> {
  const rows = entries.map((e) =>
    peer.payload ? [e.text, [...e.tokenIds], [...e.logprobs], [...e.lossMask]] : [e.text]
  );
  const [program, ...args] = peer.command;
  const child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify({ ...rest, entries: rows })));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`Cannot run ${peer.name}: ${new TextDecoder().decode(stderr)}`);
  const { insert_us, match_us, answers } = JSON.parse(new TextDecoder().decode(stdout));
  return { insertUs: insert_us, matchUs: match_us, answers };
}
