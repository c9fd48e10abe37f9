import assert from "node:assert/strict";
import type { Clock } from "../../../src/types.ts";
import { systemClock } from "../../../src/sync/clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("systemClock is a Clock whose time does not go back", () => {
  const clock: Clock = systemClock;
  const before = clock.now();
  assert.ok(clock.now() >= before);
  const [earliest, epochMs, latest] = [Date.now(), clock.epochMs(), Date.now()];
  assert.ok(earliest <= epochMs && epochMs <= latest);
});

Deno.test("systemClock.sleep() resolves", async () => {
  await systemClock.sleep(0);
  await systemClock.sleep(1, new AbortController().signal);
});

Deno.test("systemClock.sleep() rejects with the signal's reason and leaves no timer", async () => {
  const reason = new Error("enough");
  await assert.rejects(systemClock.sleep(1_000_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = systemClock.sleep(1_000_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
});

Deno.test("systemClock.sleep() refuses times that a timer cannot hold", async () => {
  for (const ms of [-1, NaN, Infinity, 2 ** 31]) {
    await assert.rejects(systemClock.sleep(ms), { name: "RangeError", message: /Cannot sleep: .* received/ });
  }
});

Deno.test("FakeClock wakes sleepers in order of their deadlines, and those they start in turn", async () => {
  const clock = new FakeClock(1_000);
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name}@${clock.now()}`);
  };
  const all = [sleep("late", 30), sleep("early", 10).then(() => sleep("chained", 5)), sleep("same", 10)];
  assert.equal(clock.sleeping, 3);
  assert.equal(clock.nextWakeMs, 10);
  await clock.advance(29);
  assert.deepEqual(woken, ["early@10", "same@10", "chained@15"]);
  await clock.advance(1);
  await Promise.all(all);
  assert.deepEqual(woken.at(-1), "late@30");
  assert.equal(clock.epochMs(), 1_030);
  assert.equal(clock.nextWakeMs, null);
});

Deno.test("FakeClock.sleep() rejects with the signal's reason and forgets the sleeper", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(10, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(clock.sleep(1, controller.signal), /enough/);
  assert.equal(clock.sleeping, 0);
});

Deno.test("FakeClock.untilSleeping() waits for a sleeper without moving time", async () => {
  const clock = new FakeClock();
  const work = (async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.sleep(5);
  })();
  await clock.untilSleeping();
  assert.equal(clock.now(), 0);
  await clock.advance(5);
  await work;
});
