/** A memory image that another instance has written becomes this one's trie. */
import { releaseWindow } from "./arena";
import { followBounds } from "./evicted";
import { forgetHolders } from "./holders";
import { header } from "./header";
import { none, Segment } from "./layout";
import { sweepChunks } from "./points";
import { evictOne, settle } from "./reclaim";

/** This part of the segments goes at most (a shift) until it is looked what memory of points is free. */
const EVICTED_SHIFT: u32 = 3;

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
  // What only a pin has kept may be evicted again, by its last use.
  h.pins = h.heldTokens = 0;
  sweepChunks();
  forgetHolders();
  followBounds();
  settle(none<Segment>(), -1);
  while (h.usedBytes > h.maxBytes) {
    if (h.segments == 0) return false;
    for (let most = (h.segments >> EVICTED_SHIFT) + 1; most && h.usedBytes > h.maxBytes; most--) {
      evictOne(none<Segment>());
    }
    sweepChunks();
  }
  return true;
}
