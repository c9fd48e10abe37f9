/** Every rule that the records keep, checked one by one. Slow; for tests and for a doubtful moment. */
import { checkArena } from "./arena";
import { countChildren, findChild, firstByte, nextChild, nextNode } from "./children";
import { countHolders, holderAt, placeOfHolder, stampAt } from "./holders";
import { header } from "./header";
import { exists, Node, Segment } from "./layout";
import { CHUNK_POINTS, segmentIn } from "./points";
import { holdsOf, isHeld, isListed, orderIsSound, pinsOf } from "./recency";
import { cutOf } from "./segments";

export const ARENA_CHAIN_BROKEN: u32 = 1;
export const ARENA_SUM_WRONG: u32 = 2;
export const NODE_LINK_BROKEN: u32 = 3;
export const NODE_NEEDLESS: u32 = 4;
export const NODE_COUNT_WRONG: u32 = 5;
export const TEXT_COUNT_WRONG: u32 = 6;
export const SEGMENT_LINK_BROKEN: u32 = 7;
export const SEGMENT_COUNT_WRONG: u32 = 8;
export const ORDER_BROKEN: u32 = 9;
export const VERSION_ORDER_BROKEN: u32 = 10;
export const HOLDS_WRONG: u32 = 11;
export const POINT_LINK_BROKEN: u32 = 12;
export const BOUND_EXCEEDED: u32 = 13;
export const HOLDERS_WRONG: u32 = 14;

/** 0, or the number of the first broken rule. */
export function checkAll(): u32 {
  const arena = checkArena();
  if (arena) return arena;
  const nodes = checkNodes();
  if (nodes) return nodes;
  const segments = checkSegments();
  if (segments) return segments;
  if (!orderIsSound()) return ORDER_BROKEN;
  const h = header();
  const inUse = h.usedBytes - h.windowBytes;
  return h.tokens <= h.maxTokens && inUse <= h.maxBytes ? 0 : BOUND_EXCEEDED;
}

function checkNodes(): u32 {
  const h = header();
  let count: u32 = 0;
  for (let node = nextNode(h.root); exists(node); node = nextNode(node)) {
    count++;
    if (findChild(node.parent, firstByte(node)) != node || node.labelLen == 0) return NODE_LINK_BROKEN;
    const children = countChildren(node);
    if (children != childrenFound(node)) return NODE_LINK_BROKEN;
    if (!exists(node.points) && children < 2 && h.mergesSkipped == 0) return NODE_NEEDLESS;
    if (!holdersStand(node)) return HOLDERS_WRONG;
    for (let p = node.points; exists(p); p = p.nextAtNode) {
      if (p.node != node || !exists(p.segment)) return POINT_LINK_BROKEN;
      if (exists(p.nextAtNode) && p.nextAtNode.prevAtNode != p) return POINT_LINK_BROKEN;
    }
  }
  if (count + 1 != h.nodes) return NODE_COUNT_WRONG;
  return checkText() ? 0 : TEXT_COUNT_WRONG;
}

/** Whether the node above has noted every holder, and no older mark. */
function holdersStand(node: Node): bool {
  const upper = node.parent;
  if (upper == header().root) return true;
  for (let i: u32 = 0; i < countHolders(node); i++) {
    if (!upper.holders) return false;
    const at = placeOfHolder(upper.holders, holderAt(node, i));
    if (at == countHolders(upper) || stampAt(upper, at) < stampAt(node, i)) return false;
  }
  return true;
}

function childrenFound(node: Node): u32 {
  let count: u32 = 0;
  for (let child = nextChild(node, 0); exists(child); count++) {
    child = nextChild(node, firstByte(child) + 1);
  }
  return count;
}

/** Counts every label out of its block, looks whether all blocks then count nothing, and counts them in again. */
function checkText(): bool {
  const root = header().root;
  let sound = true;
  for (let n = nextNode(root); exists(n); n = nextNode(n)) {
    if (!n.isOuter) continue;
    n.block.refs--;
    n.block.live -= n.labelLen;
  }
  for (let n = nextNode(root); exists(n); n = nextNode(n)) {
    if (!n.isOuter) continue;
    if (n.block.refs != 0 || n.block.live != 0) sound = false;
  }
  for (let n = nextNode(root); exists(n); n = nextNode(n)) {
    if (!n.isOuter) continue;
    n.block.refs++;
    n.block.live += n.labelLen;
  }
  return sound;
}

function checkSegments(): u32 {
  const h = header();
  let count: u32 = 0;
  let tokens: u32 = 0;
  let held: u32 = 0;
  let pins: u32 = 0;
  for (let chunk = h.chunk; chunk; chunk = load<usize>(chunk)) {
    for (let i: u32 = 0; i < CHUNK_POINTS; i++) {
      const s = segmentIn(chunk, i);
      if (!exists(s)) continue;
      count++;
      tokens += s.count;
      pins += pinsOf(s);
      if (isHeld(s)) held += s.count;
      const parent = s.parent;
      if (exists(parent) && (s.base < parent.base || cutOf(s) > parent.count)) return SEGMENT_LINK_BROKEN;
      for (let p = s.points; exists(p); p = p.nextOfSegment) {
        if (p.segment != s || p.kept == 0 || p.kept > s.count) return POINT_LINK_BROKEN;
      }
      const own = checkChildren(s);
      if (own) return own;
    }
  }
  if (pins != h.pins || held != h.heldTokens) return HOLDS_WRONG;
  return count == h.segments && tokens == h.tokens ? 0 : SEGMENT_COUNT_WRONG;
}

function checkChildren(segment: Segment): u32 {
  let holds = pinsOf(segment);
  for (let child = segment.firstChild; exists(child); child = child.link.next) {
    const next = child.link.next;
    if (child.parent != segment || (exists(next) && next.link.previous != child)) return SEGMENT_LINK_BROKEN;
    if (child.traverseVersion > segment.traverseVersion) return VERSION_ORDER_BROKEN;
    if (isHeld(child)) holds++;
  }
  if (holds != holdsOf(segment)) return HOLDS_WRONG;
  const evictable = !exists(segment.firstChild) && !isHeld(segment);
  return evictable && !isListed(segment) ? ORDER_BROKEN : 0;
}
