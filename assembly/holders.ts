/**
 * Which workers hold which prefix. A worker that holds a text holds all that it begins with: so a node's holders are its
 * parent's as well, and what is marked is noted at every node from there up.
 *
 *   set of a node   0       2          4                    4 + 2 * capacity
 *                   +-------+----------+--------------------+--------------------------+
 *                   | count | capacity | workers: u16 each  | stamps: u32 each         |
 *                   +-------+----------+--------------------+--------------------------+
 *
 * The stamp is that of the newest mark at or below the node. A worker is removed by its entry in the header's table of
 * stamps: what is not newer holds no more. Its places in sets stay, and serve it again.
 */
import { allocate, release } from "./arena";
import { nextNode } from "./children";
import { header } from "./header";
import { exists, Node, none, Point } from "./layout";

/** Workers are numbers below this. */
export const WORKERS_MAX: u32 = 1024;
const WORKERS_OF_SET: usize = 4;
const CAPACITY_MIN: u32 = 2;

/** Notes that `worker` holds the text of a point. False when there is no memory: no answer has changed. */
export function markHolder(point: Point, worker: u32): bool {
  const h = header();
  if (worker >= WORKERS_MAX || !reserveRemoved() || !reservePlaces(point.node, worker)) return false;
  if (h.holderStamp == 0xffffffff) forgetHolders();
  const stamp = ++h.holderStamp;
  for (let node = point.node; node != h.root; node = node.parent) setStamp(node.holders, worker, stamp);
  h.workers = max<u32>(h.workers, worker + 1);
  return true;
}

/** Forgets what a worker holds. */
export function removeHolder(worker: u32): void {
  const h = header();
  if (worker < h.workers) store<u32>(h.removedAt + (<usize> worker << 2), h.holderStamp);
}

/** Forgets all holders. Cost: all nodes; so only when stamps have run out, and in another process's image. */
export function forgetHolders(): void {
  const h = header();
  // Without workers no node has noted one.
  for (let node = h.workers ? nextNode(h.root) : none<Node>(); exists(node); node = nextNode(node)) {
    if (node.holders) store<u16>(node.holders, 0);
  }
  if (h.removedAt) memory.fill(h.removedAt, 0, WORKERS_MAX << 2);
  h.holderStamp = 0;
  h.workers = 0;
}

/** Gives `to`, which has none, the holders of `from`. False when there is no memory. */
export function copyHolders(from: Node, to: Node): bool {
  if (from.holders == 0) return true;
  const bytes = setBytes(load<u16>(from.holders, 2));
  const copy = allocate(bytes);
  if (copy == 0) return false;
  memory.copy(copy, from.holders, bytes);
  to.holders = copy;
  return true;
}

/** Frees the set of a node. */
export function releaseHolders(node: Node): void {
  if (node.holders) release(node.holders);
  node.holders = 0;
}

/** Holders of a node, removed ones included: no fewer than of a node below it. */
export function countHolders(node: Node): u32 {
  return node.holders ? load<u16>(node.holders) : 0;
}

// @ts-ignore: decorator
@inline
export function holderAt(node: Node, i: u32): u32 {
  return load<u16>(workerPlace(node.holders, i));
}

// @ts-ignore: decorator
@inline
export function stampAt(node: Node, i: u32): u32 {
  return load<u32>(stampPlace(node.holders, i));
}

/** The same for a node and one below it where that one has all marks of the upper one; else greater for the upper one. */
export function sumOfStamps(node: Node): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < countHolders(node); i++) sum += stampAt(node, i);
  return sum;
}

/** The place of a worker in a node's set from 0, or the number of places. */
export function placeOfHolder(set: usize, worker: u32): u32 {
  const count: u32 = load<u16>(set);
  const workers = set + WORKERS_OF_SET;
  const wanted = i16x8.splat(worker as i16);
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const same = i16x8.bitmask(i16x8.eq(v128.load(workers + (<usize> i << 1)), wanted));
    if (same) return i + ctz<i32>(same);
  }
  while (i < count && load<u16>(workers + (<usize> i << 1)) != worker) i++;
  return i;
}

// @ts-ignore: decorator
@inline
export function workerPlace(set: usize, i: u32): usize {
  return set + WORKERS_OF_SET + (<usize> i << 1);
}

export function stampPlace(set: usize, i: u32): usize {
  return set + WORKERS_OF_SET + (<usize> load<u16>(set, 2) << 1) + (<usize> i << 2);
}

function setBytes(capacity: u32): u32 {
  return (WORKERS_OF_SET as u32) + capacity * 6;
}

function setStamp(set: usize, worker: u32, stamp: u32): void {
  const i = placeOfHolder(set, worker);
  if (i == load<u16>(set)) {
    store<u16>(workerPlace(set, i), worker);
    store<u16>(set, i + 1);
  }
  store<u32>(stampPlace(set, i), stamp);
}

/** Makes sure that every node from `start` up can note a worker. Above a node that has noted it all have. */
function reservePlaces(start: Node, worker: u32): bool {
  const root = header().root;
  for (let node = start; node != root; node = node.parent) {
    const set = node.holders;
    const count = countHolders(node);
    if (set && placeOfHolder(set, worker) < count) return true;
    if (set && count < <u32> load<u16>(set, 2)) continue;
    if (!growSet(node, max<u32>(CAPACITY_MIN, count * 2))) return false;
  }
  return true;
}

function growSet(node: Node, capacity: u32): bool {
  const set = allocate(setBytes(capacity));
  if (set == 0) return false;
  const old = node.holders;
  const count = countHolders(node);
  store<u16>(set, count);
  store<u16>(set, capacity, 2);
  if (old) {
    memory.copy(set + WORKERS_OF_SET, old + WORKERS_OF_SET, count << 1);
    memory.copy(stampPlace(set, 0), stampPlace(old, 0), count << 2);
    release(old);
  }
  node.holders = set;
  return true;
}

function reserveRemoved(): bool {
  const h = header();
  if (h.removedAt) return true;
  h.removedAt = allocate(WORKERS_MAX << 2);
  if (h.removedAt) memory.fill(h.removedAt, 0, WORKERS_MAX << 2);
  return h.removedAt != 0;
}
