import assert from "node:assert/strict";
import { leastLoad } from "../../../src/policy/least_load.ts";
import { fakeWorkers, PLAIN_REQUEST } from "../../support/policy_suite.ts";

const CASES: [loads: number[], chosen: string, reason: string][] = [
  [[5], "w-0", "only_candidate"],
  [[2, 1, 3], "w-1", "fewest_in_flight"],
  [[0, 1, 1], "w-0", "fewest_in_flight"],
  [[9, 8, 0], "w-2", "fewest_in_flight"],
  [[1, 0, 0], "w-1", "tie_in_turn"],
  [[0, 0, 0], "w-0", "tie_in_turn"],
];

for (const [loads, chosen, reason] of CASES) {
  Deno.test(`leastLoad() of loads ${JSON.stringify(loads)} chooses ${chosen}: ${reason}`, () => {
    const policy = leastLoad({ random: () => 0 });
    const decision = policy.select(fakeWorkers(loads.length, loads), PLAIN_REQUEST);
    assert.deepEqual([decision.worker.id, decision.reason], [chosen, reason]);
  });
}

Deno.test("leastLoad() lets equals take turns, past those that are busier", () => {
  const policy = leastLoad({ random: () => 0 });
  const workers = fakeWorkers(5, [1, 0, 1, 0, 0]);
  const chosen = Array.from({ length: 6 }, () => policy.select(workers, PLAIN_REQUEST).worker.order);
  assert.deepEqual(chosen, [1, 3, 4, 1, 3, 4]);
});

Deno.test("leastLoad() never differs by more than one between workers that only it sends to", () => {
  const policy = leastLoad({ random: () => 0.4 });
  const workers = fakeWorkers(7);
  const open: { inFlight: number }[] = [];
  for (let i = 0; i < 500; i++) {
    const { worker } = policy.select(workers, PLAIN_REQUEST);
    worker.inFlight++;
    open.push(worker);
    const loads = workers.map((other) => other.inFlight);
    if (i < 100) assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, `${loads}`);
    else open.shift()!.inFlight--;
  }
});
