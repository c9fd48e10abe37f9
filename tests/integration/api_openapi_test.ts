import assert from "node:assert/strict";
import { OPENAPI_DOCUMENT, PATHS } from "../../src/api/openapi.ts";
import { type Schema, SCHEMAS } from "../../src/api/openapi_schemas.ts";
import { answerOf, messageOf } from "../support/answers.ts";
import { violations } from "../support/json_schema.ts";
import { createHarness } from "../support/router_harness.ts";

Deno.test("GET /openapi.json: answers with the document", async () => {
  await using h = await createHarness();
  const { status, headers, body } = await answerOf(h.request("/openapi.json"));
  assert.equal(status, 200);
  assert.match(headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(body, JSON.parse(JSON.stringify(OPENAPI_DOCUMENT)));
});

Deno.test("GET /openapi.json: every route of the app is in it, and nothing else", async () => {
  await using h = await createHarness();
  const routes = new Set(
    h.router.app.routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`),
  );
  const documented = Object.entries(PATHS).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual(documented.sort(), [...routes].sort());
});

Deno.test("GET /openapi.json: a method that a path does not document is answered 405, never proxied", async () => {
  await using h = await createHarness();
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
  for (const [path, operations] of Object.entries(PATHS)) {
    if (path === "/generate") continue; // engines may have more to it
    for (const method of methods.filter((each) => !(each.toLowerCase() in operations))) {
      const { status, headers, body } = await answerOf(h.request(path.replace(/\{\w+\}/g, "x"), { method }));
      const allowed = Object.keys(operations).map((each) => each.toUpperCase());
      assert.equal(status, 405, `${method} ${path}`);
      assert.deepEqual(headers.get("allow")?.split(", "), allowed);
      assert.match(messageOf(body) as string, /^Cannot [A-Z]+ this path: it is served for/);
    }
  }
  assert.deepEqual(h.engines[0]!.state.requests, []);
});

Deno.test("GET /openapi.json: what the endpoints answer fits their schemas", async () => {
  await using h = await createHarness({ engines: 2, engine: { weightVersion: "7" } });
  h.router.pool.get(h.urls[1])!.recordProbeFailure("status 500", 1);
  await h.postOk("/generate", { text: "hello world", sampling_params: { max_new_tokens: 8 }, rid: "a" });
  const [worker] = h.router.pool.list();
  const json = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
  const messages = [{ role: "user", content: "hello" }];
  const calls: [status: number, path: string, RequestInit?][] = [
    [200, "/health"],
    [200, "/readiness"],
    [200, "/metrics"],
    [200, "/list_workers"],
    [200, "/workers"],
    [200, `/workers/${worker!.id}`],
    [404, "/workers/none"],
    [200, "/retrieve_from_text", json({ text: "hello world, hello" })],
    [200, "/retrieve_from_text", json({ text: "" })],
    [400, "/retrieve_from_text", json({})],
    [200, "/retrieve_from_messages_template", json({ messages })],
    [400, "/retrieve_from_messages_template", json({ messages: [] })],
    [200, "/abort_request", json({ rid: "a" })],
    [400, "/abort_request", json({ rid: "" })],
    [200, "/gc", json({ current_version: 8 })],
    [400, "/gc", json({})],
    [409, "/snapshot", { method: "POST" }],
    [200, "/add_worker?url=http://engine-0:1", { method: "POST" }],
    [400, "/add_worker", { method: "POST" }],
    [200, "/workers", json({ url: "http://engine-0:1" })],
    [201, "/workers", json({ url: "http://p:1", worker_type: "prefill", bootstrap_port: 8998 })],
    [400, "/workers", json({ url: "ftp://p" })],
    [404, "/remove_worker?url=http://none", { method: "POST" }],
    [200, "/remove_worker?url=http://p:1", { method: "POST" }],
    [200, `/workers/${worker!.id}`, { method: "DELETE" }],
    [503, "/readiness"],
  ];
  for (const [expected, path, init] of calls) {
    const { status, body, text } = await answerOf(h.request(path, init));
    assert.equal(status, expected, `${path}: ${text}`);
    const route = path.split("?")[0]!.replace(/^\/workers\/.*/, "/workers/{id}");
    const operation = PATHS[route]?.[(init?.method ?? "GET").toLowerCase()];
    const schema = operation?.responses[status]?.content["application/json"]?.schema as Schema;
    assert.deepEqual(violations(schema, body, SCHEMAS), [], `${path} ${status}`);
  }
});
