import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { postedHash, postedHashAfter } from "../../../src/trajectory/posted_hash.ts";
import { TestForest } from "../../support/turn_forest.ts";

const NONE = new Uint32Array();

Deno.test("postedHash() of a root is the SHA-256 of its ids, four bytes each, the least first", () => {
  const bytes = Uint8Array.of(1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12);
  const expected = createHash("sha256").update(bytes).digest("hex");
  assert.equal(postedHash(null, NONE, Uint32Array.of(1, 0x12345678)), expected);
});

Deno.test("postedHash() hashes a view's own ids only", () => {
  const ids = Uint32Array.of(1, 2, 3, 4);
  assert.equal(postedHash(null, NONE, ids.subarray(1, 3)), postedHash(null, NONE, Uint32Array.of(2, 3)));
});

Deno.test("postedHashAfter() names what was POSTed: no dropped id, every other one, in order", () => {
  const forest = new TestForest();
  const parent = forest.add({ prompt: [1, 2], output: [3, 9] });
  const same = postedHash(postedHash(null, NONE, Uint32Array.of(1, 2)), NONE, Uint32Array.of(3, 4));
  assert.equal(postedHashAfter(parent, 1, Uint32Array.of(4)), same);
  assert.notEqual(postedHashAfter(parent, 0, Uint32Array.of(4)), same);
  const other = forest.add({ prompt: [2, 1], output: [3, 9] });
  assert.notEqual(postedHashAfter(other, 1, Uint32Array.of(4)), same);
});

Deno.test("postedHash() and postedHashAfter() refuse what cannot be", () => {
  assert.throws(() => postedHash("ab", NONE, NONE), /64 hex digits, received "ab"/);
  const parent = new TestForest().add({ prompt: [1], output: [2] });
  for (const dropped of [-1, 2, 0.5]) {
    assert.throws(() => postedHashAfter(parent, dropped, NONE), {
      name: "RangeError",
      message: `Cannot drop ${dropped} ids of a turn that sampled 1`,
    });
  }
  assert.throws(() => postedHashAfter(null, 1, NONE), RangeError);
});
