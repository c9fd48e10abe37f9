import assert from "node:assert/strict";
import { createPolicy, POLICY_DEFAULT, POLICY_NAMES } from "../../../src/policy/create.ts";
import { fakeWorkers, PLAIN_REQUEST } from "../../support/policy_suite.ts";

Deno.test("createPolicy() knows every name that it lists, and the default is one", () => {
  assert.deepEqual(POLICY_NAMES, ["least_load", "round_robin"]);
  assert.ok(POLICY_NAMES.includes(POLICY_DEFAULT));
  for (const name of POLICY_NAMES) assert.equal(createPolicy(name, { random: Math.random }).name, name);
});

for (const name of ["", "fastest", "LEAST_LOAD", "constructor", "__proto__"]) {
  Deno.test(`createPolicy() refuses ${JSON.stringify(name)}, listing what there is`, () => {
    assert.throws(() => createPolicy(name, { random: Math.random }), {
      name: "RangeError",
      message: `Cannot create policy ${JSON.stringify(name)}: there are least_load, round_robin`,
    });
  });
}

Deno.test("createPolicy() makes policies that share no state", () => {
  const workers = fakeWorkers(3);
  const [one, other] = [0, 0].map((value) => createPolicy("round_robin", { random: () => value }));
  one!.select(workers, PLAIN_REQUEST);
  one!.select(workers, PLAIN_REQUEST);
  assert.equal(other!.select(workers, PLAIN_REQUEST).worker.id, "w-0");
});
