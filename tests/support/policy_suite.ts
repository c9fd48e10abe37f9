/**
 * What every policy keeps, whatever it optimises. Run over each implementation.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Policy, RoutingRequest } from "../../src/policy/policy.ts";
import type { Random } from "../../src/types.ts";
import type { WorkerView } from "../../src/worker/worker.ts";

/** A worker as policies see it, with a load that tests may set. */
export interface FakeWorker extends WorkerView {
  inFlight: number;
}

/** A request without affinity. */
export const PLAIN_REQUEST: RoutingRequest = { requestId: "r-1", routingKey: null };

/** Idle workers `w-0`, `w-1`, …, in order of registration. */
export function fakeWorkers(count: number, inFlight: readonly number[] = []): FakeWorker[] {
  return Array.from({ length: count }, (_, order) => ({
    id: `w-${order}`,
    url: `http://gpu-${order}`,
    type: "regular" as const,
    order,
    inFlight: inFlight[order] ?? 0,
    isHealthy: true,
  }));
}

/** What a policy promises beyond the contract. */
export interface PolicySuiteOptions {
  readonly create: (options: { random: Random }) => Policy;
  readonly name: string;
  /** Whether requests that all look alike go to equally loaded workers evenly. Default true. */
  readonly isFair?: boolean;
}

const RANDOMS: Random[] = [() => 0, () => 0.5, () => 1 - Number.EPSILON];

/** Registers the tests of the policy contract. */
export function policySuite({ create, name, isFair = true }: PolicySuiteOptions): void {
  contractTests(name, create);
  changingFleetTest(name, create);
  if (isFair) fairnessTests(name, create);
}

function contractTests(name: string, create: PolicySuiteOptions["create"]): void {
  Deno.test(`${name} tells its name, its reasons and its needs`, () => {
    const policy = create({ random: () => 0 });
    assert.equal(policy.name, name);
    assert.ok(
      policy.reasons.length > 0 && policy.reasons.every((reason) => /^[a-z]+(_[a-z]+)*$/.test(reason)),
    );
    assert.equal(new Set(policy.reasons).size, policy.reasons.length);
    assert.ok(["nothing", "prefix"].includes(policy.needs));
  });

  Deno.test(`${name}.select() of no candidates throws RangeError, before and after others`, () => {
    const policy = create({ random: () => 0 });
    const refused = {
      name: "RangeError",
      message: new RegExp(`Cannot select a worker by ${name}: no candidates`),
    };
    assert.throws(() => policy.select([], PLAIN_REQUEST), refused);
    policy.select(fakeWorkers(2), PLAIN_REQUEST);
    assert.throws(() => policy.select([], PLAIN_REQUEST), refused);
  });

  Deno.test(`${name}.select() of one candidate chooses it, whatever the randomness`, () => {
    for (const random of RANDOMS) {
      const [only] = fakeWorkers(1, [7]);
      const policy = create({ random });
      assert.equal(policy.select([only!], PLAIN_REQUEST).worker, only);
      assert.equal(policy.select([only!], PLAIN_REQUEST).worker, only);
    }
  });

  Deno.test(`${name}.select() decides alike for alike histories and randomness`, () => {
    const history = () => {
      const policy = create({ random: () => 0.3 });
      const workers = fakeWorkers(7, [3, 1, 4, 1, 5, 1, 2]);
      return Array.from({ length: 50 }, (_, turn) => {
        const { worker, reason } = policy.select(workers.slice(turn % 3), PLAIN_REQUEST);
        worker.inFlight++;
        return `${worker.id} ${reason}`;
      });
    };
    assert.deepEqual(history(), history());
  });
}

function changingFleetTest(name: string, create: PolicySuiteOptions["create"]): void {
  Deno.test(`${name}.select() chooses a candidate, for a known reason, and leaves the list alone`, () => {
    const workers = fakeWorkers(8);
    const call = fc.record({
      candidates: fc.subarray(workers, { minLength: 1 }),
      loads: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
      routingKey: fc.option(fc.string({ maxLength: 3 })),
    });
    fc.assert(fc.property(fc.array(call), fc.constantFrom(...RANDOMS), (calls, random) => {
      const policy = create({ random });
      for (const { candidates, loads, routingKey } of calls) {
        for (const worker of workers) worker.inFlight = loads[worker.order]!;
        const before = structuredClone(workers);
        const decision = policy.select(Object.freeze(candidates), { requestId: "r-1", routingKey });
        assert.ok(candidates.includes(decision.worker), "never one that is excluded");
        assert.ok(policy.reasons.includes(decision.reason), decision.reason);
        assert.deepEqual(workers, before);
      }
    }));
  });
}

function fairnessTests(name: string, create: PolicySuiteOptions["create"]): void {
  Deno.test(`${name}.select() uses an idle fleet evenly, one request at a time`, () => {
    for (const random of RANDOMS) {
      const workers = fakeWorkers(5);
      const policy = create({ random });
      const chosen = Array.from({ length: 100 }, () => policy.select(workers, PLAIN_REQUEST).worker.order);
      for (const { order } of workers) {
        assert.equal(chosen.filter((other) => other === order).length, 20, `worker ${order} of ${chosen}`);
      }
    }
  });

  Deno.test(`${name}.select() spreads requests that stay`, () => {
    const workers = fakeWorkers(4);
    const policy = create({ random: () => 0.9 });
    for (let i = 0; i < 64; i++) policy.select(workers, PLAIN_REQUEST).worker.inFlight++;
    assert.deepEqual(workers.map((worker) => worker.inFlight), [16, 16, 16, 16]);
  });

  Deno.test(`${name} begins with another worker for other randomness: routers do not march in step`, () => {
    const workers = fakeWorkers(4);
    const firsts = [0, 0.25, 0.5, 0.75].map((value) =>
      create({ random: () => value }).select(workers, PLAIN_REQUEST).worker.order
    );
    assert.deepEqual(firsts, [0, 1, 2, 3]);
  });
}
