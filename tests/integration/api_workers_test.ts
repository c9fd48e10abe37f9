import assert from "node:assert/strict";
import { answerOf, assertRefused } from "../support/answers.ts";
import { settle } from "../support/fake_clock.ts";
import { createHarness, type Harness } from "../support/router_harness.ts";

const POST = { method: "POST" };
const json = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
const NEW = "http://gpu-3:30000";

async function urls(h: Harness): Promise<unknown> {
  return (await answerOf(h.request("/list_workers"))).body.urls;
}

/** A generation that hangs until it is aborted by its rid. */
async function hanging(h: Harness, rid: string): Promise<{ reply: Promise<Response> }> {
  for (const engine of h.engines) engine.faults.stall.next = 1;
  const reply = h.post("/generate", { text: "hello", rid });
  while (h.router.pool.totalInFlight === 0) await settle();
  for (const engine of h.engines) engine.faults.stall.next = 0;
  return { reply };
}

Deno.test("POST /add_worker: takes a url in every form, and normalises it", async () => {
  const forms: [name: string, path: string, init: RequestInit, expected: string][] = [
    ["query url", `/add_worker?url=${NEW}`, POST, NEW],
    ["query worker_url", `/add_worker?worker_url=${NEW}`, POST, NEW],
    ["query, percent-encoded", `/add_worker?url=${encodeURIComponent(`${NEW}/v1/`)}`, POST, `${NEW}/v1`],
    ["query, encoded letters", "/add_worker?url=http%3A%2F%2F%67pu-3%3A30000", POST, NEW],
    ["body url", "/add_worker", json({ url: NEW }), NEW],
    ["body worker_url", "/add_worker", json({ worker_url: NEW }), NEW],
    ["body with other fields", "/add_worker", json({ url: NEW, api_key: null, cost: 1 }), NEW],
    ["query above body", `/add_worker?url=${NEW}`, json({ url: "http://other:1" }), NEW],
    ["empty query, body", "/add_worker?url=", json({ url: NEW }), NEW],
    ["trailing slashes", "/add_worker", json({ url: `${NEW}//` }), NEW],
    ["capitals, default port", "/add_worker", json({ url: "HTTPS://GPU-3:443/" }), "https://gpu-3"],
    ["spaces around", "/add_worker", json({ url: ` ${NEW}\n` }), NEW],
    ["IPv6", "/add_worker", json({ url: "http://[::1]:30000" }), "http://[::1]:30000"],
  ];
  await using h = await createHarness({ engines: 0 });
  for (const [name, path, init, expected] of forms) {
    const { status, body } = await answerOf(h.request(path, init));
    assert.equal(status, 200, name);
    assert.deepEqual(body, { status: "success", worker_urls: { [expected]: 0 } }, name);
    assert.deepEqual(await urls(h), [expected], name);
    await h.postOk("/remove_worker", { url: expected });
  }
});

