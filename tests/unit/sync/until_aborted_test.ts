import assert from "node:assert/strict";
import { untilAborted } from "../../../src/sync/until_aborted.ts";

Deno.test("untilAborted() passes the outcome on and leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  assert.equal(await untilAborted(Promise.resolve(7), signal), 7);
  await assert.rejects(untilAborted(Promise.reject(new Error("no")), signal), /no/);
  await Promise.resolve();
  assert.equal(listeners, 0);
});

Deno.test("untilAborted() rejects with the reason, at once when it is known", async () => {
  const client = new AbortController();
  const wait = untilAborted(new Promise(() => {}), client.signal);
  client.abort(new Error("gone"));
  await assert.rejects(wait, /gone/);
  await assert.rejects(untilAborted(new Promise(() => {}), client.signal), /gone/);
});

Deno.test("untilAborted() leaves no unhandled rejection when the promise fails after the abort", async () => {
  const late = Promise.withResolvers<void>();
  const wait = untilAborted(late.promise, AbortSignal.abort(new Error("gone")));
  late.reject(new Error("late"));
  await assert.rejects(wait, /gone/);
});
