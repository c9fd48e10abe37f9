import assert from "node:assert/strict";
import { PATHS } from "../../src/api/openapi.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { createHarness } from "../support/router_harness.ts";

const KEY = "sk-0123456789";

Deno.test("auth(): asks for the key on every path but the two probes", async () => {
  await using h = await createHarness({ config: { apiKey: KEY } });
  const own = Object.entries(PATHS).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace("{id}", "x")] as const)
  );
  const proxied = [
    ["GET", "/"],
    ["POST", "/v1/chat/completions"],
    ["GET", "/health/"],
    ["GET", "//health"],
    [
      "GET",
      "/health/../flush_cache",
    ],
    ["POST", "/health_generate"],
    ["GET", "/readiness;x"],
    ["OPTIONS", "/generate"],
  ] as const;
  for (const [method, path] of [...own, ...proxied]) {
    const reply = await h.request(path, { method });
    if (path === "/health" || path === "/readiness") {
      assert.equal(reply.status, 200, path);
      continue;
    }
    assert.equal(reply.headers.get("www-authenticate"), "Bearer", `${method} ${path}`);
    await assertRefused(reply, 401, /valid API key is required/);
  }
  assert.deepEqual(h.engines[0]!.state.requests, []);
});

Deno.test("auth(): the probes stay open by GET only, and reach no worker", async () => {
  await using h = await createHarness({ config: { apiKey: KEY } });
  for (const path of ["/health", "/readiness", "/%68ealth", "/health?deep=1"]) {
    assert.equal((await answerOf(h.request(path))).status, 200, path);
  }
  for (const path of ["/health", "/readiness"]) {
    assert.equal((await answerOf(h.request(path, { method: "POST", body: "x" }))).status, 405, path);
  }
  assert.deepEqual(h.engines[0]!.state.requests, []);
});

Deno.test("auth(): takes the very key under the scheme Bearer, and nothing like it", async () => {
  await using h = await createHarness({ config: { apiKey: KEY } });
  const cases: [header: string | null, status: number][] = [
    [`Bearer ${KEY}`, 200],
    [`bearer ${KEY}`, 200],
    [`BEARER  ${KEY}`, 200],
    [null, 401],
    ["", 401],
    [KEY, 401],
    ["Bearer", 401],
    ["Bearer ", 401],
    [`Bearer${KEY}`, 401],
    [`Basic ${KEY}`, 401],
    [`Basic ${btoa(`:${KEY}`)}`, 401],
    [`Token ${KEY}`, 401],
    [`Bearer ${KEY.slice(0, -1)}`, 401],
    [`Bearer ${KEY}0`, 401],
    [`Bearer ${KEY.toUpperCase()}`, 401],
    [`Bearer ${KEY}, Bearer ${KEY}`, 401],
    [`Bearer "${KEY}"`, 401],
    [`Bearer Bearer ${KEY}`, 401],
    [`Bearer ${"0".repeat(100_000)}`, 401],
  ];
  for (const [header, status] of cases) {
    const headers: Record<string, string> = header === null ? {} : { authorization: header };
    assert.equal(
      (await answerOf(h.request("/list_workers", { headers }))).status,
      status,
      header?.slice(0, 40) ?? "no header",
    );
  }
});

Deno.test("auth(): a refused request leaves no trace, and its body is not read", async () => {
  await using h = await createHarness({ config: { apiKey: KEY } });
  let pulls = 0;
  const body = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
  await assertRefused(h.request("/generate", { method: "POST", body }), 401);
  await assertRefused(h.post("/add_worker", { url: "http://evil" }), 401);
  await assertRefused(h.post("/remove_worker", { url: h.urls[0] }), 401);
  assert.equal(pulls, 0);
  assert.deepEqual(h.router.pool.list().map(({ url }) => url), h.urls);
});

Deno.test("auth(): without a key everything is open", async () => {
  await using h = await createHarness();
  assert.equal((await answerOf(h.request("/list_workers"))).status, 200);
});
