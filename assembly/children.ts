/**
 * A node's children by the first byte of their labels, in a table that grows and shrinks with their number.
 *
 *   TABLE_4    | keys: 4 x u8 | children: 4 x u32 |                first `childCount` places in use, unordered
 *   TABLE_16   | keys: 16 x u8 | children: 16 x u32 |              as above
 *   TABLE_48   | place + 1 of each byte: 256 x u8 | children: 48 x u32 |
 *   TABLE_256  | children: 256 x u32 |
 *
 * (Leis et al. 2013, the adaptive radix tree.)
 */
import { allocate, release } from "./arena";
import { exists, header, Node, none } from "./layout";

const TABLE_NONE: u8 = 0;
const TABLE_4: u8 = 1;
const TABLE_16: u8 = 2;
const TABLE_48: u8 = 3;
const TABLE_256: u8 = 4;

/** The child whose label begins with `byte`. */
export function findChild(node: Node, byte: u32): Node {
  const place = placeOf(node, byte);
  return place ? load<Node>(place) : none<Node>();
}

/** Puts `child` in the place of the child that begins with `byte`. */
export function replaceChild(node: Node, byte: u32, child: Node): void {
  store<Node>(placeOf(node, byte), child);
}

/** Adds `child` under `byte`, which no child begins with. False when there is no memory: nothing has changed. */
export function addChild(node: Node, byte: u32, child: Node): bool {
  if (<u32> node.childCount == capacityOf(node.kind) && !retable(node, node.kind + 1)) return false;
  putChild(node, byte, child);
  return true;
}

/** Takes the child that begins with `byte` out. */
export function removeChild(node: Node, byte: u32): void {
  const place = placeOf(node, byte);
  const last: u32 = node.childCount - 1;
  node.childCount = last as u16;
  const kind = node.kind;
  if (kind == TABLE_256) {
    store<u32>(place, 0);
  } else {
    const children = childrenOf(node);
    const at = (place - children) >> 2;
    const moved = load<Node>(children + (<usize> last << 2));
    store<Node>(place, moved);
    if (kind == TABLE_48) {
      store<u8>(node.table + load<u8>(moved.label), (at as u32) + 1);
      store<u8>(node.table + byte, 0);
    } else {
      store<u8>(node.table + at, load<u8>(node.table + last));
    }
  }
  shrink(node);
}

/** Any child of a node that has one. */
export function anyChild(node: Node): Node {
  if (node.kind != TABLE_256) return load<Node>(childrenOf(node));
  return nextChild(node, 0);
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
    const sibling = nextChild(n.parent, <u32> load<u8>(n.label) + 1);
    if (exists(sibling)) return sibling;
  }
  return none<Node>();
}

/** Frees the table. */
export function releaseChildren(node: Node): void {
  if (node.table) release(node.table);
  node.table = 0;
  node.kind = TABLE_NONE;
}

/** Children that a table of this kind holds. */
export function capacityOf(kind: u8): u32 {
  if (kind == TABLE_4) return 4;
  if (kind == TABLE_16) return 16;
  if (kind == TABLE_48) return 48;
  return kind == TABLE_NONE ? 0 : 256;
}

function placeOf(node: Node, byte: u32): usize {
  const kind = node.kind;
  const table = node.table;
  if (kind == TABLE_4) {
    // The lowest zero byte of the difference is exact, and places in use are the lowest.
    const differ = load<u32>(table) ^ (byte * 0x01010101);
    const zeros = (differ - 0x01010101) & ~differ & 0x80808080;
    const at = ctz<u32>(zeros) >> 3;
    return at < <u32> node.childCount ? table + 4 + (at << 2) : 0;
  }
  if (kind == TABLE_16) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(table), i8x16.splat(byte as i8)));
    const at = ctz<u32>(same);
    return at < <u32> node.childCount ? table + 16 + (at << 2) : 0;
  }
  if (kind == TABLE_48) {
    const at: u32 = load<u8>(table + byte);
    return at ? table + 256 + ((at - 1) << 2) : 0;
  }
  if (kind == TABLE_NONE) return 0;
  const place = table + (<usize> byte << 2);
  return load<u32>(place) ? place : 0;
}

function childrenOf(node: Node): usize {
  const kind = node.kind;
  return node.table + (kind == TABLE_4 ? 4 : kind == TABLE_16 ? 16 : kind == TABLE_48 ? 256 : 0);
}

function putChild(node: Node, byte: u32, child: Node): void {
  const count: u32 = node.childCount;
  const table = node.table;
  if (node.kind == TABLE_256) {
    store<Node>(table + (<usize> byte << 2), child);
  } else {
    store<Node>(childrenOf(node) + (<usize> count << 2), child);
    if (node.kind == TABLE_48) store<u8>(table + byte, count + 1);
    else store<u8>(table + count, byte);
  }
  node.childCount = (count + 1) as u16;
}

function tableBytes(kind: u8): u32 {
  if (kind == TABLE_4) return 20;
  if (kind == TABLE_16) return 80;
  return kind == TABLE_48 ? 448 : 1024;
}

/** Moves the children into a table of another kind, which must have room. */
function retable(node: Node, kind: u8): bool {
  const bytes = tableBytes(kind);
  const table = allocate(bytes);
  if (table == 0) return false;
  memory.fill(table, 0, bytes);
  const old = node.table;
  const oldKind = node.kind;
  const oldChildren = oldKind == TABLE_NONE ? <usize> 0 : childrenOf(node);
  const places: u32 = oldKind == TABLE_256 ? 256 : node.childCount;
  node.table = table;
  node.kind = kind;
  node.childCount = 0;
  for (let i: u32 = 0; i < places; i++) {
    const child = load<Node>(oldChildren + (<usize> i << 2));
    if (exists(child)) putChild(node, load<u8>(child.label), child);
  }
  if (old) release(old);
  return true;
}

/** Shrinks well below the next smaller capacity, so that adding and removing in turn does not copy each time. */
function shrink(node: Node): void {
  const count = node.childCount;
  const kind = node.kind;
  if (count == 0) releaseChildren(node);
  else if (kind == TABLE_256 && count <= 36) retable(node, TABLE_48);
  else if (kind == TABLE_48 && count <= 12) retable(node, TABLE_16);
  else if (kind == TABLE_16 && count <= 3) retable(node, TABLE_4);
}
