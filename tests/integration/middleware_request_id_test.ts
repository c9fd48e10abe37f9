import assert from "node:assert/strict";
import { REQUEST_ID_LENGTH_MAX } from "../../src/middleware/request_id.ts";
import { createHarness, type Harness } from "../support/router_harness.ts";

const HELLO = { text: "hello", sampling_params: { max_new_tokens: 2 } };

/** Value of a header that reached the worker with the last request. */
function sentHeader(h: Harness, name: string): string | undefined {
  return h.engines[0]!.state.requests.at(-1)!.headers.find(([each]) => each === name)?.[1];
}

Deno.test("requestId(): a client's id is kept when short and printable, else one is minted", async () => {
  let minted = 0;
  await using h = await createHarness({ deps: { newRequestId: () => `minted-${++minted}` } });
  const cases: [given: string | null, isKept: boolean][] = [
    ["a", true],
    ["0af7651916cd43dd8448eb211c80319c", true],
    ["~!{}\"'<>&;|$(rm)", true],
    ["x".repeat(REQUEST_ID_LENGTH_MAX), true],
    ["x".repeat(REQUEST_ID_LENGTH_MAX + 1), false],
    [null, false],
    ["", false],
    ["with space", false],
    ["tab\there", false],
    ["naïve", false],
    ["a, b", false],
  ];
  for (const [given, isKept] of cases) {
    const before = minted;
    const headers: Record<string, string> = given === null ? {} : { "x-request-id": given };
    const reply = await h.post("/generate", HELLO, { headers });
    await reply.text();
    const expected = isKept ? given : `minted-${before + 1}`;
    assert.equal(reply.headers.get("x-request-id"), expected, given ?? "none");
    assert.equal(sentHeader(h, "x-request-id"), expected);
    assert.equal(minted, before + (isKept ? 0 : 1));
  }
});

Deno.test("requestId(): minted ids differ", async () => {
  await using h = await createHarness();
  const ids = new Set<string | null>();
  for (let i = 0; i < 20; i++) ids.add((await h.request("/health")).headers.get("x-request-id"));
  assert.equal(ids.size, 20);
});

Deno.test("requestId(): every kind of reply carries the id", async () => {
  await using h = await createHarness({
    config: { apiKey: "key", maxBodyBytes: 100 },
    deps: {
      middleware: [() => async (c, next) => {
        if (c.req.path === "/throws") throw new Error("no");
        await next();
      }],
    },
  });
  const cases: [path: string, status: number, init: RequestInit][] = [
    ["/health", 200, {}],
    ["/list_workers", 401, { headers: {} }],
    ["/nothing/here", 404, {}],
    ["/add_worker", 400, { method: "POST" }],
    ["/add_worker", 405, {}],
    ["/generate", 413, { method: "POST", body: "x".repeat(200) }],
    ["/throws", 500, {}],
    ["/generate", 200, { method: "POST", body: '{"text":"hello","stream":true}' }],
  ];
  for (const [path, status, init] of cases) {
    const headers = { "x-request-id": "mine", ...(init.headers ?? { authorization: "Bearer key" }) };
    const reply = await h.request(path, { ...init, headers });
    await reply.text();
    assert.deepEqual([reply.status, reply.headers.get("x-request-id")], [status, "mine"], path);
  }
});

Deno.test("requestId(): a reply tells its worker and why that was chosen; the router's own do not", async () => {
  await using h = await createHarness();
  const reply = await h.post("/generate", HELLO);
  await reply.text();
  assert.equal(reply.headers.get("x-slime-router-worker"), h.urls[0]);
  assert.notEqual(reply.headers.get("x-slime-router-decision") ?? "", "");
  assert.equal((await h.request("/health")).headers.get("x-slime-router-worker"), null);
});

Deno.test("requestId(): headers that cannot be changed are no obstacle", async () => {
  const immutable = Response.redirect("http://elsewhere/");
  assert.throws(() => immutable.headers.set("a", "b"), TypeError);
  await using h = await createHarness({ deps: { middleware: [() => () => Promise.resolve(immutable)] } });
  const reply = await h.request("/any", { headers: { "x-request-id": "mine" } });
  assert.deepEqual(
    [reply.status, reply.headers.get("location"), reply.headers.get("x-request-id")],
    [302, "http://elsewhere/", "mine"],
  );
});
