import assert from "node:assert/strict";
import { Hono } from "hono";
import { withoutBasePath } from "../../../src/middleware/base_path.ts";
import type { RouterEnv } from "../../../src/proxy/router_env.ts";

/** An app that tells the path and the URL that its handlers see. */
function telling(): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.use(withoutBasePath());
  app.all("*", (c) => c.json([c.req.path, c.req.raw.url]));
  return app;
}

const CASES: [base: string | null, path: string, seenPath: string, seenTarget: string][] = [
  [null, "/a/b?x=1", "/a/b", "/a/b?x=1"],
  ["/", "/a/b?x=1", "/a/b", "/a/b?x=1"],
  ["/llm", "/llm/v1/models?x=%2F", "/v1/models", "/v1/models?x=%2F"],
  ["/llm", "/llm", "/", "/"],
  ["/llm", "/llm?x=1", "/", "/?x=1"],
  ["/llm", "/llm/", "/", "/"],
  ["/llm", "/llm/llm/llm", "/llm/llm", "/llm/llm"],
  ["/llm", "/llm//double", "//double", "//double"],
  ["/llm", "/llm/a%2Fb%20c%41", "/a%2Fb cA", "/a%2Fb%20c%41"],
  ["/llm", "/%6C%6Cm/x", "/x", "/x"],
  ["/a/b", "/a/b/c", "/c", "/c"],
  ["/:tenant/llm", "/acme/llm/health", "/health", "/health"],
  ["/:tenant/llm", "/ac%2Fme/llm/health", "/health", "/health"],
];

for (const [base, path, seenPath, seenTarget] of CASES) {
  Deno.test(`withoutBasePath() under ${base ?? "no base"}: ${path} is seen as ${seenTarget}`, async () => {
    const app = base === null ? telling() : new Hono().route(base, telling());
    const reply = await app.request(`http://router${path}`);
    assert.deepEqual(await reply.json(), [seenPath, `http://router${seenTarget}`]);
  });
}

Deno.test("withoutBasePath(): method, headers, body and signal stay", async () => {
  const inner = new Hono<RouterEnv>();
  let signal: AbortSignal | undefined;
  inner.use(withoutBasePath());
  inner.post("*", async (c) => {
    signal = c.req.raw.signal;
    return c.json([c.req.method, c.req.header("x-a"), await c.req.text()]);
  });
  const client = new AbortController();
  const reply = await new Hono().route("/llm", inner).request(
    new Request("http://router/llm/x", {
      method: "POST",
      headers: { "x-a": "1" },
      body: "b",
      signal: client.signal,
    }),
  );
  assert.deepEqual(await reply.json(), ["POST", "1", "b"]);
  client.abort();
  assert.equal(signal?.aborted, true);
});
