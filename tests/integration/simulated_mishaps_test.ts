import assert from "node:assert/strict";
import {
  ConnectionDropError,
  createSimulatedFetch,
  type FaultSettings,
  serveSimulatedEngine,
  type WireReply,
} from "../../src/engine/simulated/mod.ts";
import { defaultSimulateOptions, startSimulation } from "../../src/engine/simulated/mod.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { ask, askStream, engineWith, framesOf, post, tokenizer } from "../unit/engine/simulated_support.ts";

const body = {
  input_ids: [1, 2, 3],
  sampling_params: { max_new_tokens: 10, ignore_eos: true, temperature: 0 },
  return_logprob: true,
};
const streamed = { ...body, stream: true };
const withFault = (faults: FaultSettings) => engineWith({ faults });

/** Rounds of the event loop that a socket may need until the other side sees it closed. */
const ROUNDS_MAX = 100_000;

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX && !condition(); round++) await settle();
  assert.ok(condition(), "the condition does not come true");
}

Deno.test("fault httpError answers instead of generating, once for next: 1", async () => {
  const engine = withFault({ httpError: { next: 1, status: 502, message: "gone" } });
  const response = await post(engine, "/generate", body);
  assert.equal(response.status, 502);
  assert.deepEqual(await response.json(), { error: { message: "gone" } });
  assert.equal((await ask(engine, body)).output_ids.length, 10);
  assert.equal(engine.state.generatedTokens, 10);
});

Deno.test("fault errorFrame ends a stream with an error frame and [DONE]", async () => {
  const engine = withFault({ errorFrame: { next: 1, afterTokens: 2, message: "broken" } });
  const frames = framesOf(await (await post(engine, "/generate", streamed)).text());
  assert.equal(frames.length, 4);
  assert.deepEqual(frames.slice(2), [{ error: { message: "broken" } }, "[DONE]"]);
  assert.equal(engine.state.running, 0);
});

Deno.test("fault dropBeforeHeaders rejects as a lost connection does", async () => {
  const engine = withFault({ dropBeforeHeaders: { next: 1 } });
  await assert.rejects(post(engine, "/generate", body), ConnectionDropError);
  await assert.rejects(Promise.reject(new ConnectionDropError("x")), TypeError);
  assert.equal((await ask(engine, body)).output_ids.length, 10);
});

Deno.test("fault dropMidBody breaks plain and streamed bodies before their end", async () => {
  const engine = withFault({ dropMidBody: { next: 3, afterTokens: 2 } });
  for (const [request, afterTokens] of [[body, 2], [streamed, 2], [streamed, 99]] as const) {
    engine.faults.dropMidBody.afterTokens = afterTokens;
    const response = await post(engine, "/generate", request);
    assert.equal(response.status, 200);
    let received = "";
    await assert.rejects(async () => {
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) received += part;
    }, /connection was dropped/);
    assert.ok(received.length > 0 && !received.includes("[DONE]"));
    if (request === body) assert.throws(() => JSON.parse(received));
    else assert.equal(framesOf(received).length, Math.min(afterTokens, 10));
    assert.equal(engine.state.running, 0);
  }
});

Deno.test("fault stall never answers: an abort or a client that leaves ends it", async () => {
  const engine = withFault({ stall: { next: 3 } });
  const stalled = post(engine, "/generate", { ...body, rid: "a" });
  await settle();
  assert.equal(engine.state.running, 1);
  engine.abort("a");
  assert.equal((await (await stalled).json()).meta_info.finish_reason.type, "abort");
  for (const request of [body, streamed]) {
    const leaving = new AbortController();
    const left = post(engine, "/generate", request, leaving.signal);
    await settle();
    assert.equal(engine.state.running, 1);
    leaving.abort();
    await (await left).body?.cancel();
    assert.equal(engine.state.running, 0);
  }
});

