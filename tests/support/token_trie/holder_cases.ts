/** Which workers hold which prefix. */
import assert from "node:assert/strict";
import type { Holders } from "../../../src/trie/mod.ts";
import { appended, prompt, range, type RegisterCase } from "./harness.ts";

/** `[bytes, tokens]` of every worker that holds something. */
function held({ bytes, tokens }: Holders): Record<number, [bytes: number, tokens: number]> {
  const workers = [...bytes.keys()].filter((worker) => bytes[worker]! > 0);
  return Object.fromEntries(workers.map((worker) => [worker, [bytes[worker]!, tokens[worker]!]]));
}

export function holderCases(test: RegisterCase): void {
  test("holders() gives each worker the most that it shares with the text", (trie) => {
    const system = appended(trie, null, prompt("system", [1, 2]));
    const one = appended(trie, system, prompt(" one", [3]));
    const two = appended(trie, system, prompt(" two", [4, 5]));
    assert.equal(trie.holders("system").bytes.length, 0);
    for (const [handle, worker] of [[one, 0], [two, 3], [system, 7]] as const) {
      assert.ok(trie.markHolder(handle, worker));
    }
    const cases: [string, Record<number, [number, number]>][] = [
      ["system one more", { 0: [10, 3], 3: [7, 2], 7: [6, 2] }],
      ["system two", { 0: [7, 2], 3: [10, 4], 7: [6, 2] }],
      ["system twist", { 0: [7, 2], 3: [9, 2], 7: [6, 2] }],
      ["sys", { 0: [3, 0], 3: [3, 0], 7: [3, 0] }],
      ["other", {}],
      ["", {}],
    ];
    for (const [text, expected] of cases) {
      assert.deepEqual(held(trie.holders(text)), expected, text);
      assert.deepEqual(held(trie.holders(new TextEncoder().encode(text))), expected, text);
    }
    trie.checkInvariants();
  });

  test("holders() with tokens counts only text that was stored with them", (trie) => {
    const first = appended(trie, null, prompt("HAVING", [1, 2]), prompt(" fun", [3]));
    const other = appended(trie, null, prompt("HAVING", [9]));
    trie.markHolder(first, 1);
    trie.markHolder(other, 2);
    const ask = (ids: number[]) => held(trie.holders("HAVING fun!", Uint32Array.from(ids)));
    assert.deepEqual(ask([1, 2, 3, 4]), { 1: [10, 3], 2: [6, 2] });
    assert.deepEqual(ask([9, 3]), { 1: [6, 1], 2: [6, 1] });
    assert.deepEqual(ask([5]), {});
    assert.deepEqual(ask([]), {});
  });

  test("holders() tells which mark is the later", (trie) => {
    const end = appended(trie, null, prompt("text", [1]));
    trie.markHolder(end, 0);
    trie.markHolder(end, 1);
    const before = trie.holders("text").lastUsed.slice();
    assert.ok(before[1]! > before[0]! && before[0]! > 0);
    trie.markHolder(end, 0);
    const after = trie.holders("text and more").lastUsed;
    assert.ok(after[0]! > after[1]!);
    assert.equal(trie.holders("none").lastUsed[0], 0);
  });

  test("removeHolder() forgets a worker, which may come again", (trie) => {
    const short = appended(trie, null, prompt("ab", [1]));
    const long = appended(trie, short, prompt("cd", [2]));
    for (const worker of [4, 5]) trie.markHolder(long, worker);
    trie.removeHolder(4);
    trie.removeHolder(1_023);
    assert.deepEqual(held(trie.holders("abcd")), { 5: [4, 2] });
    trie.markHolder(short, 4);
    assert.deepEqual(held(trie.holders("abcd")), { 4: [2, 1], 5: [4, 2] });
    trie.checkInvariants();
  });

  test("holders() keeps what is left of a text that was removed", (trie) => {
    const system = appended(trie, null, prompt("system", [1]));
    const user = appended(trie, system, prompt(" user", [2]));
    trie.markHolder(user, 0);
    trie.remove("system user");
    assert.deepEqual(held(trie.holders("system user")), { 0: [6, 1] });
    assert.equal(trie.markHolder(user, 0), false);
    trie.remove("system");
    assert.deepEqual(held(trie.holders("system user")), {});
    trie.clear();
    assert.equal(trie.holders("system").bytes.length, 0);
  });

  test("holders() keeps what is left of a text inside of another one, where no text ends or parts any more", (trie) => {
    const one = appended(trie, null, prompt("shared one", [1]));
    appended(trie, null, prompt("shared two", [2]));
    trie.markHolder(one, 0);
    trie.remove("shared o");
    assert.deepEqual(held(trie.holders("shared two")), { 0: [7, 0] });
    const short = appended(trie, null, prompt("sh", [3]));
    trie.markHolder(short, 1);
    trie.removeHolder(0);
    trie.markHolder(short, 0);
    const [shortEntries, left] = [trie.remove("shared"), held(trie.holders("shared two"))];
    assert.deepEqual([shortEntries, left], [1, { 0: [2, 1], 1: [2, 1] }]);
    trie.checkInvariants();
  });

  test(
    "holders() keeps a short text that is evicted while a longer one begins with it",
    async (_, create) => {
      const trie = await create({ maxCacheSize: 100 });
      const short = appended(trie, null, prompt("ab", [1]));
      trie.markHolder(short, 3);
      for (let i = 0; i < 40; i++) {
        assert.ok(trie.insert("abcdef", range(i, 40)));
        trie.findLongestPrefix("abcdef");
        if (trie.read(short) === null) break;
      }
      assert.equal(trie.read(short), null, "it was evicted");
      assert.deepEqual(held(trie.holders("abcdef")), { 3: [2, 0] });
      trie.checkInvariants();
    },
  );

  test("holders() keeps a mark of what is left that is newer than those of the text around it", (trie) => {
    const [one, two] = ["one", "two"].map((end, i) => appended(trie, null, prompt(`shared ${end}`, [i])));
    for (const worker of [0, 1]) trie.markHolder(two!, worker);
    trie.removeHolder(0);
    for (const worker of [1, 0]) trie.markHolder(one!, worker);
    trie.remove("shared one");
    assert.deepEqual(held(trie.holders("shared two")), { 0: [7, 0], 1: [10, 1] });
    const { lastUsed } = trie.holders("shared");
    assert.ok(lastUsed[0]! > lastUsed[1]! && lastUsed[1]! > 0);
    trie.checkInvariants();
  });

  test("holders() takes 1,024 workers, marked over and over", (trie) => {
    const ends = range(0, 16).map((i) => appended(trie, null, prompt("shared " + "ab"[i & 1] + i, [i])));
    for (let round = 0; round < 3; round++) {
      for (let worker = 0; worker < 1_024; worker++) trie.markHolder(ends[(worker + round) % 16]!, worker);
    }
    const { bytes } = trie.holders("shared b15");
    assert.equal(bytes.length, 1_024);
    assert.ok(bytes.every((n) => n >= 7));
    assert.equal(bytes.filter((n) => n === 10).length, 3 * 64);
    trie.checkInvariants();
  });

  test("markHolder() and removeHolder() take workers below 1,024 only", (trie) => {
    const end = appended(trie, null, prompt("a", [1]));
    for (const worker of [-1, 1_024, 0.5, NaN]) {
      assert.throws(() => trie.markHolder(end, worker), RangeError);
      assert.throws(() => trie.removeHolder(worker), RangeError);
    }
  });

  test("holders() counts as no look-up", (trie) => {
    trie.markHolder(appended(trie, null, prompt("a", [1])), 1);
    const { hits, misses } = trie.stats();
    trie.holders("a");
    trie.holders("b");
    assert.deepEqual([trie.stats().hits, trie.stats().misses], [hits, misses]);
  });
}
