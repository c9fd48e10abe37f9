import assert from "node:assert/strict";
import { serveHandler } from "../../src/platform/deno_serve.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

/** A router whose worker answers with `reply`, and what that worker was asked. */
async function harnessOver(reply: (request: Request) => Response | Promise<Response>) {
  const asked: Request[] = [];
  const h = await createHarness({
    config: { chat: "proxy" },
    deps: {
      fetch: async (input, init) => {
        const request = new Request(input, init);
        asked.push(request.clone());
        return await reply(request);
      },
    },
  });
  return { h, asked, [Symbol.asyncDispose]: () => h[Symbol.asyncDispose]() };
}

/** Runs with the router on a port. */
async function onPort(h: Harness, run: (url: string, port: number) => Promise<void>): Promise<void> {
  const server = serveHandler(h.router, { hostname: "127.0.0.1", port: 0 });
  try {
    await run(server.url, server.port);
  } finally {
    await server.shutdown(1_000);
  }
}

/** Names of the header lines of a reply as they came over the wire, in lower case. */
async function rawHeaderNames(port: number, request: string): Promise<string[]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  let reply = "";
  for await (const chunk of connection.readable) {
    reply += new TextDecoder().decode(chunk);
  }
  return reply.split("\r\n\r\n", 1)[0]!.split("\r\n").slice(1).map((line) =>
    line.split(":")[0]!.toLowerCase()
  );
}

Deno.test("catch-all: method, path, query and body bytes reach one worker as they came", async () => {
  const body = new Uint8Array([0, 255, 10, 13, 0xed, 0xa0, 0x80, 123]);
  const cases: [method: string, target: string, body: Uint8Array<ArrayBuffer> | null][] = [
    ["GET", "/get_model_info", null],
    ["GET", "/get_server_info?a=1&a=2&b=%2F%20+&c=", null],
    ["POST", "/v1/chat/completions?x=%E4%BD%A0", body],
    ["PUT", "/a%2Fb/c%20d", body],
    ["PATCH", "/x", body],
    ["DELETE", "/x/y?z", null],
    ["OPTIONS", "/x", null],
    ["POST", "/flush_cache", new Uint8Array()],
    ["GET", "/health/", null],
    ["GET", "/Health", null],
    ["GET", "//health", null],
    ["GET", "/workers/a/b", null],
    ["GET", "/", null],
  ];
  await using over = await harnessOver(() => new Response("ok"));
  for (const [method, target, sent] of cases) {
    const init: RequestInit = sent === null ? { method } : { method, body: sent };
    assert.equal(await (await over.h.request(target, init)).text(), "ok", target);
    const asked = over.asked.at(-1)!;
    assert.deepEqual([asked.method, asked.url], [method, `${over.h.urls[0]}${target}`]);
    assert.deepEqual(await asked.bytes(), sent ?? new Uint8Array());
  }
  assert.equal(over.asked.length, cases.length);
});

Deno.test("catch-all: HEAD has the status and no body", async () => {
  await using over = await harnessOver(() => new Response(null, { status: 206, headers: { "x-a": "1" } }));
  const reply = await over.h.request("/get_server_info", { method: "HEAD" });
  assert.deepEqual([reply.status, reply.headers.get("x-a"), await reply.text()], [206, "1", ""]);
  assert.equal(over.asked[0]!.method, "HEAD");
});

Deno.test("catch-all: whatever status a worker answers with is the client's, asked once", async () => {
  for (const status of [201, 204, 301, 304, 400, 404, 409, 422, 429, 500, 501, 503]) {
    const body = status === 204 || status === 304 ? null : "its body";
    await using over = await harnessOver(() =>
      new Response(body, { status, headers: { location: "/there", "retry-after": "7" } })
    );
    const reply = await over.h.request("/x", { redirect: "manual" });
    assert.deepEqual([reply.status, await reply.text()], [status, body ?? ""]);
    assert.deepEqual([reply.headers.get("location"), reply.headers.get("retry-after")], ["/there", "7"]);
    assert.equal(over.asked.length, 1, `${status}`);
    assert.equal(over.h.router.pool.totalInFlight, 0);
  }
});

Deno.test("catch-all: without a worker 503, when none can be reached 502, each as {error}", async () => {
  await using h = await createHarness({ engines: 0 });
  await assertRefused(
    h.request("/get_server_info"),
    503,
    /no worker is registered \(POST \/add_worker\?url=…\)/,
  );
  await assertRefused(h.post("/generate", { text: "a" }), 503, /no worker is registered/);
  await h.postOk("/add_worker", { url: "http://gone:1" });
  await assertRefused(h.request("/get_server_info"), 502, /no worker gave a reply, tried http:\/\/gone:1/);
});

