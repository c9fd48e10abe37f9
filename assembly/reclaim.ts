/**
 * What keeps the trie within its bounds: removal, weight-version garbage collection, eviction. What goes first, and what
 * stays, recency.ts tells.
 */
import { header, result } from "./header";
import { CAUSE_LRU, CAUSE_REMOVED, CAUSE_UNDONE, CAUSE_VERSION, exists, none, Segment } from "./layout";
import { evictedBytesWanted, makesLargeTable, rememberText } from "./evicted";
import { freePoint } from "./points";
import { disinherit, heldTokensWith, inherit, leastRecent, releasePins } from "./recency";
import { detach, freeSegment } from "./segments";
import { anyChild } from "./children";
import { findSubtree, prune } from "./trie";

/** Points removed that count as a unit of work (a shift). */
const POINTS_SHIFT: u32 = 4;
/** Segments passed that count as a unit of work (a shift). */
const PASSED_SHIFT: u32 = 6;
/** Units of a collection after which an insert into a full cache looks whether it fits; the next one goes on. */
const COLLECT_AT_ONCE: u32 = 128;
/** Units that such an insert spends at most: what is still missing is evicted. */
const COLLECT_MAX: u32 = 4096;

/** Removes a segment that nothing continues, with its points and the text that only they needed. */
export function removeLeaf(segment: Segment, cause: u32): void {
  removePoints(segment, cause, 0xffffffff);
  freeLeaf(segment, cause);
}

/**
 * Removes points until the header's `work` exceeds `most`. A segment that is left with some is whole: the first key's,
 * which `append` looks for, goes last. False when some are left.
 */
function removePoints(segment: Segment, cause: u32, most: u32): bool {
  const h = header();
  let removed: u32 = 0;
  for (let point = segment.points; exists(point); point = segment.points) {
    if (h.work > most) return false;
    if ((++removed & ((1 << POINTS_SHIFT) - 1)) == 0) h.work++;
    const node = point.node;
    segment.points = point.nextOfSegment;
    freePoint(point);
    if (cause <= CAUSE_VERSION) rememberText(node);
    prune(node);
  }
  return true;
}

function freeLeaf(segment: Segment, cause: u32): void {
  const h = header();
  const tokens: u64 = segment.count;
  if (cause == CAUSE_LRU) h.evictedLru += tokens;
  else if (cause == CAUSE_VERSION) h.evictedVersion += tokens;
  else if (cause == CAUSE_REMOVED) h.evictedRemoved += tokens;
  releasePins(segment);
  detach(segment);
  const parent = segment.parent;
  if (exists(parent)) {
    if (cause == CAUSE_UNDONE) disinherit(parent);
    else inherit(parent, segment);
  }
  freeSegment(segment);
}

/** Removes a segment and everything that continues it, children first. */
export function removeTree(top: Segment, cause: u32): void {
  let segment = top;
  while (true) {
    while (exists(segment.firstChild)) segment = segment.firstChild;
    const parent = segment.parent;
    const done = segment == top;
    removeLeaf(segment, cause);
    if (done) return;
    segment = parent;
  }
}

/** Removes every segment with a point at or below this text, and what continues them. */
export function removeText(text: usize, length: u32): void {
  const r = result();
  const h = header();
  const entries = h.entries;
  const tokens = h.tokens;
  while (true) {
    let node = findSubtree(text, length);
    if (!exists(node) || node == h.root) break;
    while (!exists(node.points)) node = anyChild(node);
    removeTree(node.points.segment, CAUSE_REMOVED);
  }
  r.removedEntries = entries - h.entries;
  r.removedTokens = tokens - h.tokens;
}

// --- garbage collection --------------------------------------------------------------------------------------------

/**
 * Looks at segments that nothing continues and nothing holds, least recently used first, and removes those that no version
 * above `limit` passed through, but not `kept`. Goes on where the last call stopped; true when it has come to the end.
 *
 * Stops after `most` units of work: a segment looked at is one, so are so many of its points removed, so much text
 * copied or hashed for it, so many nodes climbed, so many segments passed that others continue. What comes between two
 * looks at the clock is bounded: a point, and with it the text that is moved at once (trie.ts) or hashed at once
 * (evicted.ts).
 *
 * As a parent is at least as new a version as its children, and takes the place of the last one that leaves or has a
 * later one, one pass is enough.
 */
