import assert from "node:assert/strict";
import { NoWorkerError } from "../../../src/errors.ts";
import { isWorkerType } from "../../../src/worker/worker.ts";
import { stateOf, testPool, trip } from "./support.ts";

function testWorker() {
  const { pool, clock } = testPool();
  return { pool, clock, worker: pool.add("http://a").worker };
}

Deno.test("WorkerState.begin() counts until the lease ends, by scope", () => {
  const { worker } = testWorker();
  {
    using lease = worker.begin();
    assert.equal(lease.worker, worker);
    assert.equal(worker.inFlight, 1);
  }
  assert.equal(worker.inFlight, 0);
});

Deno.test("WorkerState.begin() gives leases that count once, however often they are disposed", () => {
  const { worker } = testWorker();
  const lease = worker.begin();
  using _other = worker.begin();
  lease[Symbol.dispose]();
  lease[Symbol.dispose]();
  assert.equal(worker.inFlight, 1);
});

Deno.test("WorkerState.begin() releases when the request throws", () => {
  const { worker } = testWorker();
  assert.throws(() => {
    using _lease = worker.begin();
    throw new Error("upstream broke");
  }, /upstream broke/);
  assert.equal(worker.inFlight, 0);
});

Deno.test("WorkerState.begin() refuses while draining", () => {
  const { worker } = testWorker();
  void worker.drain();
  assert.throws(() => worker.begin(), (error) => error instanceof NoWorkerError && error.status === 503);
  assert.equal(worker.inFlight, 0);
});

Deno.test("WorkerState tells when it was last used and last delivered", async () => {
  const { worker, clock } = testWorker();
  assert.deepEqual([worker.lastUsedMs, worker.lastActivityMs, worker.weightVersion], [null, null, null]);
  await clock.advance(5);
  using _lease = worker.begin();
  assert.deepEqual([worker.lastUsedMs, worker.lastActivityMs], [5, null]);
  await clock.advance(5);
  worker.recordActivity();
  assert.deepEqual([worker.lastUsedMs, worker.lastActivityMs], [5, 10]);
  await clock.advance(5);
  worker.recordSuccess();
  assert.equal(worker.lastActivityMs, 15);
});

Deno.test("WorkerState keeps its circuit closed for requests without an outcome (4xx, clients that leave)", () => {
  const { pool, worker } = testWorker();
  for (let i = 0; i < 100; i++) worker.begin()[Symbol.dispose]();
  assert.equal(worker.circuitState, "closed");
  assert.equal(pool.candidates().length, 1);
});

Deno.test("WorkerState dies of failed probes in a row, keeps the newest reason, and returns at the first success", () => {
  const { worker } = testWorker();
  using _lease = worker.begin();
  worker.recordProbeFailure("one", 3);
  worker.recordProbeFailure("two", 3);
  worker.recordProbeSuccess();
  for (const reason of ["three", "four"]) worker.recordProbeFailure(reason, 3);
  assert.deepEqual([worker.isHealthy, worker.unhealthyReason, worker.failedProbes], [true, null, 2]);
  worker.recordProbeFailure("five", 3);
  assert.deepEqual([worker.isHealthy, worker.unhealthyReason], [false, "five"]);
  worker.recordProbeFailure("six", 3);
  assert.equal(worker.unhealthyReason, "six");
  worker.recordProbeSuccess();
  assert.deepEqual([worker.isHealthy, worker.unhealthyReason, worker.failedProbes], [true, null, 0]);
  assert.equal(worker.inFlight, 1, "health says nothing of load");
});

Deno.test("WorkerState that returns from the dead has its circuit closed; a mere good probe leaves it open", () => {
  const { worker } = testWorker();
  trip(worker);
  worker.recordProbeSuccess();
  assert.equal(worker.circuitState, "open", "a healthy /health is no proof that requests are served");
  worker.recordProbeFailure("down", 1);
  worker.recordProbeSuccess();
  assert.equal(worker.circuitState, "closed");
});

Deno.test("WorkerState.drain() gives everybody who waits the same end", async () => {
  const { worker } = testWorker();
  const lease = worker.begin();
  const waiting = [worker.drain(), worker.drain(new AbortController().signal)];
  assert.equal(await stateOf(Promise.all(waiting)), "pending");
  lease[Symbol.dispose]();
  assert.equal(await stateOf(Promise.all(waiting)), "resolved");
});

Deno.test("WorkerState.restart() ends a drain under way", async () => {
  const { worker } = testWorker();
  const lease = worker.begin();
  const drained = worker.drain();
  worker.restart();
  await assert.rejects(drained, /Cannot drain worker "w-001": it was registered again/);
  using _second = worker.begin();
  lease[Symbol.dispose]();
  assert.deepEqual([worker.inFlight, worker.epoch, worker.isDraining], [1, 1, false]);
});

for (const [value, expected] of [["regular", true], ["decode", true], ["Regular", false], [null, false]]) {
  Deno.test(`isWorkerType(${JSON.stringify(value)}) is ${expected}`, () => {
    assert.equal(isWorkerType(value), expected);
  });
}
