import assert from "node:assert/strict";
import {
  createFaults,
  drawFaults,
  type FaultSettings,
  setFaults,
} from "../../../src/engine/simulated/faults.ts";
import { createRandom } from "../../../src/engine/simulated/random.ts";

Deno.test("createFaults() strikes nobody", () => {
  assert.deepEqual(drawFaults(createFaults(), () => 0), {});
});

Deno.test("drawFaults() strikes the next so many requests for certain", () => {
  const faults = createFaults({ stall: { next: 2 } });
  const struck = Array.from({ length: 3 }, () => "stall" in drawFaults(faults, () => 0.99));
  assert.deepEqual(struck, [true, true, false]);
  assert.equal(faults.stall.next, 0);
});

Deno.test("drawFaults() strikes with the probability given", () => {
  const faults = createFaults({ httpError: { probability: 0.25 } });
  const random = createRandom(5);
  const struck = Array.from({ length: 4_000 }, () => drawFaults(faults, random).httpError).filter(Boolean);
  assert.ok(struck.length > 900 && struck.length < 1_100, `${struck.length} of 4000`);
});

Deno.test("drawFaults() hands out the knob as it stood", () => {
  const faults = createFaults({ httpError: { next: 1, status: 502 } });
  const { httpError } = drawFaults(faults, () => 0);
  faults.httpError.status = 500;
  assert.equal(httpError?.status, 502);
});

Deno.test("setFaults() refuses bad settings and changes nothing", async (t) => {
  const cases: [string, unknown, RegExp][] = [
    ["unknown knob", { nope: {} }, /fault "nope": no such knob/],
    ["inherited name", { toString: {} }, /fault "toString": no such knob/],
    ["no object", { stall: 3 }, /expected an object, received 3/],
    ["unknown field", { stall: { soon: 1 } }, /soon is no field/],
    ["wrong type", { stall: { probability: "1" } }, /probability must be a number, received 1/],
    ["probability over 1", { stall: { probability: 1.5 } }, /probability is out of range, received 1.5/],
    ["negative count", { stall: { next: -1 } }, /next is out of range, received -1/],
    ["half a token", { abortRunning: { afterTokens: 0.5 } }, /afterTokens is out of range/],
    ["one good, one bad", { stall: { next: 1 }, nope: {} }, /no such knob/],
  ];
  for (const [name, settings, message] of cases) {
    await t.step(name, () => {
      const faults = createFaults();
      assert.throws(() => setFaults(faults, settings as FaultSettings), { message });
      assert.deepEqual(faults, createFaults());
    });
  }
});

Deno.test("setFaults() takes a version or null for a bump", () => {
  const faults = createFaults();
  for (const version of ["v9", null]) {
    setFaults(faults, { versionBump: { version } });
    assert.equal(faults.versionBump.version, version);
  }
});