Deno.test("POST /add_worker: refuses what is no worker's url, and changes nothing", async () => {
  await using h = await createHarness();
  const before = await urls(h);
  const cases: [name: string, path: string, init: RequestInit, says: RegExp][] = [
    ["nothing", "/add_worker", POST, /url is required/],
    ["empty url", "/add_worker", json({ url: "" }), /url is required/],
    ["empty object", "/add_worker", json({}), /url is required/],
    ["malformed JSON", "/add_worker", { ...POST, body: '{"url":' }, /not valid JSON/],
    ["malformed JSON beside a query", `/add_worker?url=${NEW}`, { ...POST, body: "{" }, /not valid JSON/],
    ["form body", "/add_worker", { ...POST, body: `url=${NEW}` }, /not valid JSON/],
    ["array", "/add_worker", json([NEW]), /expected a JSON object, received an array/],
    ["string", "/add_worker", json(NEW), /expected a JSON object, received string/],
    ["null", "/add_worker", json(null), /expected a JSON object, received null/],
    ["number as url", "/add_worker", json({ url: 5 }), /url must be a string, received 5/],
    ["null as url", "/add_worker", json({ url: null }), /url must be a string, received null/],
    ["wrong type beside a query", `/add_worker?url=${NEW}`, json({ url: [] }), /url must be a string/],
    ["no scheme", "/add_worker", json({ url: "gpu-3:30000" }), /must be http\(s\)/],
    ["ftp", "/add_worker", json({ url: "ftp://gpu-3" }), /must be http\(s\), received "ftp:/],
    ["file", "/add_worker?url=file:///etc/passwd", POST, /must be http\(s\)/],
    ["no host", "/add_worker?url=http://", POST, /must be an absolute http\(s\) URL/],
    ["credentials", "/add_worker", json({ url: "http://u:secret@gpu-3" }), /not carry credentials/],
    ["query in it", "/add_worker", json({ url: `${NEW}?a=1` }), /not carry a query/],
    ["fragment in it", "/add_worker", json({ url: `${NEW}#a` }), /not carry a query or fragment/],
    ["line end in it", "/add_worker", json({ url: "http://gpu-3\n.evil/" }), /must be an absolute/],
    ["port too large", "/add_worker", json({ url: "http://gpu-3:99999" }), /must be an absolute/],
    ["very long", "/add_worker", json({ url: `http://${"a".repeat(5_000)}` }), /not be longer than/],
    [
      "unknown type",
      "/add_worker",
      json({ url: NEW, worker_type: "big" }),
      /one of regular, prefill, decode/,
    ],
    ["type in query", `/add_worker?url=${NEW}&worker_type=big`, POST, /worker_type must be one of/],
    ["port 0", "/add_worker", json({ url: NEW, bootstrap_port: 0 }), /bootstrap_port must be 1 or more/],
    [
      "port as text",
      "/add_worker",
      json({ url: NEW, bootstrap_port: "80" }),
      /must be a number, received "80"/,
    ],
    ["port in query", `/add_worker?url=${NEW}&bootstrap_port=x`, POST, /bootstrap_port must be a number/],
    ["port 1e999", "/add_worker", { ...POST, body: `{"url":"${NEW}","bootstrap_port":1e999}` }, /integer/],
  ];
  for (const [name, path, init, says] of cases) {
    const error = await assertRefused(h.request(path, init), 400, says);
    assert.ok(!error.includes("secret"), name);
    assert.deepEqual(await urls(h), before, name);
  }
});

Deno.test("POST /add_worker: a known url changes nothing, save that a dead worker gets a fresh start", async () => {
  await using h = await createHarness();
  const worker = h.router.pool.list()[0]!;
  await h.postOk("/add_worker", { url: `${h.urls[0]}/` });
  assert.equal(h.router.pool.get(h.urls[0]), worker);
  worker.recordProbeFailure("status 500", 1);
  await assertRefused(h.post("/generate", { text: "hello" }), 503);
  await h.postOk("/add_worker", { url: h.urls[0] });
  assert.equal(h.router.pool.get(h.urls[0]), worker);
  assert.equal(worker.isHealthy, true);
  await h.postOk("/generate", { text: "hello" });
});

Deno.test("POST /add_worker: hosts outside the list of allowed ones are refused", async () => {
  await using h = await createHarness({ engines: 0, config: { allowedWorkerHosts: ["*.gpu.local"] } });
  await h.postOk("/add_worker", { url: "http://a.gpu.local:1" });
  await assertRefused(h.post("/add_worker", { url: "http://169.254.169.254" }), 400, /not among the allowed/);
  await assertRefused(h.post("/workers", { url: "http://metadata" }), 400, /not among the allowed/);
  assert.deepEqual(await urls(h), ["http://a.gpu.local:1"]);
});

Deno.test("POST /remove_worker: takes a url in every form, any spelling", async () => {
  const forms: [string, RequestInit][] = [
    ["/remove_worker?url=http://engine-0:1", POST],
    ["/remove_worker?worker_url=http%3A%2F%2Fengine-0%3A1%2F", POST],
    ["/remove_worker", json({ url: "HTTP://ENGINE-0:1/" })],
    ["/remove_worker", json({ worker_url: "http://engine-0:1" })],
  ];
  for (const [path, init] of forms) {
    await using h = await createHarness({ engines: 2 });
    const { status, body } = await answerOf(h.request(path, init));
    assert.equal(status, 200);
    assert.deepEqual(body, { status: "success", removed: h.urls[0]!, worker_urls: { [h.urls[1]!]: 0 } });
    assert.deepEqual(await urls(h), [h.urls[1]]);
  }
});

Deno.test("POST /remove_worker: unknown is 404, missing 400, and nothing changes", async () => {
  await using h = await createHarness();
  const cases: [status: number, path: string, RequestInit, RegExp][] = [
    [404, "/remove_worker?url=http://gpu-9", POST, /"http:\/\/gpu-9": it is not registered/],
    [404, "/remove_worker?url=ftp://gpu-9", POST, /not registered/],
    [404, "/remove_worker", json({ url: `http://${"x".repeat(9_000)}` }), /not registered/],
    [404, "/remove_worker", json({ url: "http://u:secret@engine-0:1" }), /"http:\/\/…@engine-0:1"/],
    [400, "/remove_worker", POST, /url is required/],
    [400, "/remove_worker?url=", POST, /url is required/],
    [400, "/remove_worker", json({ url: 1 }), /url must be a string/],
    [400, "/remove_worker", { ...POST, body: "{" }, /not valid JSON/],
    [400, "/remove_worker", json(["http://engine-0:1"]), /expected a JSON object/],
  ];
  for (const [status, path, init, says] of cases) await assertRefused(h.request(path, init), status, says);
  assert.deepEqual(await urls(h), h.urls);
});

Deno.test("POST /remove_worker: answers at once; requests in flight finish, counts never go below zero", async () => {
  await using h = await createHarness();
  const [url] = h.urls as [string];
  const worker = h.router.pool.get(url)!;
  const held = await hanging(h, "held");
  assert.deepEqual(h.router.pool.loads(), { [url]: 1 });

  const removed = await h.postOk("/remove_worker", { url });
  assert.deepEqual(removed, { status: "success", removed: url, worker_urls: {} });
  assert.equal(worker.inFlight, 1);
  assert.equal(h.router.pool.totalInFlight, 1);
  await assertRefused(h.post("/generate", { text: "hello" }), 503, /no worker is registered/);

  // The same address again is a worker with a count of its own.
  await h.postOk("/add_worker", { url });
  assert.deepEqual(h.router.pool.loads(), { [url]: 0 });

  await h.postOk("/abort_request", { rid: "held" });
  assert.equal((await answerOf(held.reply)).status, 200);
  assert.equal(worker.inFlight, 0);
  assert.deepEqual(h.router.pool.loads(), { [url]: 0 });
  assert.equal(h.router.pool.totalInFlight, 0);
});

Deno.test("GET /list_workers: order of registration", async () => {
  await using h = await createHarness({ engines: 0 });
  const given = ["http://c:1", "http://a:1", "http://b:1"];
  for (const url of given) await h.postOk("/add_worker", { url });
  await h.postOk("/add_worker", { url: "http://c:1" });
  assert.deepEqual(await urls(h), given);
  await h.postOk("/remove_worker", { url: "http://c:1" });
  await h.postOk("/add_worker", { url: "http://c:1" });
  assert.deepEqual(await urls(h), ["http://a:1", "http://b:1", "http://c:1"]);
});

Deno.test("/workers: create, read, delete", async () => {
  await using h = await createHarness({ engines: 0 });
  const created = await answerOf(
    h.post("/workers", { url: "http://p:1/", worker_type: "prefill", bootstrap_port: 8998 }),
  );
  assert.equal(created.status, 201);
  const { id, ...rest } = created.body;
  assert.match(id as string, /^[\w-]+$/);
  assert.deepEqual(rest, {
    url: "http://p:1",
    worker_type: "prefill",
    active_requests: 0,
    is_healthy: true,
    circuit: "closed",
    bootstrap_port: 8998,
  });
  const again = await answerOf(h.post("/workers", { url: "http://p:1" }));
  assert.deepEqual([again.status, again.body], [200, created.body]);
  const query = await answerOf(
    h.request("/workers?url=http://d:1&worker_type=decode&bootstrap_port=9", POST),
  );
  assert.deepEqual([query.status, query.body.worker_type, query.body.bootstrap_port], [201, "decode", 9]);

  assert.deepEqual((await answerOf(h.request("/workers"))).body, { workers: [created.body, query.body] });
  assert.deepEqual((await answerOf(h.request(`/workers/${id}`))).body, created.body);
  const deleted = await answerOf(h.request(`/workers/${id}`, { method: "DELETE" }));
  assert.deepEqual(deleted.body, {
    status: "success",
    removed: "http://p:1",
    worker_urls: { "http://d:1": 0 },
  });
  await assertRefused(h.request(`/workers/${id}`), 404, /Cannot show worker/);
  await assertRefused(h.request(`/workers/${id}`, { method: "DELETE" }), 404, /Cannot remove worker/);
  await assertRefused(h.request(`/workers/${"x".repeat(9_000)}`, { method: "DELETE" }), 404);
  await assertRefused(h.request("/workers/%00%E0%A4%A", { method: "DELETE" }), 404);
});

Deno.test("/workers: refuses a bad worker as /add_worker does", async () => {
  await using h = await createHarness({ engines: 0 });
  const cases: [unknown, RegExp][] = [
    [{}, /url is required/],
    [{ url: "ftp://x" }, /http\(s\)/],
    [{ url: NEW, worker_type: "Regular" }, /one of regular, prefill, decode, received "Regular"/],
    [{ url: NEW, worker_type: null }, /received null/],
    [{ url: NEW, bootstrap_port: 65_536 }, /65535 or less, received 65536/],
    [{ url: NEW, bootstrap_port: 1.5 }, /an integer, received 1.5/],
    [{ url: NEW, bootstrap_port: -1 }, /1 or more, received -1/],
  ];
  for (const [body, says] of cases) await assertRefused(h.post("/workers", body), 400, says);
  assert.equal(h.router.pool.size, 0);
});

Deno.test("/workers: shows load, health and the weight version last seen", async () => {
  await using h = await createHarness({ engine: { weightVersion: "12" } });
  const held = await hanging(h, "held");
  const read = async () => ((await answerOf(h.request("/workers"))).body.workers as unknown[])[0];
  assert.partialDeepStrictEqual(await read(), { active_requests: 1, is_healthy: true });
  await h.postOk("/abort_request", { rid: "held" });
  await held.reply;
  await h.postOk("/generate", { text: "hello", sampling_params: { max_new_tokens: 2 } });
  h.router.pool.get(h.urls[0])!.recordProbeFailure("status 500", 1);
  assert.partialDeepStrictEqual(await read(), {
    active_requests: 0,
    is_healthy: false,
    unhealthy_reason: "status 500",
    weight_version: 12,
  });
});
