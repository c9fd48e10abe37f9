import assert from "node:assert/strict";
import { createRouterMetrics } from "../../../src/observability/metrics.ts";
import { createPolicy } from "../../../src/policy/create.ts";
import { ConnectGuard } from "../../../src/proxy/connect_guard.ts";
import { dispatch, type DispatchDeps, type OutboundRequest } from "../../../src/proxy/dispatch.ts";
import { Exchange } from "../../../src/proxy/exchange.ts";
import type { Fetch, WorkerReply } from "../../../src/types.ts";
import { HungAttempts } from "../../../src/proxy/hung_attempts.ts";
import { WorkerPool } from "../../../src/worker/pool.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";

const OUTBOUND: OutboundRequest = {
  method: "POST",
  target: "/x?y=1",
  headers: [],
  body: new Uint8Array([7]),
};

function setUp(fetch: Fetch, urls: readonly string[] = ["http://a", "http://b"], threshold = 1) {
  const clock = new FakeClock();
  const pool = new WorkerPool({ clock, circuitBreaker: { failureThreshold: threshold, cooldownMs: 1_000 } });
  const workers = urls.map((url) => pool.add(url).worker);
  const client = new AbortController();
  const deps: DispatchDeps = {
    pool,
    policy: createPolicy("least_load", { random: () => 0 }),
    fetch,
    metrics: createRouterMetrics(),
    connectGuard: new ConnectGuard({ connect: null, timeoutMs: 0, clock }),
    hung: new HungAttempts(pool, true),
    maxAttempts: 3,
  };
  const newExchange = () => new Exchange({ id: "1", clock, clientSignal: client.signal, timeoutMs: 0 });
  return { clock, pool, workers, client, deps, newExchange };
}

const text = async (reply: WorkerReply) => new TextDecoder().decode(await reply.bytes());

Deno.test("dispatch() holds the lease until the exchange ends, whoever forgets it", async () => {
  const { deps, pool, newExchange } = setUp(() => Promise.resolve(new Response("ok")));
  const exchange = newExchange();
  const { reply } = await dispatch(deps, OUTBOUND, exchange, text);
  assert.equal(reply, "ok");
  assert.equal(pool.totalInFlight, 1);
  exchange.end("done");
  assert.equal(pool.totalInFlight, 0);
});

Deno.test("dispatch() sends the same bytes to path and query of each worker that it tries", async () => {
  const asked: [string, unknown][] = [];
  const { deps, newExchange } = setUp((url, init) => {
    asked.push([String(url), init?.body]);
    return asked.length === 1 ? Promise.reject(new TypeError("refused")) : Promise.resolve(new Response());
  });
  await dispatch(deps, OUTBOUND, newExchange(), text);
  assert.deepEqual(asked, [["http://a/x?y=1", OUTBOUND.body], ["http://b/x?y=1", OUTBOUND.body]]);
});

Deno.test("dispatch() tries elsewhere when the head of a reply cannot be received", async () => {
  const { deps, newExchange, pool } = setUp(() => Promise.resolve(new Response("half")));
  let received = 0;
  const receive = () => received++ === 0 ? Promise.reject(new Error("broke off")) : Promise.resolve("whole");
  const exchange = newExchange();
  assert.equal((await dispatch(deps, OUTBOUND, exchange, receive)).reply, "whole");
  assert.equal(pool.totalInFlight, 1, "the failed worker's lease has ended");
});

Deno.test("dispatch() gives a reply that came for a client that had left to nobody", async () => {
  const { deps, newExchange, client, workers } = setUp(() => Promise.resolve(new Response("ok")));
  const receive = (reply: WorkerReply) => {
    client.abort();
    return text(reply);
  };
  await assert.rejects(dispatch(deps, OUTBOUND, newExchange(), receive), { name: "ClientLeftError" });
  assert.equal(workers[0]!.circuitState, "closed", "the worker did nothing wrong");
});

const STATUSES: readonly [status: number, state: string][] = [
  [200, "closed"],
  [400, "closed"],
  [429, "closed"],
  [500, "closed"],
  [502, "open"],
  [503, "open"],
  [504, "open"],
];
for (const [status, state] of STATUSES) {
  Deno.test(`dispatch(): status ${status} leaves the circuit ${state}`, async () => {
    const { deps, newExchange, workers } = setUp(() => Promise.resolve(new Response(null, { status })), [
      "http://a",
    ]);
    await dispatch(deps, OUTBOUND, newExchange(), text);
    assert.equal(workers[0]!.circuitState, state);
  });
}

Deno.test("WorkerPool.lastResort() offers what only an open circuit holds back", () => {
  const { pool, workers } = setUp(() => Promise.reject(new Error()), [
    "http://a",
    "http://b",
    "http://c",
    "http://d",
  ]);
  const [open, dead, leaving, tried] = workers;
  for (const worker of workers) worker.recordConnectFailure();
  dead!.recordProbeFailure("silent", 1);
  void leaving!.drain();
  assert.deepEqual(pool.candidates(), []);
  assert.deepEqual(pool.lastResort(new Set([tried!.id])), [open]);
  open!.recordSuccess();
  assert.deepEqual(pool.lastResort(), [tried], "a closed circuit needs no last resort");
});

