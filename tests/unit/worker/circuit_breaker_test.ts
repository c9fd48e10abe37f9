import assert from "node:assert/strict";
import { CircuitBreaker, NO_TRIAL } from "../../../src/worker/circuit_breaker.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const THRESHOLD = 3;
const COOLDOWN_MS = 1_000;

function make(): { breaker: CircuitBreaker; clock: FakeClock } {
  const clock = new FakeClock();
  return {
    clock,
    breaker: new CircuitBreaker(clock, { failureThreshold: THRESHOLD, cooldownMs: COOLDOWN_MS }),
  };
}

async function makeHalfOpen() {
  const made = make();
  fail(made.breaker, THRESHOLD);
  await made.clock.advance(COOLDOWN_MS);
  return made;
}

function fail(breaker: CircuitBreaker, times: number): boolean[] {
  return Array.from({ length: times }, () => breaker.recordFailure());
}

Deno.test("CircuitBreaker opens at the threshold, and says so once", () => {
  const { breaker } = make();
  assert.equal(breaker.state, "closed");
  assert.deepEqual(fail(breaker, 4), [false, false, true, false]);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.allows(), false);
  assert.equal(breaker.beginTrial(), NO_TRIAL);
});

Deno.test("CircuitBreaker counts failures in a row only", () => {
  const { breaker } = make();
  for (let round = 0; round < 10; round++) {
    fail(breaker, THRESHOLD - 1);
    assert.equal(breaker.recordSuccess(), false);
  }
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.consecutiveFailures, 0);
});

Deno.test("CircuitBreaker is half-open exactly when the cooldown is over", async () => {
  const { breaker, clock } = make();
  fail(breaker, THRESHOLD);
  assert.equal(breaker.blockedUntilMs, COOLDOWN_MS);
  await clock.advance(COOLDOWN_MS - 1);
  assert.equal(breaker.state, "open");
  await clock.advance(1);
  assert.equal(breaker.state, "half_open");
  assert.equal(breaker.allows(), true);
});

Deno.test("CircuitBreaker is not kept open by failures of requests sent before it opened", async () => {
  const { breaker, clock } = make();
  fail(breaker, THRESHOLD);
  await clock.advance(COOLDOWN_MS - 1);
  fail(breaker, 10);
  await clock.advance(1);
  assert.equal(breaker.allows(), true);
});

Deno.test("CircuitBreaker lets one trial through while half-open; its success closes", async () => {
  const { breaker } = await makeHalfOpen();
  const trial = breaker.beginTrial();
  assert.notEqual(trial, NO_TRIAL);
  assert.equal(breaker.state, "half_open");
  assert.equal(breaker.allows(), false);
  assert.equal(breaker.beginTrial(), NO_TRIAL);
  assert.equal(breaker.recordSuccess(), true);
  assert.equal(breaker.state, "closed");
  breaker.endTrial(trial);
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.beginTrial(), NO_TRIAL);
});

Deno.test("CircuitBreaker opens again for a whole cooldown when the trial fails", async () => {
  const { breaker, clock } = await makeHalfOpen();
  const trial = breaker.beginTrial();
  await clock.advance(10);
  assert.equal(breaker.recordFailure(), true);
  breaker.endTrial(trial);
  assert.equal(breaker.state, "open");
  await clock.advance(COOLDOWN_MS - 1);
  assert.equal(breaker.allows(), false);
  await clock.advance(1);
  assert.equal(breaker.allows(), true);
});

Deno.test("CircuitBreaker lets the next request try when a trial ends without an outcome", async () => {
  const { breaker } = await makeHalfOpen();
  breaker.endTrial(breaker.beginTrial());
  assert.equal(breaker.state, "half_open");
  assert.equal(breaker.allows(), true);
});

Deno.test("CircuitBreaker allows one more trial per cooldown while the first one lasts", async () => {
  const { breaker, clock } = await makeHalfOpen();
  const first = breaker.beginTrial();
  await clock.advance(COOLDOWN_MS);
  const second = breaker.beginTrial();
  assert.notEqual(second, NO_TRIAL);
  assert.notEqual(second, first);
  breaker.endTrial(first);
  assert.equal(breaker.allows(), false, "the end of the first trial does not free the second one's place");
});

Deno.test("CircuitBreaker closes on a success that comes while it is open", () => {
  const { breaker } = make();
  fail(breaker, THRESHOLD);
  assert.equal(breaker.recordSuccess(), true);
  assert.equal(breaker.state, "closed");
});

Deno.test("CircuitBreaker reset() closes and forgets, a running trial included", async () => {
  const { breaker } = await makeHalfOpen();
  const trial = breaker.beginTrial();
  breaker.reset();
  breaker.endTrial(trial);
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.consecutiveFailures, 0);
});

for (const failureThreshold of [0, -1, 1.5, NaN, Infinity]) {
  Deno.test(`CircuitBreaker refuses a failureThreshold of ${failureThreshold}`, () => {
    assert.throws(() => new CircuitBreaker(new FakeClock(), { failureThreshold }), RangeError);
  });
}

for (const cooldownMs of [-1, NaN, Infinity]) {
  Deno.test(`CircuitBreaker refuses a cooldownMs of ${cooldownMs}`, () => {
    assert.throws(() => new CircuitBreaker(new FakeClock(), { cooldownMs }), RangeError);
  });
}
