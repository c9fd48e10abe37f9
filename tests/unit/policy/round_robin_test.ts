import assert from "node:assert/strict";
import { roundRobin } from "../../../src/policy/round_robin.ts";
import { type FakeWorker, fakeWorkers, PLAIN_REQUEST } from "../../support/policy_suite.ts";

function turns(...lists: FakeWorker[][]): number[] {
  const policy = roundRobin({ random: () => 0 });
  return lists.map((list) => policy.select(list, PLAIN_REQUEST).worker.order);
}

const [a, b, c, d] = fakeWorkers(4) as [FakeWorker, FakeWorker, FakeWorker, FakeWorker];
const ALL = [a, b, c, d];

const CASES: [what: string, lists: FakeWorker[][], expected: number[]][] = [
  ["goes round", [ALL, ALL, ALL, ALL, ALL], [0, 1, 2, 3, 0]],
  ["skips nobody when the one just served leaves", [ALL, [b, c, d], ALL], [0, 1, 2]],
  ["skips nobody when earlier ones leave", [ALL, ALL, [c, d], [c, d], [c, d]], [0, 1, 2, 3, 2]],
  ["serves nobody twice when earlier ones come back", [[c, d], ALL, ALL], [2, 3, 0]],
  ["reaches a worker that is added at the end", [[a, b], [a, b], [a, b, c], [a, b, c]], [0, 1, 2, 0]],
  ["goes on after a retry without those tried", [ALL, [b, c, d], [c, d], ALL], [0, 1, 2, 3]],
  ["begins again when only earlier ones are left", [[d], [a, b], [a, b]], [3, 0, 1]],
];

for (const [what, lists, expected] of CASES) {
  Deno.test(`roundRobin() ${what}`, () => assert.deepEqual(turns(...lists), expected));
}

Deno.test("roundRobin() does not look at load, and says why it chose", () => {
  const policy = roundRobin({ random: () => 0 });
  assert.deepEqual(policy.select(fakeWorkers(2, [9, 0]), PLAIN_REQUEST).reason, "next_in_turn");
  assert.deepEqual(policy.select(fakeWorkers(1), PLAIN_REQUEST).reason, "only_candidate");
});