Deno.test("fault aborts: what the reply and the last frame carry", async (t) => {
  const cases: {
    name: string;
    faults: FaultSettings;
    tokens: number;
    reason: object;
    streamedIds?: number;
  }[] = [
    {
      name: "in the waiting queue",
      faults: { abortWaiting: { next: 1 } },
      tokens: 0,
      reason: { type: "abort", message: "Abort in waiting queue" },
    },
    {
      name: "running",
      faults: { abortRunning: { next: 1, afterTokens: 4, message: "stop" } },
      tokens: 4,
      reason: { type: "abort", message: "stop" },
    },
    {
      name: "retracted, then aborted in the waiting queue",
      faults: { abortRetracted: { next: 1, afterTokens: 4 } },
      tokens: 4,
      streamedIds: 1,
      reason: { type: "abort", message: "Abort in waiting queue" },
    },
    {
      name: "with a status code that is no HTTP status of SGLang's",
      faults: { abortWithStatus: { next: 1, afterTokens: 1, status: 429, message: "busy" } },
      tokens: 1,
      reason: { type: "abort", message: "busy", status_code: 429, err_type: "SimulatedError" },
    },
  ];
  for (const { name, faults, tokens, reason, streamedIds = tokens } of cases) {
    await t.step(name, async () => {
      const whole = await ask(engineWith(), body);
      const check = (reply: WireReply, ids: number) => {
        assert.deepEqual(reply.meta_info.finish_reason, reason);
        assert.equal(reply.text, tokenizer.decode(whole.output_ids.slice(0, tokens)));
        assert.deepEqual(reply.output_ids, whole.output_ids.slice(tokens - ids, tokens));
        const triples = whole.meta_info.output_token_logprobs!.slice(0, tokens);
        assert.deepEqual(reply.meta_info.output_token_logprobs, triples);
      };
      const engine = withFault(faults);
      check(await ask(engine, body), tokens);
      check((await askStream(withFault(faults), body)).at(-1)!, streamedIds);
      assert.deepEqual([engine.state.running, engine.state.aborted], [0, 1]);
    });
  }
});

Deno.test("fault abortWithStatus is the HTTP status of a plain reply, a frame of a stream", async (t) => {
  for (const status of [400, 500, 503]) {
    await t.step(String(status), async () => {
      const engine = withFault({ abortWithStatus: { next: 2, status, message: "full" } });
      const response = await post(engine, "/generate", body);
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), { error: { message: "full" } });
      const last = (await askStream(engine, body)).at(-1)!;
      assert.equal((last.meta_info.finish_reason as { status_code: number }).status_code, status);
    });
  }
});

Deno.test("fault versionBump changes the weights in mid-generation", async (t) => {
  const cases: [string, string | null, string][] = [["7", null, "8"], ["default", null, "default-1"], [
    "7",
    "x",
    "x",
  ]];
  for (const [before, version, after] of cases) {
    await t.step(`${before} to ${version}`, async () => {
      const faults = { versionBump: { next: 1, afterTokens: 4, version } };
      const engine = engineWith({ weightVersion: before, faults });
      const { meta_info: meta } = await ask(engine, body);
      assert.deepEqual(meta.weight_versions, [
        { version: before, start: 0, end: 4 },
        { version: after, start: 4, end: 10 },
      ]);
      assert.equal(meta.weight_version, after, "the version when the reply is built");
      assert.equal(engine.state.weightVersion, after);
    });
  }
  await t.step("an engine that does not tell spans", async () => {
    const { meta_info: meta } = await ask(engineWith({ reportVersionSpans: false }), body);
    assert.equal(meta.weight_versions, undefined);
  });
});

Deno.test("fault recut cuts bodies anywhere and changes no byte", async () => {
  const engine = engineWith({ kvCacheTokens: 0, faults: { recut: { next: 2, pieceBytesMax: 3 } } });
  for (const request of [body, streamed]) {
    const cut = await post(engine, "/generate", { ...request, rid: "r" });
    const pieces: Uint8Array[] = [];
    for await (const piece of cut.body!) pieces.push(piece);
    assert.ok(pieces.every(({ length }) => length <= 3));
    const whole = await (await post(engineWith(), "/generate", { ...request, rid: "r" })).text();
    const text = await new Blob(pieces as Uint8Array<ArrayBuffer>[]).text();
    const timeless = (each: string) => each.replace(/"e2e_latency":[\d.e-]+/g, "");
    assert.equal(timeless(text), timeless(whole));
  }
});

Deno.test("fault duplicateHeaders sends server and date twice", async () => {
  const response = await post(withFault({ duplicateHeaders: { next: 1 } }), "/generate", body);
  assert.equal(response.headers.get("server"), "uvicorn, simulated");
  assert.match(response.headers.get("date")!, /GMT, .*GMT$/);
  await response.body?.cancel();
});

