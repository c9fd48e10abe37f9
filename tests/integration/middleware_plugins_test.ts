import assert from "node:assert/strict";
import { HTTPException } from "hono/http-exception";
import { createRouter, type MiddlewareFactory, type RouterHandle } from "../../src/app.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const HELLO = { text: chatPrompt("hello"), sampling_params: { max_new_tokens: 8 } };
const withPlugins = (...middleware: MiddlewareFactory[]) => createHarness({ deps: { middleware } });

function assertNothingLeaks(h: Harness): void {
  assert.deepEqual([h.router.pool.totalInFlight, h.router.cache!.stats().pinned], [0, 0]);
}

async function requestCount(h: Harness, route: string, status: number): Promise<number> {
  const text = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
  const line = text.split("\n").find((each) =>
    each.startsWith(`slime_router_requests_total{route="${route}",status="${status}"}`)
  );
  return Number(line?.split(" ")[1] ?? 0);
}

Deno.test("plugins: a factory is called once, with the router", async () => {
  const seen: RouterHandle[] = [];
  await using h = await createHarness({
    config: { verbose: true },
    deps: {
      middleware: [({ router }) => {
        seen.push(router);
        return (_, next) => next();
      }],
    },
  });
  for (let i = 0; i < 3; i++) await h.postOk("/generate", HELLO);
  const [router] = seen;
  assert.equal(seen.length, 1);
  assert.equal(router!.pool, h.router.pool);
  assert.equal(router!.registry, h.router.registry);
  assert.deepEqual([router!.verbose, router!.config.policy], [true, "least_load"]);
  const names = ["cache", "logger", "metrics", "radix_tree", "sessions", "tokenizer"];
  assert.deepEqual(router!.registry.list().sort(), names);
});

Deno.test("plugins: run in order, behind id, auth and limits, before the cache; what they see is whole", async () => {
  const events: string[] = [];
  const plugin = (name: string): MiddlewareFactory => () => async (c, next) => {
    events.push(`${name} in ${c.get("exchange").id} ${c.get("generate") === undefined}`);
    await next();
    events.push(`${name} out ${c.res.status} ${c.get("exchange").worker !== null}`);
  };
  await using h = await createHarness({
    config: { apiKey: "key" },
    deps: { middleware: [plugin("a"), plugin("b")] },
  });
  await assertRefused(h.post("/generate", HELLO), 401);
  assert.deepEqual(events, []);
  const headers = { authorization: "Bearer key", "x-request-id": "mine" };
  await (await h.post("/generate", HELLO, { headers })).text();
  assert.deepEqual(events, ["a in mine true", "b in mine true", "b out 200 true", "a out 200 true"]);
});

Deno.test("plugins: one that throws is answered 500, counted and logged, and nothing leaks", async () => {
  const thrown: [name: string, value: unknown, status: number, says: RegExp][] = [
    ["an Error", new Error("secret detail"), 500, /^Cannot serve request: an internal error occurred$/],
    ["a string", "secret detail", 500, /^Cannot serve request/],
    ["undefined", undefined, 500, /^Cannot serve request/],
    ["an HTTPException", new HTTPException(403, { message: "not you" }), 403, /^not you$/],
  ];
  for (const moment of ["before", "after"]) {
    for (const stream of [false, true]) {
      let value: unknown = null;
      let isArmed = false;
      await using h = await withPlugins(() => async (c, next) => {
        if (moment === "after") await next();
        if (isArmed && c.req.path === "/generate") throw value;
        if (moment === "before") await next();
      });
      for (const [name, error, status, says] of thrown) {
        isArmed = true;
        value = error;
        const before = await requestCount(h, "/generate", status) + await requestCount(h, "/*", status);
        await assertRefused(h.post("/generate", { ...HELLO, stream }), status, says);
        const after = await requestCount(h, "/generate", status) + await requestCount(h, "/*", status);
        assert.equal(after, before + 1, `${name} ${moment}`);
        assertNothingLeaks(h);
        isArmed = false;
        await h.postOk("/generate", HELLO);
      }
    }
  }
});

Deno.test("plugins: one that answers itself reaches no worker", async () => {
  await using h = await withPlugins(() => (c, next) =>
    c.req.path === "/generate" ? Promise.resolve(c.json({ mine: true }, 418)) : next()
  );
  const { status, body } = await answerOf(h.post("/generate", HELLO));
  assert.deepEqual([status, body], [418, { mine: true }]);
  assert.deepEqual(h.generateBodies(), []);
  assert.equal(h.router.cache!.stats().tokens, 0);
  assertNothingLeaks(h);
});

