import { header, NO_POINT } from "../header";
import { COUNT_MAX, ENTRY, exists, INSERTED, none, Segment, SPLICE } from "../layout";
import { addPoint, freePoint, pointAt } from "../points";
import { newSegment, writeSpan } from "../segments";
import { clearTrie, startTrie } from "../start";

const IDS: usize = 7500;
const SPAN: usize = 7600;
const TRIE: u64 = 5 << 32;

function segment(): Segment {
  store<u32>(IDS, 1);
  writeSpan(SPAN, 1, 0, -1);
  return newSegment(none<Segment>(), 0, 1, IDS, 0, SPAN, 1, 0);
}

describe("points", () => {
  beforeEach(() => {
    if (header().firstRegion == 0) startTrie(1000, 1 << 28, 5, 0);
    clearTrie(TRIE);
  });

  test("pointAt() finds a point by address, generation and trie, and nothing else", () => {
    const point = addPoint(segment(), header().root, 1, INSERTED | ENTRY | SPLICE);
    const address = changetype<usize>(point);
    expect(point.generation).toBe(1);
    expect(point.kept).toBe(1);
    expect(point.flags).toBe(INSERTED | ENTRY | SPLICE);
    expect(exists(pointAt(address, TRIE | 1))).toBe(true);
    expect(exists(pointAt(address, TRIE | 2))).toBe(false);
    expect(exists(pointAt(address, 1))).toBe(false);
    expect(exists(pointAt(0, TRIE | 1))).toBe(false);
    expect(exists(pointAt(header().arenaEnd, TRIE | 1))).toBe(false);
    expect(exists(pointAt(NO_POINT, TRIE | 1))).toBe(false);
    expect(exists(pointAt(address + 28, TRIE | 1))).toBe(false);
  });

  test("a place is used again under the next generation, until there is none", () => {
    const owner = segment();
    const point = addPoint(owner, header().root, 1, INSERTED);
    freePoint(point);
    const again = addPoint(owner, header().root, 1, INSERTED);
    expect(again == point).toBe(true);
    expect(again.generation).toBe(2);
    again.generation = 0xffffffff;
    freePoint(again);
    expect(addPoint(owner, header().root, 1, INSERTED) == point).toBe(false);
    expect(exists(pointAt(changetype<usize>(point), TRIE | 0xffffffff))).toBe(false);
  });

  test("a point holds as many tokens as a segment may have", () => {
    const point = addPoint(segment(), header().root, COUNT_MAX, 31);
    expect(point.kept).toBe(COUNT_MAX);
    expect(point.flags).toBe(31);
  });
});
