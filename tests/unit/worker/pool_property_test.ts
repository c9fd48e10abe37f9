/** Any interleaving of what can happen to a pool, against a plain account of open leases. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { WorkerPool } from "../../../src/worker/pool.ts";
import type { WorkerLease } from "../../../src/worker/worker.ts";
import type { WorkerState } from "../../../src/worker/worker_state.ts";
import { settle } from "../../support/fake_clock.ts";
import { testPool } from "./support.ts";

const RUNS = 200;
const HOSTS = 5;

/** The account: what is registered in which order, and who holds which lease. */
class Account {
  readonly registered: WorkerState[] = [];
  readonly open: WorkerLease[] = [];
  readonly drains: { worker: WorkerState; isResolved: boolean }[] = [];

  openOn(worker: WorkerState): number {
    return this.open.filter((lease) => lease.worker === worker).length;
  }
}

interface World {
  readonly pool: WorkerPool;
  readonly account: Account;
  readonly advance: (ms: number) => Promise<void>;
}

type Step = { act: keyof typeof ACTS; pick: number };

const ACTS = {
  add({ pool, account }: World, pick: number) {
    const { worker, added } = pool.add(`http://gpu-${pick % HOSTS}`);
    if (added) account.registered.push(worker);
  },
  remove({ pool, account }: World, pick: number) {
    const url = `http://gpu-${pick % HOSTS}`;
    const worker = pool.get(url);
    const drained = pool.remove(url);
    assert.equal(drained === null, worker === null);
    if (worker === null || drained === null) return;
    const drain = { worker, isResolved: false };
    drained.then(() => drain.isResolved = true);
    account.drains.push(drain);
    account.registered.splice(account.registered.indexOf(worker), 1);
  },
  begin({ pool, account }: World, pick: number) {
    const candidates = pool.candidates();
    const worker = candidates[pick % candidates.length];
    if (worker !== undefined) account.open.push(worker.begin());
  },
  release({ account }: World, pick: number) {
    const [lease] = account.open.splice(pick % Math.max(1, account.open.length), 1);
    lease?.[Symbol.dispose]();
    lease?.[Symbol.dispose]();
  },
  succeed: (world: World, pick: number) => leased(world, pick)?.recordSuccess(),
  fail: (world: World, pick: number) => leased(world, pick)?.recordConnectFailure(),
  probeWell: (world: World, pick: number) => listed(world, pick)?.recordProbeSuccess(),
  probeBad: (world: World, pick: number) => listed(world, pick)?.recordProbeFailure("down", 2),
  wait: (world: World, pick: number) => world.advance(pick % 200),
};

function leased({ account }: World, pick: number): WorkerState | undefined {
  return account.open[pick % Math.max(1, account.open.length)]?.worker as WorkerState | undefined;
}

function listed({ account }: World, pick: number): WorkerState | undefined {
  return account.registered[pick % Math.max(1, account.registered.length)];
}

function check({ pool, account }: World): void {
  assert.deepEqual(pool.list().map((worker) => worker.id), account.registered.map((worker) => worker.id));
  assert.equal(pool.totalInFlight, account.open.length);
  assert.equal(pool.leavingCount, account.drains.filter(({ worker }) => account.openOn(worker) > 0).length);
  const loads = Object.values(pool.loads());
  assert.deepEqual(loads, account.registered.map((worker) => account.openOn(worker)));
  assert.ok(loads.every((load) => load >= 0));
  const orders = pool.candidates().map((worker) => worker.order);
  assert.deepEqual(orders, orders.toSorted((a, b) => a - b));
  const expected = account.registered.filter((worker) => worker.isHealthy && worker.isCircuitPassable);
  assert.deepEqual(pool.candidates().map((worker) => worker.id), expected.map((worker) => worker.id));
  for (const { worker, isResolved } of account.drains) {
    assert.equal(worker.inFlight, account.openOn(worker));
    assert.equal(isResolved, account.openOn(worker) === 0, "drained exactly when the last lease ended");
  }
}

Deno.test("WorkerPool keeps its accounts under any interleaving", async () => {
  const step = fc.record({
    act: fc.constantFrom(...Object.keys(ACTS) as Step["act"][], "begin" as const, "release" as const),
    pick: fc.nat(1_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { pool, clock } = testPool({ circuitBreaker: { failureThreshold: 2, cooldownMs: 100 } });
      const world = { pool, account: new Account(), advance: (ms: number) => clock.advance(ms) };
      for (const { act, pick } of steps) {
        await ACTS[act](world, pick);
        // Promise callbacks of a drain that has just ended.
        for (let i = 0; i < 3; i++) await Promise.resolve();
        check(world);
      }
      const closed = pool.close();
      for (const lease of world.account.open.splice(0)) lease[Symbol.dispose]();
      await closed;
      await settle();
      assert.equal(pool.totalInFlight, 0);
      assert.ok(world.account.drains.every((drain) => drain.isResolved));
    }),
    { numRuns: RUNS, seed: 20260101 },
  );
});
