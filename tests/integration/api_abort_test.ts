import assert from "node:assert/strict";
import { ABORT_TIMEOUT_MS } from "../../src/api/abort.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { createHarness, type Harness } from "../support/router_harness.ts";

/** Starts generations that hang until they are aborted, one a rid. */
async function hang(h: Harness, rids: readonly string[]): Promise<Promise<Response>[]> {
  for (const engine of h.engines) engine.faults.stall.next = rids.length;
  const before = h.router.pool.totalInFlight;
  const replies = rids.map((rid) => h.post("/generate", { text: "hello", ...(rid === "" ? {} : { rid }) }));
  while (h.router.pool.totalInFlight < before + rids.length) await settle();
  await settle();
  for (const engine of h.engines) engine.faults.stall.next = 0;
  return replies;
}

/** How many aborts reached each engine. */
function aborts(h: Harness): number[] {
  return h.engines.map((engine) =>
    engine.state.requests.filter(({ path }) => path === "/abort_request").length
  );
}

async function finishType(reply: Promise<Response> | undefined): Promise<unknown> {
  const { body } = await answerOf(reply!);
  return (body.meta_info as { finish_reason: { type: string } }).finish_reason.type;
}

Deno.test("POST /abort_request: a rid goes to the worker that has it, and to no other", async () => {
  await using h = await createHarness({ engines: 3 });
  const [a, b] = await hang(h, ["turn-1", "job-2"]);
  const answer = await h.postOk("/abort_request", { rid: "turn-1" });
  assert.equal(answer.status, "success");
  assert.deepEqual(Object.values(answer.workers as object), [200]);
  assert.equal(aborts(h).reduce((sum, count) => sum + count), 1);
  assert.equal(await finishType(a), "abort");
  await h.postOk("/abort_request", { rid: "job-2" });
  assert.equal(await finishType(b), "abort");
});

Deno.test("POST /abort_request: a rid that nobody has here goes to all workers", async () => {
  await using h = await createHarness({ engines: 3 });
  const answer = await h.postOk("/abort_request", { rid: "unknown" });
  assert.deepEqual(answer.workers, Object.fromEntries(h.urls.map((url) => [url, 200])));
  assert.deepEqual(aborts(h), [1, 1, 1]);
});

Deno.test("POST /abort_request: abort_all goes to all workers and ends everything", async () => {
  await using h = await createHarness({ engines: 2 });
  const replies = await hang(h, ["a", "", "b"]);
  await h.postOk("/abort_request", { rid: "", abort_all: true });
  assert.deepEqual(aborts(h), [1, 1]);
  for (const reply of replies) assert.equal(await finishType(reply), "abort");
  assert.equal(h.router.pool.totalInFlight, 0);
});

Deno.test("POST /abort_request: what the client aborted is handed back, not asked again", async () => {
  await using h = await createHarness({ config: { onAbort: "retry", abortRetryWaitMs: 0 } });
  const [reply] = await hang(h, ["mine"]);
  await h.postOk("/abort_request", { rid: "mine" });
  assert.equal(await finishType(reply), "abort");
  assert.equal(h.generateBodies().length, 1);
  assert.equal(h.router.cache!.stats().tokens, 0);
});

Deno.test("POST /abort_request: an abort of the engine's own is asked again all the same", async () => {
  await using h = await createHarness({ config: { abortRetryWaitMs: 0 } });
  const [reply] = await hang(h, ["mine"]);
  h.engines[0]!.abort("mine");
  assert.notEqual(await finishType(reply), "abort");
  assert.equal(h.generateBodies().length, 2);
});

Deno.test("POST /abort_request: an empty rid would match everything, and is refused", async () => {
  await using h = await createHarness();
  const [reply] = await hang(h, ["held"]);
  const cases: [unknown, RegExp][] = [
    [{ rid: "" }, /rid that is not empty/],
    [{}, /rid that is not empty/],
    [{ rid: null, abort_all: false }, /rid that is not empty/],
    [{ rid: 5 }, /rid must be a string, received 5/],
    [{ rid: ["a"] }, /rid must be a string, received a list of 1/],
    [{ rid: "held", abort_all: "yes" }, /abort_all must be true or false, received "yes"/],
  ];
  for (const [body, says] of cases) await assertRefused(h.post("/abort_request", body), 400, says);
  assert.deepEqual(aborts(h), [0]);
  assert.equal(h.engines[0]!.state.running + h.engines[0]!.state.waiting, 1);
  await h.postOk("/abort_request", { rid: "held" });
  assert.equal(await finishType(reply), "abort");
});

Deno.test("POST /abort_request: other fields reach the worker", async () => {
  await using h = await createHarness();
  await h.postOk("/abort_request", { rid: "a", abort_message: "weights", more: [1] });
  const sent = h.engines[0]!.state.requests.at(-1)!;
  assert.deepEqual(sent.body(), { rid: "a", abort_message: "weights", more: [1] });
  assert.ok(sent.headers.some(([name, value]) => name === "content-type" && value === "application/json"));
});

Deno.test("POST /abort_request: without workers 503; 502 when none takes it; success when one does", async () => {
  await using h = await createHarness({ engines: 2 });
  h.engines[0]!.availability = "down";
  let answer = await answerOf(h.post("/abort_request", { rid: "a" }));
  assert.deepEqual([answer.status, answer.body], [200, {
    status: "success",
    workers: { [h.urls[0]!]: null, [h.urls[1]!]: 200 },
  }]);
  h.engines[1]!.availability = "unhealthy";
  answer = await answerOf(h.post("/abort_request", { rid: "a" }));
  assert.deepEqual([answer.status, answer.body], [502, {
    status: "failed",
    workers: { [h.urls[0]!]: null, [h.urls[1]!]: 503 },
  }]);
  for (const url of h.urls) await h.postOk("/remove_worker", { url });
  await assertRefused(h.post("/abort_request", { rid: "a" }), 503, /no worker is registered/);
});

Deno.test("POST /abort_request: a worker that does not answer is waited for only so long", async () => {
  const clock = new FakeClock();
  await using h = await createHarness({
    deps: {
      clock,
      fetch: (_, init) =>
        new Promise((_, reject) =>
          init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
        ),
    },
  });
  const reply = h.post("/abort_request", { rid: "a" });
  await clock.untilSleeping();
  await clock.advance(ABORT_TIMEOUT_MS);
  const { status, body } = await answerOf(reply);
  assert.deepEqual([status, body], [502, { status: "failed", workers: { [h.urls[0]!]: null } }]);
  assert.equal(clock.sleeping, 0);
});
