/** An empty trie: at first, and after everything was forgotten. */
import { emptyArena } from "./arena";
import { followBounds } from "./evicted";
import { FORGOTTEN, header, Header } from "./header";
import { exists, HEADER, none, Segment } from "./layout";
import { newNode } from "./trie";

/** Lays out an empty trie in memory that no trie has used. Serials of handles have `serial` above the lowest 32 bits. */
export function startTrie(maxTokens: u32, maxBytes: u32, gcThresholdK: u32, serial: u64): bool {
  const h = header();
  memory.fill(HEADER, 0, offsetof<Header>());
  h.maxTokens = maxTokens;
  h.maxBytes = maxBytes;
  h.gcThresholdK = gcThresholdK;
  h.newestVersion = -1;
  followBounds();
  return makeEmpty(serial);
}

/** Forgets everything but bounds, counters and the newest version. Old handles are stale by the number in `serial`. */
export function clearTrie(serial: u64): bool {
  const h = header();
  h.evictedRemoved += h.tokens;
  emptyArena();
  return makeEmpty(serial);
}

function makeEmpty(serial: u64): bool {
  const h = header();
  memory.fill(HEADER, 0, FORGOTTEN);
  h.epoch = (serial >> 32) as u32;
  h.collectedLimit = h.collectingLimit = -1;
  h.root = newNode(0);
  return exists(h.root);
}

/** Makes the next slice of a collection begin anew. */
export function restartCollection(): void {
  header().gcCursor = none<Segment>();
}
