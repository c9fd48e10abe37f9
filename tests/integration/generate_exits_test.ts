import assert from "node:assert/strict";
import type { MiddlewareFactory } from "../../src/app.ts";
import type { RouterConfig } from "../../src/config.ts";
import type { SimulatedEngine } from "../../src/engine/simulated/simulated_engine.ts";
import type { RouterMetrics } from "../../src/observability/metrics.ts";
import { RidTable } from "../../src/proxy/rid_table.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PROMPT = chatPrompt("say json");

/** One way a request may end. */
interface Exit {
  readonly name: string;
  readonly stream?: boolean;
  readonly break?: (engine: SimulatedEngine) => void;
  readonly config?: Partial<RouterConfig>;
  readonly middleware?: readonly MiddlewareFactory[];
  /** Sends the request and sees it to its end. */
  readonly run?: (h: Harness, clock: FakeClock, body: object) => Promise<void>;
  /** Texts recorded afterwards: the prompt and the reply. Default none. */
  readonly recorded?: boolean;
  /** A line of the metrics that must be there. */
  readonly metric?: string;
}

async function whole(h: Harness, _: FakeClock, body: object): Promise<void> {
  const response = await h.post("/generate", body);
  await response.text().catch(() => {});
}

/** Leaves when `until` says so. */
function leaving(until: (h: Harness, clock: FakeClock) => Promise<void>): NonNullable<Exit["run"]> {
  return async (h, clock, body) => {
    const client = new AbortController();
    const pending = h.post("/generate", body, { signal: client.signal });
    await until(h, clock);
    client.abort();
    const response = await pending;
    await response.body?.cancel().catch(() => {});
  };
}

async function untilRunning(h: Harness): Promise<void> {
  while (h.engines[0]!.state.requests.length === 0) await settle();
  await settle();
}

const plugin = (handle: ReturnType<MiddlewareFactory>): MiddlewareFactory => () => handle;

const LEFT = 'slime_router_upstream_aborts_total{reason="client left"} 1';
const EXITS: readonly Exit[] = [
  { name: "ok", recorded: true },
  { name: "ok, streamed", stream: true, recorded: true },
  { name: "4xx", break: (e) => Object.assign(e.faults.httpError, { next: 1, status: 422 }) },
  { name: "5xx", break: (e) => Object.assign(e.faults.httpError, { next: 1, status: 500 }) },
  { name: "drop before headers", break: (e) => e.faults.dropBeforeHeaders.next = 9 },
  { name: "drop in the body", break: (e) => e.faults.dropMidBody.next = 9 },
  {
    name: "drop in a stream",
    stream: true,
    break: (e) => e.faults.dropMidBody.next = 1,
    metric: 'slime_router_upstream_aborts_total{reason="upstream failed"} 1',
  },
  {
    name: "error frame",
    stream: true,
    break: (e) => e.faults.errorFrame.next = 1,
    metric: 'slime_router_parse_failures_total{what="generate stream"} 1',
  },
  { name: "abort with a status", break: (e) => e.faults.abortWithStatus.next = 1 },
  {
    name: "abort with a status, streamed",
    stream: true,
    break: (e) => Object.assign(e.faults.abortWithStatus, { next: 1, afterTokens: 2 }),
    metric: 'slime_router_commit_refusals_total{reason="aborted"} 1',
  },
  {
    name: "client leaves before headers",
    break: (e) => e.faults.stall.next = 1,
    run: leaving(untilRunning),
    metric: LEFT,
  },
  {
    name: "client leaves within a stream",
    stream: true,
    async run(h, _, body) {
      const response = await h.post("/generate", body);
      const reader = response.body!.getReader();
      await reader.read();
      await reader.cancel();
    },
    metric: LEFT,
  },
  {
    name: "client's connection ends within a stream that nobody reads",
    stream: true,
    async run(h, _, body) {
      const client = new AbortController();
      await h.post("/generate", body, { signal: client.signal });
      client.abort();
    },
    metric: LEFT,
  },
  {
    name: "client leaves while an aborted reply waits to be asked for again",
    break: (e) => e.faults.abortWaiting.next = 1,
    run: leaving((_, clock) => clock.untilSleeping()),
    metric: LEFT,
  },
  {
    name: "timeout",
    break: (e) => e.faults.stall.next = 1,
    config: { requestTimeoutMs: 500 },
    async run(h, clock, body) {
      const pending = h.post("/generate", body);
      await untilRunning(h);
      await clock.advance(500);
      assert.equal((await pending).status, 504);
    },
    metric: 'slime_router_upstream_aborts_total{reason="timeout"} 1',
  },
  {
    name: "timeout within a stream that nobody reads",
    stream: true,
    config: { requestTimeoutMs: 500 },
    async run(h, clock, body) {
      await h.post("/generate", body);
      await clock.advance(500);
    },
  },
  {
    name: "plugin throws before",
    middleware: [plugin(() => Promise.reject(new Error("broken plugin")))],
  },
  {
    name: "plugin throws what is no Error",
    // deno-lint-ignore no-throw-literal
    middleware: [plugin(() => {
      throw "a string";
    })],
  },
  {
    name: "plugin throws behind a stream",
    stream: true,
    middleware: [plugin(async (_, next) => {
      await next();
      throw new Error("broken plugin");
    })],
    metric: 'slime_router_upstream_aborts_total{reason="reply dropped"} 1',
  },
  {
    name: "plugin answers with something else",
    stream: true,
    middleware: [plugin(async (c, next) => {
      await next();
      c.res = new Response("no");
    })],
    metric: 'slime_router_upstream_aborts_total{reason="reply dropped"} 1',
  },
  {
    name: "plugin rewraps the stream",
    stream: true,
    middleware: [plugin(async (c, next) => {
      await next();
      c.res = new Response(c.res.body!.pipeThrough(new TransformStream()), c.res);
    })],
    recorded: true,
  },
];

