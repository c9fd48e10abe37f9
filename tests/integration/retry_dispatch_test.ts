import assert from "node:assert/strict";
import type { RouterMetrics } from "../../src/observability/metrics.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PROMPT = chatPrompt("hello");

function asked(h: Harness): number[] {
  return h.engines.map(({ state }) => state.requests.filter(({ path }) => path === "/generate").length);
}

Deno.test("dispatch() goes to another worker, never to the same, with the body sent once and whole on every retry", async () => {
  await using h = await createHarness({ engines: 4, engine: { splitProbability: 1 } });
  for (const engine of h.engines.slice(0, 2)) engine.faults.dropBeforeHeaders.next = 9;
  const response = await h.post("/generate", { text: PROMPT });
  assert.equal(response.status, 200);
  await response.text();
  assert.deepEqual(asked(h), [1, 1, 1, 0]);
  const bodies = h.engines.slice(0, 3).map(({ state }) => state.requests[0]!.bodyText);
  assert.equal(new Set(bodies).size, 1);
  assert.equal(h.router.cache!.stats().segments, 2);
});

Deno.test("dispatch() gives up after maxAttempts: 502 that names each worker, load at zero", async () => {
  await using h = await createHarness({ engines: 5, config: { maxAttempts: 3 } });
  for (const engine of h.engines) engine.availability = "down";
  const response = await h.post("/generate", { text: PROMPT });
  assert.equal(response.status, 502);
  const { error } = await response.json();
  assert.match(error, /^Cannot serve request: no worker gave a reply, tried .*engine-0.*engine-1.*engine-2/);
  assert.doesNotMatch(error, /engine-3/);
  assert.equal(h.router.pool.totalInFlight, 0);
});

for (const status of [400, 404, 422, 429, 500, 503]) {
  Deno.test(`dispatch() passes on status ${status} and asks nobody else`, async () => {
    await using h = await createHarness({ engines: 3 });
    for (const engine of h.engines) Object.assign(engine.faults.httpError, { next: 9, status });
    const response = await h.post("/generate", { text: PROMPT });
    assert.equal(response.status, status);
    assert.deepEqual(await response.json(), { error: { message: "Internal server error" } });
    assert.equal(asked(h).reduce((a, b) => a + b), 1);
  });
}

Deno.test("dispatch() answers 503 when no worker is registered", async () => {
  await using h = await createHarness({ engines: 0 });
  const response = await h.post("/generate", { text: PROMPT });
  assert.equal(response.status, 503);
  assert.match((await response.json()).error, /no worker is registered/);
});

Deno.test("dispatch() retries a stream that broke before its first event, not after", async () => {
  for (const afterTokens of [0, 2]) {
    await using h = await createHarness({ engines: 2 });
    Object.assign(h.engines[0]!.faults.dropMidBody, { next: 1, afterTokens });
    const response = await h.post("/generate", { text: PROMPT, stream: true });
    const text = await response.text().catch(() => null);
    if (afterTokens === 0) assert.match(text!, /\[DONE\]/);
    else assert.equal(text, null, "the client sees the connection break");
    assert.deepEqual(asked(h), afterTokens === 0 ? [1, 1] : [1, 0]);
    await settle();
    assert.equal(h.router.pool.totalInFlight, 0);
  }
});

Deno.test("circuit breaker: 4xx and clients that leave open no circuit (no fleet-wide 503)", async () => {
  await using h = await createHarness({ config: { circuitBreakerThreshold: 2 } });
  const [engine] = h.engines;
  for (let i = 0; i < 6; i++) {
    Object.assign(engine!.faults.httpError, { next: 1, status: 400 });
    await (await h.post("/generate", { text: PROMPT })).text();
    engine!.faults.stall.next = 1;
    const client = new AbortController();
    const left = h.post("/generate", { text: PROMPT }, { signal: client.signal });
    await settle();
    client.abort();
    await (await left).text();
  }
  assert.equal(h.router.pool.list()[0]!.circuitState, "closed");
  await h.postOk("/generate", { text: PROMPT });
});

Deno.test("circuit breaker: when every circuit is open a request is sent all the same, and closes one", async () => {
  const clock = new FakeClock();
  await using h = await createHarness({
    engines: 2,
    config: { circuitBreakerThreshold: 1 },
    deps: { clock },
  });
  for (const engine of h.engines) engine.availability = "down";
  assert.equal((await h.post("/generate", { text: PROMPT })).status, 502);
  assert.deepEqual(h.router.pool.list().map((w) => w.circuitState), ["open", "open"]);
  for (const engine of h.engines) engine.availability = "up";
  await h.postOk("/generate", { text: PROMPT });
  assert.deepEqual(h.router.pool.list().map((w) => w.circuitState).sort(), ["closed", "open"]);
});

Deno.test("circuit breaker: an open circuit is passed over while another worker is well", async () => {
  await using h = await createHarness({ engines: 2, config: { circuitBreakerThreshold: 1 } });
  h.engines[0]!.faults.dropBeforeHeaders.next = 1;
  for (let i = 0; i < 4; i++) await h.postOk("/generate", { text: PROMPT });
  assert.deepEqual(asked(h), [1, 4]);
  const attempts = await h.router.registry.get<RouterMetrics>("metrics").render();
  assert.match(attempts, /slime_router_upstream_retries_total\{reason="worker unreachable"\} 1/);
});

Deno.test("recovered worker returns: a dead worker is probed on and serves again", async () => {
  const clock = new FakeClock();
  await using h = await createHarness({
    config: { healthCheckFailureThreshold: 2, healthCheckIntervalMs: 1_000 },
    deps: { clock, healthChecks: true },
  });
  const [engine] = h.engines;
  engine!.availability = "down";
  for (let i = 0; i < 4; i++) await h.router.checkHealth();
  assert.equal((await h.post("/generate", { text: PROMPT })).status, 503);
  engine!.availability = "up";
  await clock.advance(1_000);
  await h.router.checkHealth();
  await h.postOk("/generate", { text: PROMPT });
});

Deno.test("dispatch() does not take a method that fetch refuses for a worker's failure", async () => {
  const { forwardAny } = await import("../../src/proxy/forward.ts");
  const context = { get: () => ({}), req: { method: "TRACE" } } as never;
  await assert.rejects(() => forwardAny({} as never)(context), { status: 405 });
});
