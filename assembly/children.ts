/**
 * A node's children by the first byte of their labels, in a table that grows and shrinks with their number. The lowest
 * bits of `Node.children` tell its kind, the others are its address.
 *
 *   ONE        (no table: the address is the child's)
 *   FEW_2      | count: u8 | keys: 2 x u8 | unused: 1 | children: 2 x u32 |         the first `count` places in use, unordered
 *   FEW_3      | count: u8 | keys: 3 x u8 | children: 3 x u32 |        as above
 *   FEW_7      | count: u8 | keys: 7 x u8 | children: 7 x u32 |        as above
 *   SOME_16    | count: u8 | keys: 16 x u8 | unused: 3 | children: 16 x u32 |       as above
 *   SOME_48    | place + 1 of each byte: 256 x u8 | children: 48 x u32 | count: u32 |
 *   ALL        | children: 256 x u32 | count: u32 |
 *
 * (After Leis et al. 2013, the adaptive radix tree.)
 */
import { allocate, release } from "./arena";
import { header } from "./header";
import { exists, labelOf, Node, none } from "./layout";

/** Offset of the keys, in tables that have some. */
const KEYS: usize = 1;
const KINDS: usize = 7;
const NONE: u32 = 0;
const ONE: u32 = 1;
const FEW_2: u32 = 2;
const FEW_3: u32 = 3;
const FEW_7: u32 = 4;
const SOME_16: u32 = 5;
const SOME_48: u32 = 6;
const ALL: u32 = 7;

// @ts-ignore: decorator
@inline
function kindOf(node: Node): u32 {
  return (node.children & KINDS) as u32;
}

/** The table, or the only child. */
// @ts-ignore: decorator
@inline
function tableOf(node: Node): usize {
  return node.children & ~KINDS;
}

/** First byte of a label. */
export function firstByte(node: Node): u32 {
  return load<u8>(node.label);
}

/** The child whose label begins with `byte`. */
export function findChild(node: Node, byte: u32): Node {
  if (kindOf(node) == ONE) {
    const only = changetype<Node>(tableOf(node));
    return load<u8>(labelOf(only)) == byte ? only : none<Node>();
  }
  const place = placeOf(node, byte);
  return place ? load<Node>(place) : none<Node>();
}

/** Puts `child` in the place of the child that begins with `byte`. */
export function replaceChild(node: Node, byte: u32, child: Node): void {
  if (kindOf(node) == ONE) setOnly(node, child);
  else store<Node>(placeOf(node, byte), child);
}

/** Adds `child` under `byte`, which no child begins with. False when there is no memory: nothing has changed. */
export function addChild(node: Node, byte: u32, child: Node): bool {
  const kind = kindOf(node);
  if (kind == NONE) {
    setOnly(node, child);
    return true;
  }
  if (countChildren(node) == capacityOf(kind) && !retable(node, kind + 1)) return false;
  putChild(node, byte, child);
  return true;
}

/** Takes the child that begins with `byte` out. */
export function removeChild(node: Node, byte: u32): void {
  const kind = kindOf(node);
  if (kind == ONE) {
    node.children = 0;
    return;
  }
  const table = tableOf(node);
  const place = placeOf(node, byte);
  const last = countChildren(node) - 1;
  setCount(node, last);
  if (kind == ALL) {
    store<u32>(place, 0);
  } else {
    const children = table + placesAt(kind);
    const at = (place - children) >> 2;
    const moved = load<Node>(children + (<usize> last << 2));
    store<Node>(place, moved);
    if (kind == SOME_48) {
      store<u8>(table + firstByte(moved), (at as u32) + 1);
      store<u8>(table + byte, 0);
    } else {
      const keys = table + KEYS;
      store<u8>(keys + at, load<u8>(keys + last));
    }
  }
  shrink(node, kind, last);
}

/** Any child of a node that has one. */
export function anyChild(node: Node): Node {
  const kind = kindOf(node);
  if (kind == ONE) return changetype<Node>(tableOf(node));
  return kind == ALL ? nextChild(node, 0) : load<Node>(tableOf(node) + placesAt(kind));
}

/** The child with the smallest first byte that is at least `byte`; for walks over all. `byte` up to 256. */
export function nextChild(node: Node, byte: u32): Node {
  for (let b = byte; b < 256; b++) {
    const child = findChild(node, b);
    if (exists(child)) return child;
  }
  return none<Node>();
}

/** The next node after this one, parents before children, children by their first bytes. */
export function nextNode(node: Node): Node {
  const child = nextChild(node, 0);
  if (exists(child)) return child;
  const root = header().root;
  for (let n = node; n != root; n = n.parent) {
    const sibling = nextChild(n.parent, firstByte(n) + 1);
    if (exists(sibling)) return sibling;
  }
  return none<Node>();
}