for (const exit of EXITS) {
  Deno.test(`/generate: load returns to zero, nothing recorded of a failed or cancelled request: ${exit.name}`, async () => {
    const clock = new FakeClock();
    const rids = new RidTable();
    const h = await createHarness({
      engine: { splitProbability: 1, script: () => "HAVING the json" },
      config: { ...exit.config },
      deps: { clock, rids, middleware: exit.middleware ?? [] },
    });
    exit.break?.(h.engines[0]!);
    const body = { text: PROMPT, stream: exit.stream ?? false, rid: "r-1" };
    await (exit.run ?? whole)(h, clock, body);
    await settle();
    assert.equal(h.router.pool.totalInFlight, 0, "load");
    assert.equal(rids.size, 0, "rids");
    const stats = h.router.cache!.stats();
    assert.equal(stats.pinned, 0, "pins");
    assert.equal(clock.sleeping, 0, "timers");
    assert.equal(h.engines[0]!.state.running, 0, "the engine does not go on");
    assert.equal(stats.segments, exit.recorded ? 2 : 0, "recorded segments");
    if (exit.metric !== undefined) {
      const metrics = await h.router.registry.get<RouterMetrics>("metrics").render();
      assert.ok(
        metrics.includes(exit.metric),
        metrics.split("\n").filter((l) => /aborts|refus|parse/.test(l)).join("\n"),
      );
    }
    await h.router.close();
  });
}

/** Replies that must not be recorded, and the metric that says so. */
const UNTRUE: readonly [name: string, metric: string, change: (meta: Record<string, unknown>) => void][] = [
  ["a prompt count that differs", "prompt count differs", (meta) => meta.prompt_tokens = 3],
  ["counts that contradict", "inconsistent reply", (meta) => meta.completion_tokens = 77],
  ["an id that the tokenizer does not know", "unknown token id", (meta) => {
    meta.output_token_logprobs = [[-1, 99_999]];
    meta.completion_tokens = 1;
    delete meta.weight_versions;
  }],
  ["version spans with a hole", "inconsistent reply", (meta) =>
    meta.weight_versions = [{
      version: "1",
      start: 0,
      end: 1,
    }]],
];
for (const [name, reason, change] of UNTRUE) {
  Deno.test(`/generate does not record ${name}, and counts it; the client gets the reply`, async () => {
    await using h = await createHarness({
      wrapFetch: (fetch) => async (input, init) => {
        const response = await fetch(input, init);
        if (!String(input).endsWith("/generate")) return response;
        const reply = await response.json();
        change(reply.meta_info);
        if (reason === "unknown token id") delete reply.output_ids;
        return Response.json(reply);
      },
    });
    await h.postOk("/generate", { text: PROMPT });
    assert.equal(h.router.cache!.stats().segments, 0);
    const metrics = await h.router.registry.get<RouterMetrics>("metrics").render();
    assert.ok(metrics.includes(`slime_router_commit_refusals_total{reason="${reason}"} 1`));
  });
}
