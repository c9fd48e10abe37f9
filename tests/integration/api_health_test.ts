import assert from "node:assert/strict";
import { answerOf } from "../support/answers.ts";
import { createHarness } from "../support/router_harness.ts";

Deno.test("GET /health: the router's own, 200 whatever becomes of the workers, never proxied", async () => {
  await using h = await createHarness({ engines: 2 });
  const health = async () => {
    const { status, body } = await answerOf(h.request("/health"));
    return [status, body];
  };
  assert.deepEqual(await health(), [200, { status: "ok", healthy_workers: 2, total_workers: 2 }]);
  h.router.pool.get(h.urls[0])!.recordProbeFailure("status 500", 1);
  assert.deepEqual(await health(), [200, { status: "ok", healthy_workers: 1, total_workers: 2 }]);
  for (const url of h.urls) await h.postOk("/remove_worker", { url });
  assert.deepEqual(await health(), [200, { status: "ok", healthy_workers: 0, total_workers: 0 }]);
  assert.equal((await h.request("/health", { method: "HEAD" })).status, 200);
  assert.deepEqual(h.engines.flatMap((engine) => engine.state.requests), []);
});

Deno.test("GET /readiness: 503 until a worker is healthy, and again when none is", async () => {
  await using h = await createHarness({ engines: 0 });
  const readiness = async () => {
    const { status, body } = await answerOf(h.request("/readiness"));
    return [status, body];
  };
  const notReady = (total: number) => [503, {
    status: "not ready",
    healthy_workers: 0,
    total_workers: total,
  }];
  assert.deepEqual(await readiness(), notReady(0));
  await h.postOk("/add_worker", { url: "http://a:1" });
  assert.deepEqual(await readiness(), [200, { status: "ready", healthy_workers: 1, total_workers: 1 }]);
  h.router.pool.get("http://a:1")!.recordProbeFailure("status 500", 1);
  assert.deepEqual(await readiness(), notReady(1));
});
