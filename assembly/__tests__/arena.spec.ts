import { allocate, allocateWindow, checkArena, emptyArena, release, releaseWindow, shrink, usableSize } from "../arena";
import { header } from "../header";
import { startTrie } from "../start";

function fresh(maxBytes: u32 = 1 << 28): void {
  emptyArena();
  const first = header().firstRegion;
  const last = header().lastRegion;
  const end = header().arenaEnd;
  const bytes = header().arenaBytes;
  startTrie(1000, maxBytes, 5, 0);
  header().firstRegion = first;
  header().lastRegion = last;
  header().arenaEnd = end;
  header().arenaBytes = bytes;
  emptyArena();
}

/** Xorshift: numbers that look random, from a seed. */
function next(seed: u32): u32 {
  let x = seed;
  x ^= x << 13;
  x ^= x >> 17;
  return x ^ (x << 5);
}

describe("allocate()", () => {
  beforeEach(() => {
    fresh();
  });

  test("leaves enough behind the last block to read a vector from its last byte", () => {
    const pages = memory.size();
    let end: usize = 0;
    while (memory.size() == pages) {
      const payload = allocate(64);
      end = payload + usableSize(payload);
      expect<usize>(end + 15 <= <usize> memory.size() << 16 ? 1 : 0).toBe(1);
    }
  });

  test("gives 8-aligned blocks that do not overlap", () => {
    const sizes: u32[] = [0, 1, 11, 12, 13, 100, 255, 256, 257, 4096, 70000];
    const places: usize[] = [];
    for (let i = 0; i < sizes.length; i++) {
      const at = allocate(sizes[i]);
      expect(at & 7).toBe(0);
      expect(usableSize(at)).toBeGreaterThanOrEqual(sizes[i]);
      memory.fill(at, i as u8, sizes[i]);
      places.push(at);
    }
    for (let i = 0; i < sizes.length; i++) {
      for (let j: u32 = 0; j < sizes[i]; j++) {
        if (load<u8>(places[i] + j) != (i as u8)) expect(j).toBe(sizes[i]);
      }
    }
    expect(checkArena()).toBe(0);
  });

  test("joins what was released, in any order, into one block", () => {
    const places: usize[] = [];
    for (let i = 0; i < 30; i++) places.push(allocate(100 + i * 10));
    for (let i = 0; i < 30; i++) release(places[(i * 7) % 30]);
    expect(header().usedBytes).toBe(0);
    expect(header().freeBytes).toBe(header().arenaBytes);
    expect(checkArena()).toBe(0);
    const all = allocate(200000);
    expect(all).not.toBe(0);
  });

  test("shrink() gives back the end of a block, where that is worth one", () => {
    const at = allocate(1000);
    allocate(10);
    const before = header().usedBytes;
    shrink(at, 990);
    expect(header().usedBytes).toBe(before);
    shrink(at, 100);
    expect(usableSize(at)).toBe(100);
    expect(header().usedBytes).toBe(before - 904);
    expect(checkArena()).toBe(0);
    expect(allocate(800)).toBe(at + 104);
  });

  test("keeps its accounts over random use", () => {
    const places: usize[] = [];
    let seed: u32 = 7;
    for (let i = 0; i < 3000; i++) {
      seed = next(seed);
      if (seed % 3 == 0 && places.length > 0) {
        const at = (seed >> 8) % places.length;
        release(places[at]);
        places[at] = places[places.length - 1];
        places.pop();
      } else {
        const at = allocate((seed >> 4) % (seed % 17 == 0 ? 5000 : 200));
        expect(at).not.toBe(0);
        places.push(at);
      }
      if (i % 100 == 0) expect(checkArena()).toBe(0);
    }
    for (let i = 0; i < places.length; i++) release(places[i]);
    expect(header().usedBytes).toBe(0);
    expect(checkArena()).toBe(0);
  });

  test("refuses beyond the byte bound, and gives again after a release", () => {
    fresh(1000);
    const first = allocate(600);
    expect(first).not.toBe(0);
    expect(allocate(600)).toBe(0);
    release(first);
    expect(allocate(600)).not.toBe(0);
  });

  test("refuses absurd sizes", () => {
    expect(allocate(0xffffffff)).toBe(0);
    expect(allocate(0x80000000)).toBe(0);
  });

  test("does not count windows against the byte bound", () => {
    fresh(1000);
    const window = allocateWindow(100000);
    expect(window).not.toBe(0);
    expect(allocate(600)).not.toBe(0);
    releaseWindow(window);
    expect(header().windowBytes).toBe(0);
    expect(checkArena()).toBe(0);
  });
});
