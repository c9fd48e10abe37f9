/**
 * The byte radix trie: find, insert, split, remove. Iterative throughout: text may be as deep as it likes.
 *
 * A short label lies in its node. A long one points into a text block that several nodes may share, so a split copies
 * none of it. The lower half keeps its identity, so points need not learn of it.
 */
import { allocate, release, shrink, usableSize } from "./arena";
import { commonPrefix } from "./bytes";
import {
  addChild,
  anyChild,
  countChildren,
  findChild,
  firstByte,
  releaseChildren,
  removeChild,
  replaceChild,
} from "./children";
import { copyHolders, releaseHolders, sumOfStamps } from "./holders";
import { header } from "./header";
import { exists, labelOf, Node, none, Segment, TEXT_OF_BLOCK, TEXT_OF_NODE, TextBlock, WORK_SHIFT } from "./layout";

/** Blocks smaller than this are not worth moving text out of. */
const TRIM_BLOCK_MIN: u32 = 256;
/** Text longer than this stays where it is: to move it would take too long at once. */
const MOVED_MAX: u32 = 1 << 20;

/** Labels of so many bytes take longer to compare than what comes after them to be fetched from memory. */
const AHEAD_MIN: u32 = 256;
/** Labels of new leaves up to this lie in the node: such are copied when a node is split. */
const INNER_MAX: u32 = 1024;

/** A node without label, points or children; with room for a label of `length` bytes, or for where it lies. */
export function newNode(length: u32): Node {
  const at = allocate(max<u32>(offsetof<Node>(), (TEXT_OF_NODE as u32) + length));
  if (at) {
    v128.store(at, i8x16.splat(0));
    v128.store(at, i8x16.splat(0), offsetof<Node>() - 16);
    header().nodes++;
    header().known = 0;
  }
  return changetype<Node>(at);
}

function freeNode(node: Node): void {
  releaseChildren(node);
  releaseHolders(node);
  release(changetype<usize>(node));
  const h = header();
  h.nodes--;
  h.known = 0;
  if (h.pathNode == node) h.pathNode = none<Node>();
}

/**
 * Follows text down from the root. Returns the deepest node whose text the query begins with; the header's `walkDepth`
 * is the length of that, `walkMatched` how much of the query any stored text shares. Text is always in the input window.
 */
export function walk(text: usize, length: u32): Node {
  const h = header();
  let node = h.root;
  let depth: u32 = 0;
  let matched: u32 = 0;
  while (depth < length) {
    const child = findChild(node, load<u8>(text + depth));
    if (!exists(child)) break;
    const end = depth + child.labelLen;
    if (child.labelLen >= AHEAD_MIN) fetchAhead(child, text + end, end < length);
    matched = depth + sharedOfLabel(child, text, depth, length);
    if (matched < end) break;
    depth = end;
    node = child;
  }
  h.walkMatched = h.known = matched;
  h.walkDepth = depth;
  return node;
}

/**
 * Reads what comes after a label, before it is compared: so the processor waits for memory meanwhile. `more`: the query
 * goes on, at `next`.
 */
function fetchAhead(node: Node, next: usize, more: bool): void {
  if (exists(node.points)) load<u64>(changetype<usize>(node.points.segment), offsetof<Segment>("tick"));
  if (!more) return;
  const child = findChild(node, load<u8>(next));
  if (exists(child)) load<u8>(child.label);
}

/**
 * How much of a child's label the text in the input window shares from `depth` on. What the operation before has found
 * equal is not compared again: a text is mostly stored, or its holders asked for, right after it was looked up.
 */
export function sharedOfLabel(child: Node, text: usize, depth: u32, length: u32): u32 {
  const label = child.labelLen;
  if (depth + label <= min<u32>(header().known, length)) return label;
  return commonPrefix(text + depth, labelOf(child), min<u32>(label, length - depth));
}

/** The node that lies exactly `length` bytes of text below `start`, or none. */
export function findBelow(start: Node, text: usize, length: u32): Node {
  let node = start;
  let depth: u32 = 0;
  while (depth < length) {
    const child = findChild(node, load<u8>(text + depth));
    if (!exists(child) || child.labelLen > length - depth) return none<Node>();
    if (commonPrefix(text + depth, labelOf(child), child.labelLen) < child.labelLen) return none<Node>();
    depth += child.labelLen;
    node = child;
  }
  return node;
}

/** The topmost node whose text begins with this text, or none. */
export function findSubtree(text: usize, length: u32): Node {
  const node = walk(text, length);
  const h = header();
  if (h.walkMatched < length) return none<Node>();
  return h.walkDepth == length ? node : findChild(node, load<u8>(text + h.walkDepth));
}

/**
 * The node `length` bytes of text below `start`, made if need be. None when there is no memory: the trie is as before.
 * A made node has no point yet: give it one, or call `prune`.
 */
export function insertBelow(start: Node, text: usize, length: u32): Node {
  let node = start;
  let depth: u32 = 0;
  while (depth < length) {
    const rest = length - depth;
    const child = findChild(node, load<u8>(text + depth));
    if (!exists(child)) {
      const leaf = addLeaf(node, text + depth, rest);
      if (!exists(leaf)) prune(node);
      return leaf;
    }
    const same = commonPrefix(text + depth, labelOf(child), min<u32>(child.labelLen, rest));
    depth += same;
    node = same == child.labelLen ? child : split(child, same);
    if (!exists(node)) return node;
  }
  return node;
}

