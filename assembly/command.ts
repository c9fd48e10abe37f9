/**
 * Segments to append, as the host writes them into the input window, one after another, each 8-aligned:
 *
 *   0       4         8       12     16      20     24          28      32      36       40
 *   +-------+---------+-------+------+-------+------+-----------+-------+-------+--------+
 *   | count | sampled | scope | keys | edges | runs | logprobs? | bytes | point | newest |  `bytes`: the whole command
 *   +-------+---------+-------+------+-------+------+-----------+-------+-------+--------+
 *   then  keys:  (text bytes, tokens) each        edges: (byte offset, token index) each
 *         runs:  (tokens, version code) each
 *         logprobs: f64 a token, if given         ids: u32 a token        texts of the keys, one after another
 */
import { none, Point } from "./layout";
import { SPAN_BYTES, writeSpan } from "./segments";

const KEYS: usize = 40;

@unmanaged
export class Command {
  count: u32;
  sampled: u32;
  scope: u32;
  keys: u32;
  edges: u32;
  runs: u32;
  hasLogprobs: u32;
  bytes: u32;
  /** Where its first key ends, once it is stored. */
  point: Point = none<Point>();
  /** The newest point of the segment that is used again, before it is given further ones. */
  newest: Point = none<Point>();
}

// @ts-ignore: decorator
@inline
function start(command: Command): usize {
  return changetype<usize>(command);
}

export function nextCommand(command: Command): Command {
  return changetype<Command>(start(command) + command.bytes);
}

// @ts-ignore: decorator
@inline
export function keyBytes(command: Command, key: u32): u32 {
  return load<u32>(start(command) + KEYS + (<usize> key << 3));
}

// @ts-ignore: decorator
@inline
export function keyTokens(command: Command, key: u32): u32 {
  return load<u32>(start(command) + KEYS + (<usize> key << 3), 4) & 0x7fffffff;
}

/** The highest bit of a key's tokens: it is found, and never continued. */
export function isRetrieveOnlyKey(command: Command, key: u32): bool {
  return load<u32>(start(command) + KEYS + (<usize> key << 3), 4) >> 31 == 1;
}

export function edgeOffset(command: Command, edge: u32): u32 {
  return load<u32>(start(command) + KEYS + (<usize> (command.keys + edge) << 3));
}

export function edgeToken(command: Command, edge: u32): u32 {
  return load<u32>(start(command) + KEYS + (<usize> (command.keys + edge) << 3), 4);
}

/** The version runs, which `sealSpans` turns into spans. */
export function spansOfCommand(command: Command): usize {
  return start(command) + KEYS + (<usize> (command.keys + command.edges) << 3);
}

/** 0 when none were given. */
export function logprobsOfCommand(command: Command): usize {
  return command.hasLogprobs ? payload(command) : 0;
}

export function idsOfCommand(command: Command): usize {
  return payload(command) + (command.hasLogprobs ? <usize> command.count << 3 : 0);
}

/** Text of the first key; the others follow. */
export function textOfCommand(command: Command): usize {
  return idsOfCommand(command) + (<usize> command.count << 2);
}

// @ts-ignore: decorator
@inline
function payload(command: Command): usize {
  return spansOfCommand(command) + (<usize> command.runs << 3);
}

/** Writes the loss mask into the runs: from then on they are spans. */
export function sealSpans(command: Command): void {
  let span = spansOfCommand(command);
  for (let i: u32 = 0; i < command.runs; i++, span += SPAN_BYTES) {
    writeSpan(span, load<u32>(span), command.sampled, load<i32>(span, 4));
  }
}

/** Newest integer version of the runs, or -1. */
export function versionOf(command: Command): i32 {
  let version: i32 = -1;
  let span = spansOfCommand(command);
  for (let i: u32 = 0; i < command.runs; i++, span += SPAN_BYTES) {
    version = max<i32>(version, load<i32>(span, 4));
  }
  return version;
}