export function collect(limit: i32, most: u32, kept: Segment): bool {
  const h = header();
  h.work = 0;
  let passed: u32 = 0;
  while (true) {
    const cursor = h.gcCursor;
    const segment = exists(cursor) ? cursor.newer : h.oldest;
    if (!exists(segment)) break;
    if (exists(segment.firstChild) || segment == kept) {
      h.gcCursor = segment;
      if ((++passed & ((1 << PASSED_SHIFT) - 1)) == 0 && h.work++ >= most) return false;
      continue;
    }
    if (h.work >= most) return false;
    h.work++;
    const version = segment.traverseVersion;
    if (version >= 0 && version <= limit) {
      if (most <= COLLECT_AT_ONCE && makesLargeTable()) return false;
      if (!removePoints(segment, CAUSE_VERSION, most)) return false;
      freeLeaf(segment, CAUSE_VERSION);
    } else {
      h.gcCursor = segment;
    }
  }
  h.gcCursor = none<Segment>();
  return true;
}

// --- bounds --------------------------------------------------------------------------------------------------------

/** Removes the least recently used segment, but not `kept`. False when everything else is held. */
export function evictOne(kept: Segment): bool {
  const segment = leastRecent(kept);
  if (!exists(segment)) return false;
  removeLeaf(segment, CAUSE_LRU);
  return true;
}

/**
 * Collects when a newer version has been seen than at the last full cache (a repeat would find next to nothing), until
 * the tokens are within their bound and `bytes` more are likely to fit.
 */
function collectIfNewer(kept: Segment, bytes: u64): void {
  const h = header();
  const limit = <i64> h.newestVersion - <i64> h.gcThresholdK;
  if (limit <= <i64> h.collectedLimit) return;
  if (limit != h.collectingLimit) {
    h.collectingLimit = limit as i32;
    h.gcCursor = none<Segment>();
  }
  for (let units: u32 = 0; units < COLLECT_MAX; units += COLLECT_AT_ONCE) {
    if (collect(limit as i32, COLLECT_AT_ONCE, kept)) {
      h.collectedLimit = limit as i32;
      return;
    }
    if (h.tokens <= h.maxTokens && likelyFits(bytes)) return;
  }
}

/**
 * Whether `need` more tokens fit beside what is held and what `parent` continues, once all else is gone. If not, the
 * result tells what is in the way.
 */
export function fitsTokens(need: u32, parent: Segment): bool {
  const h = header();
  if (need == 0 || (need <= h.maxTokens && h.tokens <= h.maxTokens - need)) return true;
  const held = heldTokensWith(parent);
  if (<u64> held + need <= <u64> h.maxTokens) return true;
  result().heldTokens = held;
  result().tokens = need;
  return false;
}

/**
 * Brings the tokens within their bound, by collection first, then by eviction; `kept` and what it continues stays. Comes
 * after an operation has stored what it had to: one that fails has then evicted nothing.
 */
export function settle(kept: Segment, version: i32): void {
  const h = header();
  h.newestVersion = max<i32>(h.newestVersion, version);
  if (h.tokens <= h.maxTokens) return;
  collectIfNewer(kept, 0);
  while (h.tokens > h.maxTokens) {
    if (!evictOne(kept)) break;
  }
}

/**
 * Frees memory after an allocation has failed: collection first, then eviction until `bytes` more are likely to fit.
 * False when nothing is left to go.
 */
export function freeMemory(bytes: u32, parent: Segment): bool {
  const h = header();
  // What a test made fail does not lack memory.
  if (h.faulted) return false;
  const before = h.segments;
  const wanted = <u64> bytes + evictedBytesWanted();
  collectIfNewer(parent, wanted);
  let more = true;
  while (more && (h.segments == before || !likelyFits(wanted))) more = evictOne(parent);
  return h.segments < before;
}

function likelyFits(bytes: u64): bool {
  const h = header();
  return <u64> h.usedBytes - h.windowBytes + bytes <= <u64> h.maxBytes;
}
