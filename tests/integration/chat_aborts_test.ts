import assert from "node:assert/strict";
import { serveHandler } from "../../src/platform/deno_serve.ts";
import type { JsonObject } from "../../src/types.ts";
import { assertMatchesWire, createChatHarness } from "../support/chat_harness.ts";

const HELLO = { messages: [{ role: "user", content: "hello" }], max_tokens: 40, ignore_eos: true };
const PAUSED = { abortRunning: { next: 1, afterTokens: 7 } };
const quick = { abortRetryWaitMs: 0 } as const;

Deno.test("--on-abort resume: the turn goes on inside, with the versions that sampled it and the budget that is left", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({
      engine: { splitProbability: 0.5, weightVersion: "1", faults: PAUSED },
      config: { ...quick, onAbort: "resume" },
    });
    const engine = h.engines[0]!;
    const reply = await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
    assert.equal(h.wire.length, 2);
    const [first, second] = h.generateBodies() as unknown as {
      rid: string;
      input_ids: number[];
      sampling_params: { max_new_tokens: number };
    }[];
    assert.deepEqual(second!.input_ids, [...first!.input_ids, ...reply.tokenIds.slice(0, 7)]);
    assert.deepEqual([first!.sampling_params.max_new_tokens, second!.sampling_params.max_new_tokens], [
      40,
      33,
    ]);
    assert.notEqual(first!.rid, second!.rid);
    assert.deepEqual([reply.tokenIds.length, reply.finishReason], [40, "length"]);
    const native = await h.samples("a");
    assert.deepEqual([native.rows.length, native.exported, native.rows[0]!.complete], [1, 40, true]);
    assert.deepEqual(native.rows[0]!.tokens, [...reply.promptIds, ...reply.tokenIds]);
    assert.equal(engine.state.running, 0);
  }
});

Deno.test("--on-abort resume: tokens keep the version under which they were sampled", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({
      engine: { weightVersion: "1", faults: PAUSED },
      config: { ...quick, onAbort: "resume" },
      wrapFetch: (fetch) => {
        let count = 0;
        return async (input, init) => {
          const isGenerate = new URL(String(input)).pathname === "/generate";
          if (isGenerate && ++count === 2) h.engines[0]!.setWeightVersion("2");
          return await fetch(input, init);
        };
      },
    });
    await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
    const [row] = (await h.samples("a")).rows;
    const versions = row!.versions.filter((_, index) => row!.loss_mask[index] === 1);
    assert.deepEqual(versions, [...new Array(7).fill(1), ...new Array(33).fill(2)]);
  }
});

Deno.test("--on-abort resume: a pause at the last token allowed is the end by length", async () => {
  const faults = { abortRunning: { next: 1, afterTokens: 7 } };
  await using h = await createChatHarness({ engine: { faults }, config: { ...quick, onAbort: "resume" } });
  const reply = await h.chat({ ...HELLO, max_tokens: 7 }, "a");
  assert.deepEqual([reply.finishReason, h.wire.length], ["length", 1]);
});

Deno.test("--on-abort retry: asks anew, and the partial tokens are nobody's", async () => {
  await using h = await createChatHarness({
    engine: { faults: PAUSED },
    config: { ...quick, onAbort: "retry" },
  });
  const reply = await h.chat(HELLO, "a");
  const [first, second] = h.generateBodies();
  assert.deepEqual(second!.input_ids, first!.input_ids);
  assert.deepEqual([reply.finishReason, reply.tokenIds.length], ["length", 40]);
  const native = await h.samples("a");
  assert.deepEqual([native.captured, native.exported], [40, 40]);
  assertMatchesWire(h.wire, native);
});

Deno.test("--on-abort return: the client gets what there is, and goes on from there", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({
      engine: { faults: PAUSED },
      config: { ...quick, onAbort: "return" },
    });
    const reply = await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
    assert.deepEqual([reply.finishReason, reply.tokenIds.length], ["abort", 7]);
    const messages = [...HELLO.messages, reply.message, { role: "user", content: "go on" }];
    await h.chat({ messages, max_tokens: 5 }, "a");
    const native = await h.samples("a");
    assert.equal(native.rows.length, 1);
    assertMatchesWire(h.wire, native);
  }
});

