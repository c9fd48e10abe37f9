/**
 * The byte radix trie: find, insert, split, remove. Iterative throughout: text may be as deep as it likes.
 *
 * A label points into a text block that several nodes may share, so a split copies nothing; the lower half keeps its
 * identity, so points need not learn of it.
 */
import { allocate, release, usableSize } from "./arena";
import { commonPrefix } from "./bytes";
import { addChild, anyChild, countChildren, findChild, releaseChildren, removeChild, replaceChild } from "./children";
import { copyHolders, releaseHolders } from "./holders";
import { exists, header, Node, none, Segment, TEXT_OF_BLOCK, TextBlock, WORK_SHIFT } from "./layout";

/** Blocks smaller than this are not worth moving text out of. */
const TRIM_BLOCK_MIN: u32 = 256;
/** Text longer than this stays where it is: to move it would take too long at once. */
const MOVED_MAX: u32 = 1 << 20;

/** Labels of so many bytes take longer to compare than what comes after them to be fetched from memory. */
const AHEAD_MIN: u32 = 256;

/** A node without label, points or children. */
export function newNode(): Node {
  const at = allocate(offsetof<Node>());
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
// @ts-ignore: decorator
@inline
export function sharedOfLabel(child: Node, text: usize, depth: u32, length: u32): u32 {
  const label = child.labelLen;
  if (depth + label <= min<u32>(header().known, length)) return label;
  return commonPrefix(text + depth, child.label, min<u32>(label, length - depth));
}

/** The node that lies exactly `length` bytes of text below `start`, or none. */
export function findBelow(start: Node, text: usize, length: u32): Node {
  let node = start;
  let depth: u32 = 0;
  while (depth < length) {
    const child = findChild(node, load<u8>(text + depth));
    if (!exists(child) || child.labelLen > length - depth) return none<Node>();
    if (commonPrefix(text + depth, child.label, child.labelLen) < child.labelLen) return none<Node>();
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
    const same = commonPrefix(text + depth, child.label, min<u32>(child.labelLen, rest));
    depth += same;
    node = same == child.labelLen ? child : split(child, same);
    if (!exists(node)) return node;
  }
  return node;
}

function addLeaf(parent: Node, text: usize, length: u32): Node {
  const leaf = newNode();
  if (!exists(leaf)) return leaf;
  const block = newBlock(length);
  if (exists(block)) {
    memory.copy(changetype<usize>(block) + TEXT_OF_BLOCK, text, length);
    setLabel(leaf, block, changetype<usize>(block) + TEXT_OF_BLOCK, length);
    leaf.parent = parent;
    if (addChild(parent, load<u8>(text), leaf)) return leaf;
    dropLabel(leaf);
  }
  freeNode(leaf);
  return none<Node>();
}

/** Puts a node between `child` and its parent, `at` bytes down the label. */
function split(child: Node, at: u32): Node {
  const upper = newNode();
  if (!exists(upper)) return upper;
  const parent = child.parent;
  const first = load<u8>(child.label);
  const lower = child.label + at;
  if (!copyHolders(child, upper) || !addChild(upper, load<u8>(lower), child)) {
    freeNode(upper);
    return none<Node>();
  }
  upper.parent = parent;
  upper.block = child.block;
  upper.label = child.label;
  upper.labelLen = at;
  child.block.refs++;
  child.label = lower;
  child.labelLen -= at;
  child.parent = upper;
  replaceChild(parent, first, upper);
  return upper;
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
    removeChild(parent, load<u8>(node.label));
    dropLabel(node);
    freeNode(node);
    node = parent;
  }
  if (node != root) trimText(node);
}

/** The only child takes its parent's place and text. */
function mergeWithChild(node: Node): void {
  const child = anyChild(node);
  if (!prependLabel(child, node)) {
    header().mergesSkipped++;
    return;
  }
  child.parent = node.parent;
  replaceChild(node.parent, load<u8>(child.label), child);
  freeNode(node);
  trimText(child);
}

/** Puts the label of `upper`, which then has none, before that of `child`. False when it cannot be moved. */
function prependLabel(child: Node, upper: Node): bool {
  const length = upper.labelLen + child.labelLen;
  if (upper.block == child.block && upper.label + upper.labelLen == child.label) {
    child.label = upper.label;
    child.labelLen = length;
    child.block.refs--;
    return true;
  }
  const block = movedBlock(length);
  if (!exists(block)) return false;
  const text = changetype<usize>(block) + TEXT_OF_BLOCK;
  memory.copy(text, upper.label, upper.labelLen);
  memory.copy(text + upper.labelLen, child.label, child.labelLen);
  dropLabel(upper);
  dropLabel(child);
  setLabel(child, block, text, length);
  return true;
}

/** Moves a label out of a block that is mostly unused. */
function trimText(node: Node): void {
  const old = node.block;
  const size = usableSize(changetype<usize>(old));
  if (size < TRIM_BLOCK_MIN || old.live >= size / 2) return;
  const block = movedBlock(node.labelLen);
  if (!exists(block)) return;
  const text = changetype<usize>(block) + TEXT_OF_BLOCK;
  const length = node.labelLen;
  memory.copy(text, node.label, length);
  dropLabel(node);
  setLabel(node, block, text, length);
}

/** A block for text that is moved. None when that is too long, or when there is no memory. */
function movedBlock(length: u32): TextBlock {
  if (length > MOVED_MAX) return none<TextBlock>();
  header().work += length >> WORK_SHIFT;
  return newBlock(length);
}

function newBlock(length: u32): TextBlock {
  const block = changetype<TextBlock>(allocate(<u32> TEXT_OF_BLOCK + length));
  if (exists(block)) {
    block.refs = 0;
    block.live = 0;
  }
  return block;
}

function setLabel(node: Node, block: TextBlock, label: usize, length: u32): void {
  node.block = block;
  node.label = label;
  node.labelLen = length;
  block.refs++;
  block.live += length;
}

function dropLabel(node: Node): void {
  const block = node.block;
  block.live -= node.labelLen;
  if (--block.refs == 0) release(changetype<usize>(block));
}
