import assert from "node:assert/strict";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PROMPT = chatPrompt("hello");
const WAIT_MS = 1_000;
const config = { abortRetryWaitMs: WAIT_MS, abortRetries: 2 };

function asked(h: Harness): number {
  return h.generateBodies(0).length;
}

for (const stream of [false, true]) {
  const how = stream ? "streamed" : "plain";

  Deno.test(`abort, ${how}: asked again with the saved request after the wait, others undisturbed`, async () => {
    const clock = new FakeClock();
    await using h = await createHarness({ engine: { splitProbability: 1 }, config, deps: { clock } });
    h.engines[0]!.faults.abortWaiting.next = 1;
    const pending = h.post("/generate", { text: PROMPT, stream });
    await clock.untilSleeping();
    assert.equal(h.router.pool.totalInFlight, 0, "a request that waits loads no worker");
    await h.postOk("/generate", { text: chatPrompt("other") });
    assert.equal(asked(h), 2);
    await clock.advance(WAIT_MS - 1);
    assert.equal(asked(h), 2);
    await clock.advance(1);
    const text = await (await pending).text();
    assert.match(text, /"finish_reason":\{"type":"(stop|length)"/);
    const bodies = h.engines[0]!.state.requests.map(({ bodyText }) => bodyText);
    assert.equal(bodies[2], bodies[0]);
    assert.equal(h.router.cache!.stats().segments, 4);
  });

  Deno.test(`abort, ${how}: attempts are bounded, then the client gets the aborted reply`, async () => {
    const clock = new FakeClock();
    await using h = await createHarness({ config, deps: { clock } });
    h.engines[0]!.faults.abortWaiting.next = 99;
    const pending = h.post("/generate", { text: PROMPT, stream });
    for (let i = 0; i < 2; i++) {
      await clock.untilSleeping();
      await clock.advance(WAIT_MS);
    }
    assert.match(await (await pending).text(), /"type":"abort"/);
    assert.equal(asked(h), 3);
    assert.equal(h.router.cache!.stats().segments, 0, "nothing sampled, nothing recorded");
  });

  Deno.test(`abort, ${how}: onAbort "return" passes the first one on`, async () => {
    await using h = await createHarness({ config: { onAbort: "return" } });
    h.engines[0]!.faults.abortWaiting.next = 1;
    const response = await h.post("/generate", { text: PROMPT, stream });
    assert.match(await response.text(), /"type":"abort"/);
    assert.equal(asked(h), 1);
  });

  Deno.test(`abort, ${how}: the client's own /abort_request ends the wait with the aborted reply`, async () => {
    const clock = new FakeClock();
    await using h = await createHarness({ config, deps: { clock } });
    h.engines[0]!.faults.abortWaiting.next = 1;
    const pending = h.post("/generate", { text: PROMPT, stream, rid: "mine-1" });
    await clock.untilSleeping();
    await h.postOk("/abort_request", { rid: "mine-1" });
    const text = await (await pending).text();
    assert.match(text, /"type":"abort"/);
    if (stream) assert.match(text, /\[DONE\]/);
    assert.equal(asked(h), 1);
    assert.equal(clock.sleeping, 0);
  });
}

Deno.test("abort asked for by the client while the engine works is not retried", async () => {
  const clock = new FakeClock();
  await using h = await createHarness({ config, deps: { clock } });
  h.engines[0]!.faults.stall.next = 1;
  const pending = h.post("/generate", { text: PROMPT, rid: "mine-1" });
  while (h.engines[0]!.state.running === 0) await settle();
  await h.postOk("/abort_request", { rid: "mine" });
  const reply = await (await pending).json();
  assert.equal(reply.meta_info.finish_reason.type, "abort");
  assert.equal(asked(h), 1);
});

Deno.test("abort with a status code is an error: passed on, not retried, not recorded", async () => {
  await using h = await createHarness({ config });
  Object.assign(h.engines[0]!.faults.abortWithStatus, { next: 1, status: 418, afterTokens: 2 });
  const response = await h.post("/generate", { text: PROMPT });
  assert.equal((await response.json()).meta_info.finish_reason.status_code, 418);
  assert.equal(asked(h), 1);
  assert.equal(h.router.cache!.stats().segments, 0);
});

Deno.test("abort of a stream after its first bytes is passed on, its partial output recorded with its versions", async () => {
  await using h = await createHarness({ engine: { weightVersion: "4", splitProbability: 1 }, config });
  const { faults } = h.engines[0]!;
  Object.assign(faults.versionBump, { next: 1, afterTokens: 2 });
  Object.assign(faults.abortRunning, { next: 1, afterTokens: 5 });
  const text = await (await h.post("/generate", { text: PROMPT, stream: true })).text();
  assert.equal(asked(h), 1);
  const last = JSON.parse(text.split("\n\n").at(-3)!.slice(6));
  assert.equal(last.meta_info.finish_reason.type, "abort");
  const row = await h.postOk("/retrieve_from_text", { text: PROMPT + last.text });
  const versions = row.generation_versions as number[];
  assert.deepEqual(versions.slice(-5), [4, 4, 5, 5, 5]);
  assert.deepEqual((row.tokens as number[]).slice(-5), last.output_ids);
});

Deno.test("abort in the waiting queue after a retraction: the log-probability triples are the ids", async () => {
  await using h = await createHarness({ config: { onAbort: "return" } });
  Object.assign(h.engines[0]!.faults.abortRetracted, { next: 1, afterTokens: 4 });
  const text = await (await h.post("/generate", { text: PROMPT, stream: true })).text();
  const last = JSON.parse(text.split("\n\n").at(-3)!.slice(6));
  assert.equal(last.output_ids.length, 1, "the engine told the last id only");
  const row = await h.postOk("/retrieve_from_text", { text: PROMPT + last.text });
  const triples = last.meta_info.output_token_logprobs as [number, number][];
  assert.deepEqual((row.tokens as number[]).slice(-4), triples.map(([, id]) => id));
});
