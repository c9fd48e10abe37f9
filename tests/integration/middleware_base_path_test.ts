import assert from "node:assert/strict";
import { Hono } from "hono";
import { answerOf, assertRefused } from "../support/answers.ts";
import { settle } from "../support/fake_clock.ts";
import { createHarness, type Harness } from "../support/router_harness.ts";

/** Ways to put a router into another Hono app. */
const WAYS: [name: string, embed: (h: Harness) => Hono][] = [
  ["route()", (h) => new Hono().route("/llm", h.router.app)],
  ["mount()", (h) => new Hono().mount("/llm", h.router.fetch)],
  ["nested route()", (h) => new Hono().route("/", new Hono().route("/llm", h.router.app))],
];

Deno.test("createRouter() within another app: the outer middleware sees its own paths throughout", async () => {
  await using h = await createHarness();
  const seen: string[] = [];
  const outer = new Hono();
  outer.use(async (c, next) => {
    seen.push(c.req.path);
    await next();
    seen.push(c.req.path, c.req.url);
  });
  await outer.route("/llm", h.router.app).request("http://site/llm/health");
  assert.deepEqual(seen, ["/llm/health", "/llm/health", "http://site/llm/health"]);
});

for (const [name, embed] of WAYS) {
  Deno.test(`createRouter() within another app by ${name}: all of it works under the base path`, async () => {
    await using h = await createHarness({ config: { apiKey: "key", maxConnections: 1 } });
    const outer = embed(h);
    outer.get("/", (c) => c.text("outer"));
    const authorization = "Bearer key";
    const ask = (path: string, init: RequestInit = {}) =>
      answerOf(outer.request(`http://site${path}`, { ...init, headers: { authorization } }));

    assert.equal(await (await outer.request("http://site/")).text(), "outer");
    assert.equal((await outer.request("http://site/health")).status, 404);
    assert.equal((await answerOf(outer.request("http://site/llm/health"))).status, 200);
    await assertRefused(outer.request("http://site/llm/list_workers"), 401);
    assert.deepEqual((await ask("/llm/list_workers")).body, { urls: h.urls });
    assert.equal((await ask("/llm/add_worker")).status, 405);
    const id = h.router.pool.list()[0]!.id;
    assert.equal((await ask(`/llm/workers/${id}`)).body.id, id);

    const body = JSON.stringify({ text: "hello", sampling_params: { max_new_tokens: 2 } });
    const generated = await ask("/llm/generate?a=1", { method: "POST", body });
    assert.equal(generated.status, 200);
    assert.equal(generated.headers.get("x-slime-router-worker"), h.urls[0]);
    assert.deepEqual((await ask("/llm/get_model_info?x=%2F")).body.is_generation, true);
    assert.equal((await ask("/llm/generate", { method: "POST", body: "{" })).status, 400);
    assert.deepEqual(
      h.engines[0]!.state.requests.map(({ method, path, search }) => `${method} ${path}${search}`),
      ["POST /generate?a=1", "GET /get_model_info?x=%2F"],
    );
    assert.equal(h.router.pool.totalInFlight, 0);
  });

  Deno.test(`createRouter() within another app by ${name}: a client that leaves is noticed`, async () => {
    await using h = await createHarness();
    const engine = h.engines[0]!;
    engine.faults.stall.next = 1;
    const client = new AbortController();
    const request = new Request("http://site/llm/generate", {
      method: "POST",
      body: '{"text":"hello"}',
      signal: client.signal,
    });
    const reply = embed(h).fetch(request);
    while (engine.state.running + engine.state.waiting === 0) await settle();
    client.abort();
    assert.equal((await reply).status, 499);
    assert.equal(h.router.pool.totalInFlight, 0);
    assert.equal(engine.state.running + engine.state.waiting, 0);
  });
}