Deno.test("startupMs: 503 until the engine is ready", async () => {
  const clock = new FakeClock();
  const engine = engineWith({ clock, startupMs: 1_000 });
  const health = async () => {
    const response = await engine.fetch(new Request("http://e/health"));
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await health(), 503);
  assert.equal((await post(engine, "/generate", body)).status, 503);
  await clock.advance(1_000);
  assert.equal(await health(), 200);
});

Deno.test("availability: unhealthy answers 503, down answers nothing, up is well again", async () => {
  const engine = engineWith();
  engine.availability = "unhealthy";
  assert.equal((await post(engine, "/generate", body)).status, 503);
  engine.availability = "down";
  await assert.rejects(engine.fetch(new Request("http://e/health")), ConnectionDropError);
  engine.availability = "up";
  assert.equal((await ask(engine, body)).output_ids.length, 10);
});

Deno.test("/simulated/faults turns knobs, /simulated/state tells them", async () => {
  const engine = engineWith();
  await (await post(engine, "/simulated/faults", { httpError: { next: 1 } })).body?.cancel();
  const state = await (await engine.fetch(new Request("http://e/simulated/state"))).json();
  assert.deepEqual([state.faults.httpError.next, state.running, state.availability], [1, 0, "up"]);
  assert.equal((await post(engine, "/generate", body)).status, 500);
});

Deno.test("a client that leaves a stream ends its generation", async () => {
  const engine = engineWith();
  const response = await post(engine, "/generate", {
    ...streamed,
    sampling_params: { max_new_tokens: 1_000, ignore_eos: true },
  });
  const reader = response.body!.getReader();
  await reader.read();
  assert.equal(engine.state.running, 1);
  await reader.cancel();
  const { running, aborted, generatedTokens } = engine.state;
  assert.deepEqual({ running, aborted, generatedTokens }, { running: 0, aborted: 1, generatedTokens: 1 });
});

Deno.test("a client that leaves a plain request ends its generation", async () => {
  const clock = new FakeClock();
  const latency = { prefillTokensPerSecond: 1_000, decodeMsPerToken: 10, batchSlowdown: 0 };
  const engine = engineWith({ clock, latency });
  const leaving = new AbortController();
  const pending = post(engine, "/generate", body, leaving.signal);
  await clock.advance(25);
  assert.equal(engine.state.running, 1);
  leaving.abort();
  await (await pending).body?.cancel();
  assert.equal(engine.state.running, 0);
  await clock.advance(1_000);
  assert.deepEqual([engine.state.generatedTokens, clock.sleeping], [3, 0]);
});

Deno.test("createSimulatedFetch() reaches engines by origin and refuses others", async () => {
  const fetch = createSimulatedFetch({
    "http://a:1": engineWith({ modelPath: "a" }),
    "http://b:2": engineWith({ modelPath: "b" }),
  });
  for (const [origin, model] of [["http://a:1", "a"], ["http://b:2", "b"]] as const) {
    assert.equal((await (await fetch(`${origin}/get_model_info`)).json()).model_path, model);
  }
  await assert.rejects(fetch("http://c:3/health"), {
    name: "TypeError",
    message: /http:\/\/c:3: connection refused/,
  });
});

Deno.test("createSimulatedFetch() ends calls and bodies with their signal, and the engine sees it", async () => {
  const engine = engineWith({ faults: { stall: { next: 1 } } });
  const fetch = createSimulatedFetch({ "http://e": engine });
  const send = (request: object, signal: AbortSignal) =>
    fetch("http://e/generate", { method: "POST", body: JSON.stringify(request), signal });
  await assert.rejects(send(body, AbortSignal.abort(new Error("before"))), /before/);
  const waiting = new AbortController();
  const pending = send(body, waiting.signal);
  await settle();
  waiting.abort(new Error("while waiting"));
  await assert.rejects(pending, /while waiting/);
  await until(() => engine.state.running === 0);
  const reading = new AbortController();
  const response = await send(streamed, reading.signal);
  const reader = response.body!.getReader();
  await reader.read();
  reading.abort(new Error("while reading"));
  await assert.rejects(reader.read(), /while reading/);
  await until(() => engine.state.running === 0);
});