Deno.test("plugins: one that answers in place of a worker's reply leaves nothing behind", async () => {
  for (const stream of [false, true]) {
    await using h = await withPlugins(() => async (c, next) => {
      await next();
      if (c.req.path !== "/generate") return;
      c.res = new Response("replaced", { status: 202 });
    });
    const { status, text } = await (async () => {
      const reply = await h.post("/generate", { ...HELLO, stream });
      return { status: reply.status, text: await reply.text() };
    })();
    assert.deepEqual([status, text], [202, "replaced"], `stream ${stream}`);
    assertNothingLeaks(h);
  }
});

Deno.test("plugins: one that wraps a stream passes it on; the request ends with the last byte", async () => {
  await using h = await withPlugins(() => async (c, next) => {
    await next();
    if (!c.res.headers.get("content-type")?.startsWith("text/event-stream")) return;
    const upper = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => controller.enqueue(chunk),
      flush: (controller) => controller.enqueue(new TextEncoder().encode(": wrapped\n\n")),
    });
    c.res = new Response(c.res.body!.pipeThrough(upper), c.res);
  });
  const text = await (await h.post("/generate", { ...HELLO, stream: true })).text();
  assert.match(text, /data: \[DONE\]\n\n: wrapped\n\n$/);
  assertNothingLeaks(h);
  assert.ok(h.router.cache!.stats().tokens > 0, "recorded all the same");
});

Deno.test("plugins: one that neither answers nor awaits next() is answered 500, naming it in the log", async () => {
  const careless: MiddlewareFactory[] = [
    () => () => Promise.resolve(),
    () => (_, next) => {
      void next();
      return Promise.resolve();
    },
  ];
  for (const factory of careless) {
    await using h = await withPlugins(factory);
    await assertRefused(h.post("/generate", HELLO), 500);
    while (h.router.pool.totalInFlight > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    assertNothingLeaks(h);
  }
});

Deno.test("plugins: one that calls next() twice is answered 500, and nothing leaks", async () => {
  await using h = await withPlugins(() => async (_, next) => {
    await next();
    await next();
  });
  await assertRefused(h.post("/generate", HELLO), 500);
  assertNothingLeaks(h);
});

Deno.test("plugins: one that changes the request's headers changes what the worker gets", async () => {
  const ways: [name: string, MiddlewareFactory][] = [
    ["in place", () => async (c, next) => {
      c.req.raw.headers.set("x-lora", "adapter");
      c.req.raw.headers.delete("x-secret");
      await next();
    }],
    ["by a new request", () => async (c, next) => {
      const headers = new Headers(c.req.raw.headers);
      headers.set("x-lora", "adapter");
      headers.delete("x-secret");
      c.req.raw = new Request(c.req.raw, { headers });
      await next();
    }],
  ];
  for (const [name, factory] of ways) {
    await using h = await withPlugins(factory);
    for (const path of ["/generate", "/v1/embeddings"]) {
      await (await h.post(path, HELLO, { headers: { "x-secret": "1", "x-kept": "2" } })).text();
      const sent = new Map(h.engines[0]!.state.requests.at(-1)!.headers);
      assert.deepEqual([sent.get("x-lora"), sent.get("x-secret"), sent.get("x-kept")], [
        "adapter",
        undefined,
        "2",
      ], `${name} ${path}`);
    }
  }
});

Deno.test("plugins: one that changes the body changes what is sent and recorded alike", async () => {
  await using h = await withPlugins(() => async (c, next) => {
    const body = { ...await c.req.raw.json(), text: "hello world" };
    const headers = new Headers(c.req.raw.headers);
    headers.delete("content-length");
    c.req.raw = new Request(c.req.raw.url, { method: "POST", headers, body: JSON.stringify(body) });
    await next();
  });
  await h.postOk("/generate", { ...HELLO, text: "something else" });
  assert.deepEqual(h.generateBodies()[0]!.input_ids, [...h.loaded.tokenizer.encode("hello world")]);
});

Deno.test("createRouter(): a factory that makes no function is refused at once", async () => {
  for (const made of [undefined, null, {}, "x"]) {
    const factory = (() => made) as unknown as MiddlewareFactory;
    await assert.rejects(
      createRouter({}, { middleware: [() => (_, next) => next(), factory], healthChecks: false }),
      (error: Error) =>
        error instanceof TypeError && /^Cannot use middleware 2: its factory must/.test(error.message),
    );
  }
});

Deno.test("plugins: c.env is what fetch() is given beside the request, such as the client's address", async () => {
  const seen: unknown[] = [];
  await using h = await withPlugins(() => (c, next) => {
    seen.push(c.env);
    return next();
  });
  const env = { remoteAddr: { hostname: "10.0.0.7" } };
  assert.equal((await h.router.fetch(new Request("http://router/health"), env)).status, 200);
  assert.deepEqual(seen, [env]);
});
