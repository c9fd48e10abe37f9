import { header } from "../header";
import { exists, none, Segment } from "../layout";
import { delist, inherit, isHeld, isListed, leastRecent, orderIsSound, pin, releasePins, touch, unpin } from "../recency";
import { detach, freeSegment, newSegment, writeSpan } from "../segments";
import { clearTrie, startTrie } from "../start";

const IDS: usize = 7500;
const SPAN: usize = 7600;

/** A segment of one prompt token below `parent`. */
function make(parent: Segment): usize {
  store<u32>(IDS, 1);
  writeSpan(SPAN, 1, 0, -1);
  return changetype<usize>(newSegment(parent, exists(parent) ? 1 : 0, 1, IDS, 0, SPAN, 1, 0));
}

function root(): usize {
  return make(none<Segment>());
}

function at(segment: usize): Segment {
  return changetype<Segment>(segment);
}

/** Takes the least recently used segment away, as an eviction does. */
function evict(): usize {
  const segment = leastRecent(none<Segment>());
  if (exists(segment)) leave(changetype<usize>(segment));
  return changetype<usize>(segment);
}

function leave(segment: usize): void {
  const parent = at(segment).parent;
  releasePins(at(segment));
  detach(at(segment));
  if (exists(parent)) inherit(parent, at(segment));
  freeSegment(at(segment));
}

describe("recency", () => {
  beforeEach(() => {
    if (header().firstRegion == 0) startTrie(1000, 1 << 28, 5, 0);
    clearTrie(0);
  });

  test("leastRecent() gives what was used longest ago, also around the wrap of ticks", () => {
    header().tick = 0xfffffffe;
    const made: usize[] = [root(), root(), root(), root()];
    expect(header().tick).toBe(2);
    touch(at(made[1]));
    expect(orderIsSound()).toBe(true);
    const order: i32[] = [0, 2, 3, 1];
    for (let i = 0; i < order.length; i++) expect(evict()).toBe(made[order[i]]);
    expect(evict()).toBe(0);
  });

  test("leastRecent() passes over what is to be kept", () => {
    const first = root();
    const second = root();
    expect(changetype<usize>(leastRecent(at(first)))).toBe(second);
    expect(changetype<usize>(leastRecent(at(second)))).toBe(first);
    leave(second);
    expect(exists(leastRecent(at(first)))).toBe(false);
    expect(isListed(at(first))).toBe(true);
  });

  test("what others continue goes after them, at the place of the last or at its own", () => {
    const parent = root();
    const child = make(at(parent));
    const other = root();
    touch(at(child));
    const last = root();
    expect(evict()).toBe(other);
    expect(evict()).toBe(child);
    expect(evict()).toBe(parent);
    expect(evict()).toBe(last);

    const used = root();
    make(at(used));
    const between = root();
    touch(at(used));
    evict();
    expect(evict()).toBe(between);
    expect(evict()).toBe(used);
  });

  test("what leaves in the middle of the list hands its place on", () => {
    const parent = root();
    const child = make(at(parent));
    const older = root();
    touch(at(child));
    const newer = root();
    leave(child);
    expect(orderIsSound()).toBe(true);
    expect(evict()).toBe(older);
    expect(evict()).toBe(parent);
    expect(evict()).toBe(newer);
  });

  test("pin() keeps a path, unpin() counts as its last use", () => {
    const parent = root();
    const child = make(at(parent));
    const other = root();
    pin(at(child));
    pin(at(child));
    expect(isHeld(at(parent))).toBe(true);
    expect(header().heldTokens).toBe(2);
    expect(evict()).toBe(other);
    expect(evict()).toBe(0);
    unpin(at(child));
    expect(evict()).toBe(0);
    const last = root();
    unpin(at(child));
    unpin(at(child));
    expect(header().heldTokens).toBe(0);
    expect(header().pins).toBe(0);
    expect(evict()).toBe(last);
    expect(evict()).toBe(child);
    expect(evict()).toBe(parent);
  });

  test("what is taken away while it is held leaves its path where its last use was", () => {
    const parent = root();
    const child = make(at(parent));
    const older = root();
    touch(at(child));
    pin(at(child));
    const newer = root();
    leave(child);
    expect(header().pins).toBe(0);
    expect(header().heldTokens).toBe(0);
    expect(orderIsSound()).toBe(true);
    expect(evict()).toBe(older);
    expect(evict()).toBe(parent);
    expect(evict()).toBe(newer);
  });

  test("delist() leaves a collection at what it has looked at before", () => {
    const first = root();
    const second = root();
    header().gcCursor = at(second);
    delist(at(second));
    expect(changetype<usize>(header().gcCursor)).toBe(first);
    delist(at(first));
    expect(exists(header().gcCursor)).toBe(false);
  });
});
