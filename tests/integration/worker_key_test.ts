import assert from "node:assert/strict";
import type { Fetch } from "../../src/types.ts";
import { chatPrompt, createHarness, type HarnessOptions } from "../support/router_harness.ts";

const ROUTER_KEY = "sk-router";
const WORKER_KEY = "sk-worker";

/** What `Authorization` each request to a worker carried, under its path. */
function watchKeys(options: HarnessOptions): { options: HarnessOptions; seen: Map<string, string | null> } {
  const seen = new Map<string, string | null>();
  const wrapFetch = (fetch: Fetch): Fetch => (input, init) => {
    const request = new Request(input as string, init as RequestInit);
    seen.set(new URL(request.url).pathname, request.headers.get("authorization"));
    return fetch(input, init);
  };
  return { options: { ...options, wrapFetch }, seen };
}

Deno.test("workerApiKey: is sent with everything that goes to a worker", async () => {
  const watch = watchKeys({ config: { workerApiKey: WORKER_KEY }, deps: { healthChecks: true } });
  await using h = await createHarness(watch.options);
  await h.router.checkHealth();
  const headers = { authorization: "Bearer session:rollout-7" };
  await (await h.post("/generate", { text: chatPrompt("hi") }, { headers })).text();
  await (await h.post("/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }, { headers }))
    .text();
  await (await h.post("/abort_request", { rid: "x" }, { headers })).text();
  await (await h.request("/get_model_info", { headers })).text();
  for (const path of ["/health", "/generate", "/abort_request", "/get_model_info"]) {
    assert.equal(watch.seen.get(path), `Bearer ${WORKER_KEY}`, path);
  }
  assert.deepEqual(new Set(watch.seen.values()), new Set([`Bearer ${WORKER_KEY}`]));
});

Deno.test("workerApiKey: the router's own key opens the router, the worker's key the worker", async () => {
  const watch = watchKeys({ config: { apiKey: ROUTER_KEY, workerApiKey: WORKER_KEY } });
  await using h = await createHarness(watch.options);
  const ask = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const reply = await h.post("/generate", { text: chatPrompt("hi") }, { headers });
    await reply.text();
    return reply.status;
  };
  assert.equal(await ask(WORKER_KEY), 401);
  assert.equal(watch.seen.size, 0);
  assert.equal(await ask(ROUTER_KEY), 200);
  assert.equal(watch.seen.get("/generate"), `Bearer ${WORKER_KEY}`);
});

Deno.test("workerApiKey: without one the client's key passes on, and none is made up", async () => {
  const watch = watchKeys({});
  await using h = await createHarness(watch.options);
  await (await h.post("/generate", { text: chatPrompt("hi") })).text();
  assert.equal(watch.seen.get("/generate"), null);
  const headers = { authorization: "Bearer mine" };
  await (await h.post("/generate", { text: chatPrompt("hi") }, { headers })).text();
  assert.equal(watch.seen.get("/generate"), "Bearer mine");
});
