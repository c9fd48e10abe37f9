import { header } from "../header";
import { Node, Point } from "../layout";
import { clearTrie, startTrie } from "../start";
import { findBelow, findSubtree, insertBelow, prune, walk } from "../trie";

const TEXT: usize = 8192;

function write(text: string): u32 {
  return String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, TEXT) as u32;
}

/** A node for the text, marked as one that holds a point. */
function insert(text: string): usize {
  const node = insertBelow(header().root, TEXT, write(text));
  node.points = changetype<Point>(1);
  return changetype<usize>(node);
}

function remove(text: string): void {
  const node = findBelow(header().root, TEXT, write(text));
  node.points = changetype<Point>(0);
  prune(node);
}

function find(text: string): usize {
  return changetype<usize>(findBelow(header().root, TEXT, write(text)));
}

describe("trie", () => {
  beforeEach(() => {
    if (header().firstRegion == 0) startTrie(1000, 1 << 28, 5, 0);
    clearTrie(0);
  });

  test("insertBelow() finds again what it made", () => {
    const hello = insert("Hello");
    const help = insert("Help");
    expect(find("Hello")).toBe(hello);
    expect(find("Help")).toBe(help);
    expect(find("Hel")).not.toBe(0);
    expect(find("He")).toBe(0);
    expect(find("Hello!")).toBe(0);
    expect(header().nodes).toBe(4);
  });

  test("a split keeps the identity of the lower half", () => {
    const long = insert("abcdef");
    const short = insert("abc");
    expect(find("abcdef")).toBe(long);
    expect(changetype<usize>(changetype<Node>(long).parent)).toBe(short);
  });

  test("prune() merges what a removal leaves needless", () => {
    const world = insert("Hello World");
    insert("Hello There");
    expect(header().nodes).toBe(4);
    remove("Hello There");
    expect(header().nodes).toBe(2);
    expect(find("Hello World")).toBe(world);
    expect(changetype<Node>(world).labelLen).toBe(11);
    remove("Hello World");
    expect(header().nodes).toBe(1);
  });

  test("prune() merges texts of different blocks", () => {
    insert("ab");
    const long = insert("abcd");
    remove("ab");
    expect(find("abcd")).toBe(long);
    expect(changetype<Node>(long).labelLen).toBe(4);
  });

  test("texts of every length are split and joined, in the node or in a block", () => {
    const lengths: u32[] = [9, 64, 72, 100, 1024, 1025, 1100];
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i];
      for (let j: u32 = 0; j < length; j++) store<u8>(TEXT + j, 33 + ((j * 7) % 90));
      const used = header().usedBytes;
      const whole = insertBelow(header().root, TEXT, length);
      whole.points = changetype<Point>(1);
      expect(whole.isOuter).toBe(length > 1024);
      for (let cut: u32 = 1; cut < length; cut++) {
        insertBelow(header().root, TEXT, cut).points = changetype<Point>(1);
      }
      expect(header().nodes).toBe(length + 1);
      expect(changetype<usize>(findBelow(header().root, TEXT, length))).toBe(changetype<usize>(whole));
      for (let cut: u32 = 1; cut < length; cut++) {
        const node = findBelow(header().root, TEXT, cut * 31 % length || cut);
        node.points = changetype<Point>(0);
        prune(node);
      }
      for (let cut: u32 = 1; cut < length; cut++) {
        const node = findBelow(header().root, TEXT, cut);
        if (changetype<usize>(node) == 0) continue;
        node.points = changetype<Point>(0);
        prune(node);
      }
      expect(header().nodes).toBe(2);
      expect(changetype<usize>(findBelow(header().root, TEXT, length))).toBe(changetype<usize>(whole));
      whole.points = changetype<Point>(0);
      prune(whole);
      expect(header().usedBytes).toBe(used);
    }
  });

  test("tables grow to 256 children and shrink again", () => {
    const nodes: usize[] = [];
    for (let i: u32 = 0; i < 256; i++) {
      store<u8>(TEXT, 120);
      store<u8>(TEXT + 1, i);
      const node = insertBelow(header().root, TEXT, 2);
      node.points = changetype<Point>(1);
      nodes.push(changetype<usize>(node));
    }
    const used = header().usedBytes;
    for (let i: u32 = 0; i < 256; i++) {
      store<u8>(TEXT, 120);
      store<u8>(TEXT + 1, i);
      expect(changetype<usize>(findBelow(header().root, TEXT, 2))).toBe(nodes[i]);
    }
    for (let i: u32 = 0; i < 255; i++) {
      const node = changetype<Node>(nodes[i]);
      node.points = changetype<Point>(0);
      prune(node);
    }
    expect(header().nodes).toBe(2);
    expect(header().usedBytes).toBeLessThan(used / 20);
  });

  test("walk() tells the deepest whole node and the bytes shared", () => {
    insert("abc");
    insert("abcdef");
    const node = walk(TEXT, write("abcdxx"));
    expect(changetype<usize>(node)).toBe(find("abc"));
    walk(TEXT, write("abcdxx"));
    expect(header().walkDepth).toBe(3);
    expect(header().walkMatched).toBe(4);
  });

  test("findSubtree() finds the top of what begins with a text", () => {
    const node = insert("abcdef");
    expect(changetype<usize>(findSubtree(TEXT, write("abc")))).toBe(node);
    expect(changetype<usize>(findSubtree(TEXT, write("abx")))).toBe(0);
  });

  test("insertBelow() leaves the trie as it was when there is no memory", () => {
    insert("Hello World");
    const nodes = header().nodes;
    for (let more: u32 = 0; more < 300; more += 4) {
      header().maxBytes = header().usedBytes + more;
      const node = insertBelow(header().root, TEXT, write("Hello There, whoever you are"));
      if (changetype<usize>(node)) {
        node.points = changetype<Point>(1);
        break;
      }
      expect(header().nodes).toBe(nodes);
    }
    header().maxBytes = 1 << 28;
    expect(find("Hello World")).not.toBe(0);
    expect(find("Hello There, whoever you are")).not.toBe(0);
  });
});