/** Frees the table. */
export function releaseChildren(node: Node): void {
  if (kindOf(node) > ONE) release(tableOf(node));
  node.children = 0;
}

/** Number of children. */
export function countChildren(node: Node): u32 {
  const kind = kindOf(node);
  if (kind <= ONE) return kind;
  const at = tableOf(node) + countAt(kind);
  return kind <= SOME_16 ? load<u8>(at) : load<u32>(at);
}

function setCount(node: Node, count: u32): void {
  const kind = kindOf(node);
  const at = tableOf(node) + countAt(kind);
  if (kind <= SOME_16) store<u8>(at, count);
  else store<u32>(at, count);
}

function setOnly(node: Node, child: Node): void {
  node.children = changetype<usize>(child) | ONE;
}

/** Where the place of a byte's child is, in a node with a table; 0 when it has no such child. */
function placeOf(node: Node, byte: u32): usize {
  const kind = kindOf(node);
  const table = tableOf(node);
  if (kind <= FEW_7) {
    if (kind == NONE) return 0;
    // The lowest zero byte of the difference is exact, and places in use are the lowest.
    const differ = (load<u64>(table) ^ (<u64> byte * 0x0101010101010101)) | 0xff;
    const zeros = (differ - 0x0101010101010101) & ~differ & 0x8080808080808080;
    const at = (ctz<u64>(zeros) as usize >> 3) - 1;
    return at < <usize> load<u8>(table) ? table + placesAt(kind) + (at << 2) : 0;
  }
  if (kind == SOME_16) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(table, KEYS), i8x16.splat(byte as i8)));
    const at: usize = ctz<u32>(same);
    return at < <usize> load<u8>(table) ? table + placesAt(SOME_16) + (at << 2) : 0;
  }
  if (kind == SOME_48) {
    const at: u32 = load<u8>(table + byte);
    return at ? table + 256 + ((at - 1) << 2) : 0;
  }
  const place = table + (<usize> byte << 2);
  return load<u32>(place) ? place : 0;
}

/** Children that a table of this kind holds. */
function capacityOf(kind: u32): u32 {
  if (kind <= ONE) return kind;
  if (kind <= FEW_3) return kind;
  if (kind == FEW_7) return 7;
  return kind == SOME_16 ? 16 : kind == SOME_48 ? 48 : 256;
}

/** Offset of the children. */
function placesAt(kind: u32): usize {
  if (kind <= FEW_7) return kind <= FEW_3 ? 4 : 8;
  return kind == SOME_16 ? 20 : kind == SOME_48 ? 256 : 0;
}

/** Offset of the number of children. */
function countAt(kind: u32): usize {
  return kind <= SOME_16 ? 0 : placesAt(kind) + (<usize> capacityOf(kind) << 2);
}

function tableBytes(kind: u32): u32 {
  return (placesAt(kind) as u32) + (capacityOf(kind) << 2) + (kind <= SOME_16 ? 0 : 4);
}

function putChild(node: Node, byte: u32, child: Node): void {
  const kind = kindOf(node);
  if (kind == ONE) {
    setOnly(node, child);
    return;
  }
  const count = countChildren(node);
  const table = tableOf(node);
  if (kind == ALL) {
    store<Node>(table + (<usize> byte << 2), child);
  } else {
    store<Node>(table + placesAt(kind) + (<usize> count << 2), child);
    if (kind == SOME_48) store<u8>(table + byte, count + 1);
    else store<u8>(table + KEYS + count, byte);
  }
  setCount(node, count + 1);
}

/** Moves the children into a table of another kind, which must have room. */
function retable(node: Node, kind: u32): bool {
  const old = tableOf(node);
  const oldKind = kindOf(node);
  const count: u32 = oldKind == ALL ? 256 : countChildren(node);
  let table: usize = 0;
  if (kind != ONE) {
    const bytes = tableBytes(kind);
    table = allocate(bytes);
    if (table == 0) return false;
    memory.fill(table, 0, bytes);
  }
  node.children = table | kind;
  if (oldKind == ONE) {
    const only = changetype<Node>(old);
    putChild(node, firstByte(only), only);
    return true;
  }
  const children = old + placesAt(oldKind);
  for (let i: u32 = 0; i < count; i++) {
    const child = load<Node>(children + (<usize> i << 2));
    if (exists(child)) putChild(node, firstByte(child), child);
  }
  release(old);
  return true;
}

/** Shrinks well below the next smaller capacity, so that adding and removing in turn does not copy each time. */
function shrink(node: Node, kind: u32, count: u32): void {
  if (kind == ALL && count <= 36) retable(node, SOME_48);
  else if (kind == SOME_48 && count <= 12) retable(node, SOME_16);
  else if (kind == SOME_16 && count <= 5) retable(node, FEW_7);
  else if (kind == FEW_7 && count <= 2) retable(node, FEW_3);
  else if (kind <= FEW_3 && count == 1) retable(node, ONE);
}