Deno.test("dispatch() prefers closed circuits, and asks open ones before it gives up", async () => {
  const asked: string[] = [];
  const { deps, newExchange, workers } = setUp((url) => {
    asked.push(new URL(String(url)).host);
    return Promise.reject(new TypeError("refused"));
  });
  workers[0]!.recordConnectFailure();
  await assert.rejects(dispatch(deps, OUTBOUND, newExchange(), text), { status: 502 });
  assert.deepEqual(asked, ["b", "a"]);
});

/** Workers that take requests and never answer, until the request is given up. */
function hanging(...hosts: readonly string[]): { asked: string[]; fetch: Fetch } {
  const asked: string[] = [];
  const fetch: Fetch = (url, init) => {
    const { host } = new URL(String(url));
    asked.push(host);
    if (!hosts.includes(host)) return Promise.resolve(new Response(host));
    return new Promise((_, reject) => {
      init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason), { once: true });
    });
  };
  return { asked, fetch };
}

const GENERATION = { ...OUTBOUND, isRepeatable: true };

Deno.test("dispatch() asks another worker for a generation when one falls silent, and counts it", async () => {
  const { asked, fetch } = hanging("a");
  const { deps, newExchange, workers, pool } = setUp(fetch);
  const reply = dispatch(deps, GENERATION, newExchange(), text);
  await settle();
  workers[0]!.recordProbeFailure("no answer", 1, false);
  assert.equal((await reply).reply, "b");
  assert.deepEqual([asked, pool.totalInFlight], [["a", "b"], 1]);
  const metrics = await deps.metrics.render();
  assert.match(metrics, /upstream_retries_total\{reason="worker hung"\} 1/);
  assert.match(metrics, /upstream_attempts_total\{outcome="given up"\} 1/);
});

const KEPT: readonly [name: string, outbound: OutboundRequest, threshold: number, hasAnswered: boolean][] = [
  ["that is no generation", OUTBOUND, 1, false],
  ["to a worker that says itself that it is not well", GENERATION, 1, true],
  ["to a worker that is not taken out yet", GENERATION, 2, false],
];
for (const [name, outbound, threshold, hasAnswered] of KEPT) {
  Deno.test(`dispatch() goes on waiting for a request ${name}`, async () => {
    const { asked, fetch } = hanging("a");
    const { deps, newExchange, workers, client } = setUp(fetch);
    const reply = dispatch(deps, outbound, newExchange(), text);
    await settle();
    workers[0]!.recordProbeFailure("not well", threshold, hasAnswered);
    await settle();
    assert.deepEqual(asked, ["a"]);
    client.abort();
    await assert.rejects(reply, { name: "ClientLeftError" });
  });
}

Deno.test("dispatch() goes on waiting for a silent worker until another one is there", async () => {
  const { asked, fetch } = hanging("a");
  const { deps, newExchange, workers, pool } = setUp(fetch, ["http://a"]);
  const reply = dispatch(deps, GENERATION, newExchange(), text);
  await settle();
  workers[0]!.recordProbeFailure("no answer", 1, false);
  await settle();
  assert.deepEqual(asked, ["a"]);
  pool.add("http://b");
  assert.equal((await reply).reply, "b");
});

Deno.test("dispatch() asks each worker once, however many fall silent, and waits for the last", async () => {
  const { asked, fetch } = hanging("a", "b");
  const { deps, newExchange, workers, client } = setUp(fetch);
  const reply = dispatch(deps, GENERATION, newExchange(), text);
  for (const worker of workers) {
    await settle();
    worker.recordProbeFailure("no answer", 1, false);
  }
  await settle();
  assert.deepEqual(asked, ["a", "b"]);
  workers[0]!.recordProbeSuccess();
  await settle();
  assert.deepEqual(asked, ["a", "b"], "it was asked before");
  client.abort();
  await assert.rejects(reply, { name: "ClientLeftError" });
});

Deno.test("dispatch() leaves a reply alone whose head has come, and a stream whose first byte has", async () => {
  for (const type of ["application/json", "text/event-stream"]) {
    const body = Promise.withResolvers<void>();
    const { deps, newExchange, workers } = setUp((url) => {
      const { host } = new URL(String(url));
      const rest = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode(host));
          await body.promise;
          controller.close();
        },
      });
      return Promise.resolve(new Response(rest, { headers: { "content-type": type } }));
    });
    // Of a stream the first chunk is taken, as the endpoints do.
    const receive = async (reply: WorkerReply) => {
      if (type === "application/json") return await text(reply);
      return new TextDecoder().decode((await reply.body!.getReader().read()).value);
    };
    const reply = dispatch(deps, GENERATION, newExchange(), receive);
    await settle();
    workers[0]!.recordProbeFailure("no answer", 1, false);
    body.resolve();
    assert.equal((await reply).reply, "a", type);
  }
});