function addLeaf(parent: Node, text: usize, length: u32): Node {
  const leaf = newNode(length <= INNER_MAX ? length : 0);
  if (!exists(leaf)) return leaf;
  if (fits(leaf, length)) {
    leaf.labelWord = length << 1;
  } else {
    const block = newBlock(length);
    if (exists(block)) setOuter(leaf, block, length);
  }
  if (leaf.labelWord) {
    memory.copy(leaf.label, text, length);
    leaf.parent = parent;
    if (addChild(parent, load<u8>(text), leaf)) return leaf;
    dropLabel(leaf);
  }
  freeNode(leaf);
  return none<Node>();
}

/**
 * Puts a node between `child` and its parent, `at` bytes down the label. What lies in a block stays there, so that it is
 * one piece again when the node goes.
 */
function split(child: Node, at: u32): Node {
  const outer = child.isOuter;
  const upper = newNode(outer ? 0 : at);
  if (!exists(upper)) return upper;
  const parent = child.parent;
  const label = child.label;
  const length = child.labelLen - at;
  const first = load<u8>(label);
  if (!copyHolders(child, upper) || !addChild(upper, load<u8>(label + at), child)) {
    freeNode(upper);
    return none<Node>();
  }
  upper.parent = parent;
  upper.labelWord = at << 1 | u32(outer);
  child.labelWord = length << 1 | u32(outer);
  if (outer) {
    upper.outer = label;
    upper.block = child.block;
    child.block.refs++;
    child.outer = label + at;
  } else {
    memory.copy(upper.label, label, at);
    memory.copy(label, label + at, length);
    shrink(changetype<usize>(child), max<u32>(offsetof<Node>(), (TEXT_OF_NODE as u32) + length));
  }
  child.parent = upper;
  replaceChild(parent, first, upper);
  return upper;
}

/** Whether a label of `length` bytes has room in the node. */
function fits(node: Node, length: u32): bool {
  return length + (TEXT_OF_NODE as u32) <= usableSize(changetype<usize>(node));
}

/** Takes away what holds no text any more: a node without points and children, a node between one child and its parent. */
export function prune(start: Node): void {
  const root = header().root;
  let node = start;
  while (node != root && !exists(node.points)) {
    const children = countChildren(node);
    if (children > 1) break;
    if (children == 1) {
      mergeWithChild(node);
      return;
    }
    const parent = node.parent;
    removeChild(parent, firstByte(node));
    dropLabel(node);
    freeNode(node);
    node = parent;
  }
  if (node != root) trimText(node);
}

/** The only child takes its parent's place and text; not where the parent knows of marks that the child does not have. */
function mergeWithChild(node: Node): void {
  const child = anyChild(node);
  if (sumOfStamps(node) > sumOfStamps(child) || !prependLabel(child, node)) {
    header().mergesSkipped++;
    return;
  }
  child.parent = node.parent;
  replaceChild(node.parent, firstByte(child), child);
  freeNode(node);
  trimText(child);
}

/** Puts the label of `upper`, which then has none, before that of `child`. False when it cannot be moved. */
function prependLabel(child: Node, upper: Node): bool {
  const above = upper.labelLen;
  const below = child.labelLen;
  const length = above + below;
  const old = child.label;
  if (!child.isOuter && fits(child, length)) {
    memory.copy(old + above, old, below);
    memory.copy(old, upper.label, above);
    child.labelWord = length << 1;
    dropLabel(upper);
    return true;
  }
  if (upper.isOuter && child.isOuter && upper.block == child.block && upper.outer + above == old) {
    child.outer = upper.outer;
    child.labelWord = length << 1 | 1;
    child.block.refs--;
    return true;
  }
  const block = movedBlock(length);
  if (!exists(block)) return false;
  const text = changetype<usize>(block) + TEXT_OF_BLOCK;
  memory.copy(text, upper.label, above);
  memory.copy(text + above, old, below);
  dropLabel(upper);
  dropLabel(child);
  setOuter(child, block, length);
  return true;
}

/** Moves a label out of a block that is mostly unused. */
function trimText(node: Node): void {
  if (!node.isOuter) return;
  const length = node.labelLen;
  const old = node.block;
  const size = usableSize(changetype<usize>(old));
  if (size < TRIM_BLOCK_MIN || old.live >= size / 2) return;
  const block = movedBlock(length);
  if (!exists(block)) return;
  memory.copy(changetype<usize>(block) + TEXT_OF_BLOCK, node.label, length);
  dropLabel(node);
  setOuter(node, block, length);
}

/** A block for text that is moved. None when that is too long, or when there is no memory. */
function movedBlock(length: u32): TextBlock {
  if (length > MOVED_MAX) return none<TextBlock>();
  header().work += length >> WORK_SHIFT;
  return newBlock(length);
}

/** A block that one label fills. */
function newBlock(length: u32): TextBlock {
  const block = changetype<TextBlock>(allocate(<u32> TEXT_OF_BLOCK + length));
  if (exists(block)) {
    block.refs = 1;
    block.live = length;
  }
  return block;
}

/** Makes what fills a block the label of a node that has none. */
function setOuter(node: Node, block: TextBlock, length: u32): void {
  node.block = block;
  node.outer = changetype<usize>(block) + TEXT_OF_BLOCK;
  node.labelWord = length << 1 | 1;
}

function dropLabel(node: Node): void {
  if (node.isOuter) unref(node.block, node.labelLen);
}

/** Takes the last of a label out of a block: `length` bytes. */
function unref(block: TextBlock, length: u32): void {
  block.live -= length;
  if (--block.refs == 0) release(changetype<usize>(block));
}
