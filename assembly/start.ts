/** An empty trie: at first, and after everything was forgotten. */
import { emptyArena } from "./arena";
import { evictedCapOf } from "./evicted";
import { exists, header, HEADER, Header, Node, none, Point, Segment } from "./layout";
import { newNode } from "./trie";

/** Lays out an empty trie in memory that no trie has used. Serials of points begin above `serial`. */
export function startTrie(maxTokens: u32, maxBytes: u32, gcThresholdK: u32, serial: u64): bool {
  const h = header();
  memory.fill(HEADER, 0, offsetof<Header>());
  h.maxTokens = maxTokens;
  h.maxBytes = maxBytes;
  h.evictedCap = evictedCapOf(maxTokens, maxBytes);
  h.gcThresholdK = gcThresholdK;
  h.newestVersion = -1;
  h.collectedLimit = h.collectingLimit = -1;
  h.serial = serial;
  h.root = newNode();
  return exists(h.root);
}

/** Forgets everything but bounds, counters and the newest version. Serials go on, so that old handles are stale. */
export function clearTrie(): bool {
  const h = header();
  h.evictedRemoved += h.tokens;
  emptyArena();
  h.tokens = h.entries = h.segments = h.nodes = h.pins = h.heldTokens = 0;
  h.newest = h.oldest = h.gcCursor = none<Segment>();
  h.collectedLimit = h.collectingLimit = -1;
  h.pathNode = none<Node>();
  h.evicted = h.evictedCount = h.evictedLengths = h.evictedEpoch = 0;
  h.heap = h.chunks = h.scopeRefs = h.input = h.output = h.removedAt = 0;
  h.workers = 0;
  h.heapLen = h.heapCap = h.chunkCount = h.chunkCap = h.scopeCap = 0;
  h.inputCap = h.outputCap = h.mergesSkipped = 0;
  h.freePoint = none<Point>();
  h.faultIn = 0;
  h.root = newNode();
  return exists(h.root);
}

/** Makes the next slice of a collection begin with the newest segment. */
export function restartCollection(): void {
  header().gcCursor = none<Segment>();
}
