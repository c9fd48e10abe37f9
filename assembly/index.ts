/**
 * The ABI. The host writes a query into the input window, makes one call, and reads the result record and the output
 * window. Any call may grow the memory: no view outlives one.
 */
import { endFaults, injectFault } from "./arena";
import { checkAll } from "./check";
import { xxh64 } from "./checksum";
import { findHolders } from "./holder_lookup";
import { markHolder, removeHolder } from "./holders";
import { appendSegments, insertFlat, NO_MEMORY, STALE_HANDLE, STORED } from "./insert";
import { header } from "./header";
import { exists, HEADER, none, RESULT, Segment } from "./layout";
import { lookupText, lookupTokens, readFound, readHandle } from "./lookup";
import { reserveInput } from "./output";
import { pointAt } from "./points";
import { unpin as unpinSegment } from "./recency";
import { collect as collectSlice, removeText } from "./reclaim";
import { scopeCount } from "./segments";
import { adoptImage } from "./snapshot";
import { clearTrie, restartCollection, startTrie } from "./start";

/** Lays out an empty trie; serials of handles have `serial` above the lowest 32 bits. False: no memory. */
export function start(maxTokens: u32, maxBytes: u32, gcThresholdK: u32, serial: f64): bool {
  return startTrie(maxTokens, maxBytes, gcThresholdK, <u64> serial);
}

/** Address of the header record (header.ts). */
export function headerAt(): usize {
  return HEADER;
}

/** Address of the result record (header.ts). */
export function resultAt(): usize {
  return RESULT;
}

/** Makes the input window hold `bytes`; its address, or 0. What it held is lost. */
export function input(bytes: u32): usize {
  return reserveInput(bytes) ? header().input : 0;
}

/** Looks up the text in the window: `mode` of match.ts, scope id or 0 for any, flags of output.ts and lookup.ts. */
export function find(mode: u32, length: u32, scope: u32, flags: u32): bool {
  return lookupText(mode, length, scope, flags);
}

/** Looks up `count` ids at address `ids`, guided by the text in the window. */
export function findByTokens(length: u32, ids: usize, count: u32, scope: u32, flags: u32): bool {
  return lookupTokens(length, ids, count, scope, flags);
}

/** Writes the path of a handle to the output window. */
export function read(point: usize, serial: f64, flags: u32): bool {
  return readHandle(point, <u64> serial, flags);
}

/** Writes `tokens` tokens of the path that the last look-up found; false when it is gone, or no memory. */
export function payload(point: usize, serialLow: u32, serialHigh: u32, tokens: u32, flags: u32): bool {
  return readFound(point, <u64> serialHigh << 32 | serialLow, tokens, flags);
}

/** Stores a whole text; addresses lie in the window, `logprobs` may be 0, `spans` is scratch. Status of insert.ts. */
export function insert(
  length: u32,
  ids: usize,
  count: u32,
  logprobs: usize,
  mask: usize,
  version: i32,
  spans: usize,
): u32 {
  return insertFlat(header().input, length, ids, count, logprobs, mask, version, spans);
}

/** Appends `count` commands (command.ts) from the window below a handle; serial 0: below the root. */
export function append(point: usize, serial: f64, count: u32): u32 {
  return appendSegments(point, <u64> serial, header().input, count);
}

/** Notes that a worker holds the path of a handle: 0, or STALE_HANDLE or NO_MEMORY of insert.ts. */
export function mark(point: usize, serial: f64, worker: u32): u32 {
  const at = pointAt(point, <u64> serial);
  if (!exists(at)) return STALE_HANDLE;
  return markHolder(at, worker) ? STORED : NO_MEMORY;
}

/** Forgets what a worker holds. */
export function unmark(worker: u32): void {
  removeHolder(worker);
}

/** Writes who holds how much of the text in the window, and of the ids at `ids` unless that is 0: holder_lookup.ts. */
export function holders(length: u32, ids: usize, count: u32): bool {
  return findHolders(length, ids, count);
}

/** Ends one pin of a handle's segment; nothing when it is stale. */
export function unpin(point: usize, serial: f64): void {
  const at = pointAt(point, <u64> serial);
  if (exists(at)) unpinSegment(at.segment);
}

/** Removes the text in the window and all that extends it. */
export function remove(length: u32): void {
  removeText(header().input, length);
}

/** Collects up to `limit`, looking at `most` segments; true when through. */
export function collect(limit: i32, most: u32): bool {
  return collectSlice(limit, most, none<Segment>());
}

/** Makes the next `collect` begin anew. */
export function restartCollect(): void {
  restartCollection();
}

/** Number of segments of a scope. */
export function scopeSegments(scope: u32): u32 {
  return scopeCount(scope);
}

/** Forgets everything; serials as for `start`. False: no memory, which cannot be. */
export function clear(serial: f64): bool {
  return clearTrie(<u64> serial);
}

/** XXH64 of `length` bytes. */
export function checksum(at: usize, length: u32): u64 {
  return xxh64(at, length);
}

/** Makes the memory image of another instance this one's trie. False: its bounds cannot be kept. */
export function adopt(maxTokens: u32, maxBytes: u32, gcThresholdK: u32, serial: f64): bool {
  return adoptImage(maxTokens, maxBytes, gcThresholdK, <u64> serial);
}

/** Makes the allocation after the next `skipped` fail, and if `stays` all after it. For tests. */
export function fail(skipped: u32, stays: bool): void {
  injectFault(skipped, stays);
}

/** Ends what `fail` began. Whether an allocation has failed. */
export function endFail(): bool {
  return endFaults();
}

/** 0, or the number of the first broken rule (check.ts). */
export function check(): u32 {
  return checkAll();
}
