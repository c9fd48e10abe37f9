import { beginsWithEvicted, evictedCapOf, rememberText } from "../evicted";
import { header } from "../header";
import { Node, Point } from "../layout";
import { clearTrie, startTrie } from "../start";
import { insertBelow, prune } from "../trie";

const TEXT: usize = 8192;
const TEXT_MAX: u32 = 6000;

/** Writes a text that has no part twice; texts of one seed begin alike. */
function write(seed: u32): void {
  for (let i: u32 = 0; i < TEXT_MAX; i++) store<u8>(TEXT + i, 33 + ((i * i * 31 + (i >> 3) * 7 + seed) % 90));
}

function insert(length: u32): Node {
  const node = insertBelow(header().root, TEXT, length);
  node.points = changetype<Point>(1);
  return node;
}

function evict(node: Node): void {
  node.points = changetype<Point>(0);
  rememberText(node);
  prune(node);
}

function finds(length: u32): bool {
  return header().evicted != 0 && beginsWithEvicted(TEXT, length, 0);
}

describe("evicted", () => {
  beforeEach(() => {
    if (header().firstRegion == 0) startTrie(100000, 1 << 28, 5, 0);
    header().maxBytes = 1 << 28;
    header().evictedCap = evictedCapOf(100000, 1 << 28);
    clearTrie(0);
  });

  test("evictedCapOf() follows the bounds", () => {
    expect(evictedCapOf(10, 1 << 28)).toBe(1024);
    expect(evictedCapOf(1 << 19, 1 << 31)).toBe(1 << 13);
    expect(evictedCapOf(0xffffffff, 0x80000000)).toBe(1 << 14);
    expect(evictedCapOf(10, 200000)).toBe(256);
    expect(evictedCapOf(10, 10000)).toBe(0);
  });

  test("rememberText() hashes a path that goes from its end once, with the sums of a whole one", () => {
    write(1);
    const depths: u32[] = [5, 70, 1023, 1024, 1025, 2048, 3000, 5999];
    const nodes: usize[] = [];
    for (let i = 0; i < depths.length; i++) nodes.push(changetype<usize>(insert(depths[i])));
    for (let i = depths.length - 1; i >= 0; i--) {
      evict(changetype<Node>(nodes[i]));
      expect(header().pathDepth).toBe(i ? depths[i - 1] : 0);
      expect(finds(depths[i])).toBe(true);
      expect(finds(depths[i] - 1)).toBe(false);
    }
    expect(header().pathSum).toBe(0);
    expect(header().evictedCount).toBe(8);
  });

  test("rememberText() begins anew where the node that it knew is gone", () => {
    write(2);
    const upper = insert(1500);
    evict(insert(4000));
    expect(header().pathNode == upper).toBe(true);
    upper.points = changetype<Point>(0);
    prune(upper);
    expect(changetype<usize>(header().pathNode)).toBe(0);
    evict(insert(2500));
    expect(finds(2500)).toBe(true);
    expect(finds(2499)).toBe(false);
  });

  test("beginsWithEvicted() answers no for what is stored again, and for what is not longer than what is used", () => {
    write(3);
    evict(insert(100));
    expect(beginsWithEvicted(TEXT, 200, 99)).toBe(true);
    expect(beginsWithEvicted(TEXT, 200, 100)).toBe(false);
    insert(100);
    expect(finds(200)).toBe(false);
  });

  test("rememberText() does nothing without memory", () => {
    write(4);
    const node = insert(300);
    header().maxBytes = header().usedBytes + 100;
    evict(node);
    expect(header().evicted).toBe(0);
    expect(finds(300)).toBe(false);
  });
});