for (const transport of ["deno", "node"] as const) {
  Deno.test(`serveSimulatedEngine() over ${transport} serves, streams and shuts down`, async () => {
    const engine = engineWith();
    const served = await serveSimulatedEngine(engine, { transport });
    const send = (request: object) =>
      fetch(`${served.url}/generate?a=1`, { method: "POST", body: JSON.stringify(request) });
    const whole: WireReply = await (await send(body)).json();
    assert.deepEqual(whole.output_ids, (await ask(engineWith(), body)).output_ids);
    const response = await send(streamed);
    assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
    const frames = framesOf(await response.text()) as WireReply[];
    assert.deepEqual(frames.at(-2)?.output_ids, whole.output_ids);
    assert.equal(engine.state.requests[0]?.search, "?a=1");
    await served.shutdown();
    await assert.rejects(fetch(`${served.url}/health`), TypeError);
  });

  Deno.test(`serveSimulatedEngine() over ${transport}: a client that leaves stops the generation`, async (t) => {
    const engine = engineWith();
    const served = await serveSimulatedEngine(engine, { transport });
    const request = { ...body, sampling_params: { max_new_tokens: 100_000, ignore_eos: true } };
    for (const stream of [true, false]) {
      await t.step(stream ? "streamed" : "plain", async () => {
        engine.pause("in_place");
        const leaving = new AbortController();
        const init = { method: "POST", body: JSON.stringify({ ...request, stream }), signal: leaving.signal };
        const pending = fetch(`${served.url}/generate`, init).then((response) => response.text());
        await until(() => engine.state.running === 1);
        leaving.abort();
        await assert.rejects(pending);
        await until(() => engine.state.running === 0);
        engine.continue();
        assert.equal(engine.state.generatedTokens, 0);
      });
    }
    await served.shutdown();
  });

  Deno.test(`serveSimulatedEngine() over ${transport} drops connections`, async (t) => {
    const engine = engineWith();
    const served = await serveSimulatedEngine(engine, { transport });
    // A fresh connection each time: fetch sends a request anew, unasked, when a kept one ends before the reply.
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const send = async (request: object) => {
      const init = { method: "POST", body: JSON.stringify(request), client };
      return await (await fetch(`${served.url}/generate`, init)).text();
    };
    for (const fault of ["dropBeforeHeaders", "dropMidBody"] as const) {
      for (const request of [body, streamed]) {
        await t.step(`${fault}, ${request === body ? "plain" : "streamed"}`, async () => {
          engine.faults[fault].next = 1;
          await assert.rejects(send(request), TypeError);
          await until(() => engine.state.running === 0);
          assert.ok((await send(request)).length > 0, "the server goes on");
        });
      }
    }
    await served.shutdown();
  });
}

Deno.test("serveSimulatedEngine() over node ends a dropped connection before the headers", async () => {
  const engine = withFault({ dropBeforeHeaders: { next: 1 } });
  const served = await serveSimulatedEngine(engine, { transport: "node" });
  const { hostname, port } = new URL(served.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const text = JSON.stringify(body);
  const head = `POST /generate HTTP/1.1\r\nhost: e\r\ncontent-length: ${text.length}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head + text));
  const read = await connection.read(new Uint8Array(64)).catch(() => null);
  assert.equal(read, null, "not one byte came");
  connection.close();
  await served.shutdown();
});

Deno.test("startSimulation() starts as many engines as asked, each with its own seed", async () => {
  const options = { ...defaultSimulateOptions, tokenizer: "tiny", port: 0, count: 2, latency: false };
  const running = await startSimulation(options, { tokenizer, chatTemplate: null });
  const replies = await Promise.all(running.map(async ({ served }) => {
    const response = await fetch(`${served.url}/generate`, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()).output_ids.join();
  }));
  assert.equal(new Set(running.map(({ served }) => served.url)).size, 2);
  assert.notEqual(replies[0], replies[1]);
  await Promise.all(running.map(({ served }) => served.shutdown()));
});

/** Ports that are tried: another process may take one that was free a moment ago. */
const PORTS_MAX = 10;

Deno.test("startSimulation() leaves nothing behind when a port is taken", async (t) => {
  const listens = (port: number) =>
    fetch(`http://127.0.0.1:${port}`).then((r) => r.text()).then(() => true, () => false);
  for (const faults of [{}, { dropBeforeHeaders: { probability: 0.5 } }]) {
    await t.step(JSON.stringify(faults), async () => {
      for (let count = 0; count < PORTS_MAX; count++) {
        using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const port = taken.addr.port - 1;
        const options = { ...defaultSimulateOptions, tokenizer: "tiny", port, count: 2, faults };
        await assert.rejects(
          startSimulation(options, { tokenizer, chatTemplate: null }),
          /address already in use/i,
        );
        if (!await listens(port)) return;
      }
      assert.fail("the first port is listened on, each time");
    });
  }
});