Deno.test("catch-all: no Server, Date or framing header of the worker's, and none twice on the wire", async () => {
  await using h = await createHarness();
  const [engine] = h.engines;
  const body = JSON.stringify({ text: "hello", sampling_params: { max_new_tokens: 2 } });
  engine!.faults.duplicateHeaders.next = 1;
  const reply = await h.request("/generate", { method: "POST", body });
  await reply.text();
  assert.deepEqual([reply.headers.get("server"), reply.headers.get("date")], [null, null]);
  await onPort(h, async (_, port) => {
    for (const stream of ["false", "true"]) {
      engine!.faults.duplicateHeaders.next = 1;
      const sent = body.replace("}}", `},"stream":${stream}}`);
      const names = await rawHeaderNames(
        port,
        `POST /generate HTTP/1.1\r\nhost: r\r\nconnection: close\r\ncontent-length: ${sent.length}\r\n\r\n${sent}`,
      );
      assert.deepEqual(names.filter((name) => name === "date").length, 1);
      assert.ok(!names.includes("server"));
      assert.deepEqual([...new Set(names)].length, names.length, `${names}`);
    }
  });
});

Deno.test("catch-all: a stale Content-Length is not passed on", async () => {
  const text = "decoded, and so longer than what the header tells";
  const stale = { "content-length": "7", "content-encoding": "gzip", "transfer-encoding": "chunked" };
  await using over = await harnessOver(() => new Response(text, { headers: stale }));
  await onPort(over.h, async (url) => {
    for (const path of ["/get_server_info", "/generate"]) {
      const init = path === "/generate" ? { method: "POST", body: '{"text":"hello"}' } : {};
      const reply = await fetch(url + path, init);
      assert.equal(await reply.text(), text);
      assert.equal(reply.headers.get("content-encoding"), null);
      assert.ok([null, String(text.length)].includes(reply.headers.get("content-length")));
    }
  });
});

Deno.test("curl sessions of the troubleshooting guide work as they stand, on a port", async () => {
  await using h = await createHarness({ engines: 2, engine: { weightVersion: "1", script: () => "hello" } });
  await onPort(h, async (url) => {
    const post = (path: string, body?: unknown) =>
      answerOf(
        fetch(url + path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
      );
    // curl localhost:30000/metrics | jq .cache, .router.worker_loads
    const metrics = async () =>
      (await answerOf(fetch(`${url}/metrics`, { headers: { accept: "*/*" } }))).body as {
        router: { worker_loads: Record<string, number> };
        cache: Record<string, number>;
      };
    const prompt = chatPrompt("hello");
    await post("/generate", { text: prompt });
    await post("/generate", { text: chatPrompt("json", `${prompt}hello<|im_end|>\n`) });
    const { router, cache } = await metrics();
    assert.deepEqual(router.worker_loads, { [h.urls[0]!]: 0, [h.urls[1]!]: 0 });
    assert.deepEqual([cache.cache_hits, cache.cache_misses, cache.hit_rate], [1, 1, 0.5]);
    assert.ok(cache.cur_cache_size! > 0 && cache.cur_cache_size! <= cache.max_cache_size!);

    // for url in $(curl -s localhost:30000/list_workers | jq -r '.urls[]')
    assert.deepEqual((await answerOf(fetch(`${url}/list_workers`))).body.urls, h.urls);

    // curl -X POST "localhost:30000/remove_worker?url=…"
    const removed = await post(`/remove_worker?url=${h.urls[1]}`);
    assert.deepEqual([removed.status, removed.body.worker_urls], [200, { [h.urls[0]!]: 0 }]);
    assert.deepEqual((await answerOf(fetch(`${url}/list_workers`))).body.urls, [h.urls[0]]);

    // POST /gc {current_version, gc_threshold_k?}
    const collected = await post("/gc", { current_version: 100, gc_threshold_k: 3 });
    assert.equal(collected.status, 200);
    assert.equal((await metrics()).cache.cur_cache_size, collected.body.cur_cache_size);
    assert.equal(collected.body.cur_cache_size, 0);
  });
});

Deno.test("GET /metrics tells why the hit rate is near 0", async () => {
  await using h = await createHarness();
  const params = { sampling_params: { max_new_tokens: 1 } };
  await h.postOk("/generate", { text: "say json", ...params });
  await h.postOk("/generate", { text: "say jsonp", ...params });
  await h.postOk("/generate", { text: "other", ...params });
  const { cache } = (await answerOf(h.request("/metrics"))).body as { cache: Record<string, unknown> };
  assert.partialDeepStrictEqual(cache, {
    hit_rate: 0,
    misses_by_reason: { "no match": 2, "not at a splice point": 1 },
  });
});