Deno.test("--on-abort: an abort before the first token is asked again, streamed or not", async () => {
  for (const onAbort of ["resume", "retry"] as const) {
    for (const stream of [false, true]) {
      const faults = { abortWaiting: { next: 1 } };
      await using h = await createChatHarness({ engine: { faults }, config: { ...quick, onAbort } });
      const reply = await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
      assert.deepEqual([reply.tokenIds.length, h.wire.length], [40, 2], `${onAbort} ${stream}`);
      assert.equal((await h.samples("a")).exported, 40);
    }
  }
});

Deno.test("chat: failures of the engine leave no trace, and are told in OpenAI's shape", async () => {
  const cases: [faults: JsonObject, stream: boolean, status: number][] = [
    [{ httpError: { next: 1, status: 500 } }, false, 500],
    [{ httpError: { next: 1, status: 400 } }, true, 400],
    [{ abortWithStatus: { next: 1, afterTokens: 3, status: 500 } }, false, 500],
    [{ dropMidBody: { next: 1 } }, false, 502],
  ];
  for (const [faults, stream, status] of cases) {
    await using h = await createChatHarness({ engine: { faults } });
    const reply = await h.post("/sessions/a/v1/chat/completions", { ...HELLO, stream });
    assert.equal(reply.status, status, JSON.stringify(faults));
    const { error } = await reply.json();
    assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
    assert.equal((await h.samples("a")).captured, 0);
    assert.equal(h.router.pool.totalInFlight, 0);
  }
});

Deno.test("chat: a stream that breaks off ends with an error frame, and is not recorded", async () => {
  for (
    const fault of [{ errorFrame: { next: 1, afterTokens: 3 } }, { dropMidBody: { next: 1, afterTokens: 3 } }]
  ) {
    await using h = await createChatHarness({ engine: { faults: fault } });
    const reply = await h.post("/sessions/a/v1/chat/completions", { ...HELLO, stream: true });
    const frames = (await reply.text()).split("\n\n").slice(0, -2);
    assert.ok(frames.length > 1);
    assert.equal(typeof JSON.parse(frames.at(-1)!.slice(6)).error.message, "string");
    assert.equal((await h.samples("a")).captured, 0);
    assert.equal(h.router.pool.totalInFlight, 0);
  }
});

Deno.test("chat: a client that leaves cancels the engine and leaves nothing to train", async () => {
  await using h = await createChatHarness({
    engine: { latency: { prefillTokensPerSecond: 1e6, decodeMsPerToken: 5, batchSlowdown: 0 } },
  });
  const reply = await h.post("/sessions/a/v1/chat/completions", {
    ...HELLO,
    max_tokens: 5_000,
    stream: true,
  });
  const reader = reply.body!.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(h.router.pool.totalInFlight, 0);
  assert.equal((await h.samples("a")).captured, 0);
  const { turns_under_way: underWay } = await (await h.request("/sessions/a")).json();
  assert.equal(underWay, 0);
});

Deno.test("chat: a reply whose last bytes nobody took is an orphan, until somebody continues it", async () => {
  await using h = await createChatHarness();
  const reply = await h.post("/sessions/a/v1/chat/completions", { ...HELLO, max_tokens: 3, stream: true });
  const reader = reply.body!.getReader();
  for (let count = 0; count < 3; count++) await reader.read();
  await reader.cancel();
  const native = await h.samples("a");
  assert.deepEqual([native.rows.length, native.exported], [0, 0]);
});

Deno.test("chat: a worker that cannot be reached is passed over", async () => {
  const faults = { dropBeforeHeaders: { next: 1 } };
  await using h = await createChatHarness({ engines: 2, engine: { faults } });
  h.engines[1]!.faults.dropBeforeHeaders.next = 0;
  const reply = await h.chat(HELLO, "a");
  assert.equal(reply.tokenIds.length, 40);
  assertMatchesWire(h.wire, await h.samples("a"));
});

Deno.test("chat: over a port, a finished stream is delivered", async () => {
  await using h = await createChatHarness();
  const server = serveHandler(h.router, { hostname: "127.0.0.1", port: 0 });
  try {
    const url = `${server.url}/sessions/a/v1/chat/completions`;
    const reply = await fetch(url, { method: "POST", body: JSON.stringify({ ...HELLO, stream: true }) });
    await reply.text();
    const { exported, captured } = await h.samples("a");
    assert.deepEqual([exported, captured], [40, 40]);
  } finally {
    await server.shutdown(1_000);
  }
});
