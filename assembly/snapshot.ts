/** A memory image that another instance has written becomes this one's trie. */
import { releaseWindow } from "./arena";
import { pushEvictable } from "./heap";
import { forgetHolders } from "./holders";
import { exists, header, none, Segment } from "./layout";
import { renumberPoints } from "./points";
import { evictOne, settle } from "./reclaim";

/**
 * Takes over what lies in memory: bounds are the given ones, pins and windows of the writer are gone, and serials begin
 * above `serial`, so that no handle from before is mistaken for one of the image. False: it cannot be brought within
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
  renumberPoints(serial);
  dropPins();
  forgetHolders();
  settle(none<Segment>(), -1);
  while (h.usedBytes > h.maxBytes) {
    if (!evictOne()) return false;
  }
  return true;
}

/** What only a pin has kept may be evicted again; the heap has a place for every segment. */
function dropPins(): void {
  const h = header();
  h.pins = h.heldTokens = 0;
  for (let s = h.newest; exists(s); s = s.older) s.pins = s.holds = 0;
  for (let s = h.newest; exists(s); s = s.older) pushEvictable(s);
}
