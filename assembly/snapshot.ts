/** A memory image that another instance has written becomes this one's trie. */
import { releaseWindow } from "./arena";
import { forgetHolders } from "./holders";
import { exists, header, none, Segment } from "./layout";
import { CHUNK_POINTS, segmentIn } from "./points";
import { isHeld, relist } from "./recency";
import { evictOne, settle } from "./reclaim";

/**
 * Takes over what lies in memory: bounds are the given ones, pins and windows of the writer are gone, and `serial` has
 * a number of its own above the lowest 32 bits, so that no handle from before is mistaken for one of the image. False: it cannot be brought within
 * the bounds.
 */
export function adoptImage(maxTokens: u32, maxBytes: u32, gcThresholdK: u32, serial: u64): bool {
  const h = header();
  h.maxTokens = maxTokens;
  h.maxBytes = maxBytes;
  h.gcThresholdK = gcThresholdK;
  h.gcCursor = none<Segment>();
  h.collectingLimit = -1;
  releaseWindow(h.input);
  releaseWindow(h.output);
  h.input = h.output = 0;
  h.inputCap = h.outputCap = 0;
  h.epoch = (serial >> 32) as u32;
  dropPins();
  forgetHolders();
  settle(none<Segment>(), -1);
  while (h.usedBytes > h.maxBytes) {
    if (!evictOne(none<Segment>())) return false;
  }
  return true;
}

/** What only a pin has kept may be evicted again, by its last use. */
function dropPins(): void {
  const h = header();
  h.pins = h.heldTokens = 0;
  for (let chunk = h.chunk; chunk; chunk = load<usize>(chunk)) {
    for (let i: u32 = 0; i < CHUNK_POINTS; i++) {
      const segment = segmentIn(chunk, i);
      if (exists(segment) && isHeld(segment)) relist(segment);
    }
  }
}
