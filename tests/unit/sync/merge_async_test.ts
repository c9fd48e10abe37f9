import assert from "node:assert/strict";
import { mergeAsync } from "../../../src/sync/merge_async.ts";

/** A source whose items come when it is told, and that notes its end. */
function source<T>() {
  const items: PromiseWithResolvers<T | null>[] = [];
  const at = (index: number) => items[index] ??= Promise.withResolvers<T | null>();
  let next = 0;
  const state = { ended: false };
  async function* run(): AsyncGenerator<T, void> {
    try {
      for (let index = 0;; index++) {
        const item = await at(index).promise;
        if (item === null) return;
        yield item;
      }
    } finally {
      state.ended = true;
    }
  }
  return {
    state,
    items: run(),
    give: (item: T | null) => at(next++).resolve(item),
    fail: (error: Error) => at(next++).reject(error),
  };
}

Deno.test("mergeAsync() gives each item as soon as it is there, and ends with the last source", async () => {
  const [a, b] = [source<string>(), source<string>()];
  const merged = mergeAsync([a.items, b.items]);
  b.give("b0");
  assert.deepEqual(await merged.next(), { done: false, value: "b0" });
  a.give("a0");
  assert.deepEqual(await merged.next(), { done: false, value: "a0" });
  b.give(null);
  a.give("a1");
  assert.deepEqual(await merged.next(), { done: false, value: "a1" });
  a.give(null);
  assert.deepEqual(await merged.next(), { done: true, value: undefined });
  assert.deepEqual(await Array.fromAsync(mergeAsync([])), []);
});

Deno.test("mergeAsync() throws what one source throws, and ends the others once they can", async () => {
  const [a, b] = [source<string>(), source<string>()];
  const merged = mergeAsync([a.items, b.items]);
  const next = merged.next();
  a.fail(new Error("broken"));
  await assert.rejects(next, /broken/);
  assert.equal(b.state.ended, false);
  b.give("late");
  await b.items.next();
  assert.equal(b.state.ended, true);
});

Deno.test("mergeAsync() ends its sources when the caller stops", async () => {
  const a = source<string>();
  a.give("a0");
  for await (const _ of mergeAsync([a.items])) break;
  a.give("a1");
  await a.items.next();
  assert.equal(a.state.ended, true);
});
