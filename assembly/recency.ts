/**
 * The order of last use, and what keeps segments from being evicted: pins.
 *
 * A list goes through segments by their ticks, least recently used first. What nothing continues and nothing holds is
 * always in it, so eviction takes from its old end. Segments that others continue are let go of where they come to that
 * end, and come back when the last continuation leaves: into its place, if that was used later. So a segment is as
 * recently used as itself or anything that continued it, and a look-up moves one segment only.
 *
 *   listed     older: segment      newer: segment           (0 at the ends)
 *   unlisted   older: 1
 *   held       older: holds << 2 | 2         newer: pins
 *
 * Holds are pins, and children with holds. What is held is in use: it is listed again when it is released, as used at
 * that moment. Ticks are compared around the wrap: what was not used for 2^31 uses may seem newer than it is.
 */
import { header } from "./header";
import { exists, none, Segment } from "./layout";

const TAGS: usize = 3;
const UNLISTED: usize = 1;
const HELD: usize = 2;
const HOLDS_SHIFT: usize = 2;

// @ts-ignore: decorator
@inline
function tagOf(segment: Segment): usize {
  return changetype<usize>(segment.older) & TAGS;
}

// @ts-ignore: decorator
@inline
export function isListed(segment: Segment): bool {
  return tagOf(segment) == 0;
}

// @ts-ignore: decorator
@inline
export function isHeld(segment: Segment): bool {
  return tagOf(segment) == HELD;
}

/** Whether `a` was last used before `b`. */
// @ts-ignore: decorator
@inline
export function isOlder(a: Segment, b: Segment): bool {
  return <i32> (a.tick - b.tick) < 0;
}

// @ts-ignore: decorator
@inline
export function unlisted(segment: Segment): void {
  segment.older = changetype<Segment>(UNLISTED);
}

/** Puts a segment that is not listed behind `older`, or at the old end. */
function enlist(segment: Segment, older: Segment): void {
  const h = header();
  const newer = exists(older) ? older.newer : h.oldest;
  segment.older = older;
  segment.newer = newer;
  if (exists(older)) older.newer = segment;
  else h.oldest = segment;
  if (exists(newer)) newer.older = segment;
  else h.newest = segment;
}

/** Takes a listed segment out. */
export function delist(segment: Segment): void {
  const h = header();
  const older = segment.older;
  const newer = segment.newer;
  if (h.gcCursor == segment) h.gcCursor = older;
  if (exists(older)) older.newer = newer;
  else h.oldest = newer;
  if (exists(newer)) newer.older = older;
  else h.newest = older;
  unlisted(segment);
}

/** Marks a segment as the most recently used. */
export function touch(segment: Segment): void {
  const h = header();
  segment.tick = ++h.tick;
  if (segment == h.newest || isHeld(segment)) return;
  if (isListed(segment)) delist(segment);
  enlist(segment, h.newest);
}

/** The least recently used segment that may go, but not `kept`; none when all are held. */
export function leastRecent(kept: Segment): Segment {
  let segment = header().oldest;
  while (exists(segment)) {
    const newer = segment.newer;
    if (exists(segment.firstChild)) delist(segment);
    else if (segment != kept) return segment;
    segment = newer;
  }
  return segment;
}

/** What a continuation that leaves, and is listed, hands on to what it continues. */
export function inherit(parent: Segment, leaving: Segment): void {
  const newer = isOlder(parent, leaving);
  if (newer) parent.tick = leaving.tick;
  if (isHeld(parent)) return;
  if (isListed(parent)) {
    if (!newer) return;
    delist(parent);
  } else if (!newer && exists(parent.firstChild)) {
    return;
  }
  enlist(parent, leaving);
  const h = header();
  if (h.gcCursor == leaving) h.gcCursor = parent;
}

/** As `inherit`, where the continuation was never there: what lost its place to it was the oldest. */
export function disinherit(parent: Segment): void {
  if (tagOf(parent) == UNLISTED && !exists(parent.firstChild)) enlist(parent, none<Segment>());
}

// --- pins ----------------------------------------------------------------------------------------------------------

export function holdsOf(segment: Segment): u32 {
  return isHeld(segment) ? (changetype<usize>(segment.older) >>> HOLDS_SHIFT) as u32 : 0;
}

export function pinsOf(segment: Segment): u32 {
  return isHeld(segment) ? changetype<usize>(segment.newer) as u32 : 0;
}

function setHolds(segment: Segment, holds: u32): void {
  segment.older = changetype<Segment>((<usize> holds << HOLDS_SHIFT) | HELD);
}

function setPins(segment: Segment, pins: u32): void {
  segment.newer = changetype<Segment>(<usize> pins);
}

/** Keeps a segment, and with it all it continues. */
export function pin(segment: Segment): void {
  const h = header();
  h.pins++;
  for (let s = segment; exists(s); s = s.parent) {
    if (isHeld(s)) {
      setHolds(s, holdsOf(s) + 1);
      break;
    }
    if (isListed(s)) delist(s);
    setHolds(s, 1);
    setPins(s, 0);
    h.heldTokens += s.count;
  }
  setPins(segment, pinsOf(segment) + 1);
}

/** Ends one pin. */
export function unpin(segment: Segment): void {
  const pins = pinsOf(segment);
  if (pins == 0) return;
  setPins(segment, pins - 1);
  header().pins--;
  unhold(segment, false);
  touch(segment);
}

/** Ends all pins of a segment that nothing continues and that is to leave: it was no more used than its tick tells. */
export function releasePins(segment: Segment): void {
  if (!isHeld(segment)) return;
  header().pins -= pinsOf(segment);
  setHolds(segment, 1);
  unhold(segment, true);
}

/** Takes one hold from a segment. What is held no more gets its place, or waits for that of its continuations. */
function unhold(segment: Segment, places: bool): void {
  const h = header();
  for (let s = segment; exists(s); s = s.parent) {
    const holds = holdsOf(s) - 1;
    if (holds) {
      setHolds(s, holds);
      break;
    }
    h.heldTokens -= s.count;
    if (places) relist(s);
    else unlisted(s);
  }
}

/** Tokens that stay, come what may, while `kept` and what it continues must. */
export function heldTokensWith(kept: Segment): u32 {
  let tokens = header().heldTokens;
  for (let s = kept; exists(s) && !isHeld(s); s = s.parent) tokens += s.count;
  return tokens;
}

/** Gives a segment that was held its place by its tick. Cost: what was used later; so not much for what was in use. */
export function relist(segment: Segment): void {
  let older = header().newest;
  while (exists(older) && isOlder(segment, older)) older = older.older;
  enlist(segment, older);
}

/** Whether the list is one, and by ticks. For `checkInvariants`. */
export function orderIsSound(): bool {
  const h = header();
  let older = none<Segment>();
  for (let s = h.oldest; exists(s); s = s.newer) {
    if (s.older != older || (exists(older) && !isOlder(older, s))) return false;
    older = s;
  }
  return h.newest == older;
}
