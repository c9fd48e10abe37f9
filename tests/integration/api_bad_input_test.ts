import assert from "node:assert/strict";
import { CONTROL_BODY_BYTES_MAX } from "../../src/api/json_body.ts";
import { ROUTING_KEY_LENGTH_MAX } from "../../src/middleware/request_id.ts";
import { JSON_DEPTH_MAX, parseObject } from "../../src/proxy/generate_request.ts";
import { serveHandler } from "../../src/platform/deno_serve.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { createHarness, type Harness, type HarnessOptions } from "../support/router_harness.ts";

const PARAMS = { sampling_params: { max_new_tokens: 2 } };

/** Endpoints with a body, each with one that it takes. */
const ENDPOINTS: [method: string, path: string, good: object][] = [
  ["POST", "/generate", { text: "hello", ...PARAMS }],
  ["PUT", "/generate", { text: "hello", ...PARAMS }],
  ["POST", "/v1/chat/completions", { messages: [{ role: "user", content: "hello" }], max_tokens: 2 }],
  ["POST", "/v1/completions", { prompt: "hello", max_tokens: 2 }],
  ["POST", "/retrieve_from_text", { text: "hello" }],
  ["POST", "/retrieve_from_messages_template", { messages: [{ role: "user", content: "hello" }] }],
  ["POST", "/gc", { current_version: 1 }],
  ["POST", "/abort_request", { rid: "r" }],
  ["POST", "/add_worker", { url: "http://engine-0:1" }],
  ["POST", "/workers", { url: "http://engine-0:1" }],
  ["POST", "/remove_worker", { url: "http://engine-0:1" }],
];

const bytes = (...values: number[]) => new Uint8Array(values);
const quoted = (...values: number[]) => bytes(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, ...values, 0x22, 0x7d);
const DEEP = 100_000;

/** Bodies that no endpoint takes. */
const BAD_BODIES: [name: string, body: BodyInit | undefined, says: RegExp][] = [
  ["no JSON", "hello", /not valid JSON/],
  ["cut short", '{"text":"hello"', /not valid JSON/],
  ["two values", "{}{}", /not valid JSON/],
  ["trailing comma", '{"text":"hello",}', /not valid JSON/],
  ["single quotes", "{'text':'hello'}", /not valid JSON/],
  ["Python's literals", '{"text":None}', /not valid JSON/],
  ["NaN", '{"text":NaN}', /not valid JSON/],
  ["a comment", '{"text":"a"/* b */}', /not valid JSON/],
  ["white space", " \n", /not valid JSON/],
  ["a very long word", "x".repeat(100_000), /not valid JSON/],
  ["NUL bytes", "\0\0\0", /not valid JSON/],
  ["a NUL byte behind the object", "{}\0", /not valid JSON/],
  ["a raw NUL in a string", '{"text":"\0"}', /not valid JSON/],
  ["a raw line end in a string", '{"text":"\n"}', /not valid JSON/],
  ["a string", '"hello"', /expected a JSON object, received string/],
  ["a long string", `"${"x".repeat(100_000)}"`, /expected a JSON object, received string/],
  ["null", "null", /expected a JSON object, received null/],
  ["a number", "1e999", /expected a JSON object, received number/],
  ["true", "true", /expected a JSON object, received boolean/],
  ["an array", '[{"text":"hello"}]', /expected a JSON object, received an array of 1/],
  ["deep array", "[".repeat(DEEP) + "]".repeat(DEEP), /nested deeper than 256/],
  ["deep and cut short", '{"a":'.repeat(DEEP), /nested deeper than 256/],
  ["invalid UTF-8", quoted(0xff, 0xfe), /not valid UTF-8/],
  ["UTF-8 cut short", quoted(0xe4, 0xbd), /not valid UTF-8/],
  ["overlong UTF-8", quoted(0xc0, 0x80), /not valid UTF-8/],
  ["a surrogate in UTF-8", quoted(0xed, 0xa0, 0x80), /not valid UTF-8/],
  ["UTF-16", bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00), /not valid UTF-8/],
  ["gzip", bytes(0x1f, 0x8b, 0x08, 0x00), /not valid UTF-8/],
];

/** What must not change by a request that is refused. */
function traces(h: Harness) {
  const { entries, tokens, pinned } = h.router.cache!.stats();
  const { size, totalInFlight } = h.router.pool;
  return { entries, tokens, pinned, size, totalInFlight, seen: h.engines[0]!.state.requests.length };
}

async function assertStillServes(h: Harness): Promise<void> {
  await h.postOk("/generate", { text: "hello", ...PARAMS });
}

for (const [method, path, good] of ENDPOINTS) {
  Deno.test(`${method} ${path}: refuses bodies that are no JSON object, and nothing is recorded`, async () => {
    await using h = await createHarness();
    const before = traces(h);
    for (const [name, body, says] of BAD_BODIES) {
      const init: RequestInit = body === undefined ? { method } : { method, body };
      await assertRefused(h.request(path, init), 400, says).catch((error) => {
        throw new Error(`${name}: ${error.message}`, { cause: error });
      });
      assert.deepEqual(traces(h), before, name);
    }
    await assertRefused(h.request(path, { method }), 400);
    const { status, text } = await answerOf(h.request(path, { method, body: JSON.stringify(good) }));
    assert.ok(status < 300, text);
  });

  Deno.test(`${method} ${path}: 413 for a body above the bound, with and without its length declared`, async () => {
    const maxBodyBytes = 4096;
    await using h = await createHarness({ config: { maxBodyBytes } });
    const before = traces(h);
    const isControl = !/^\/(generate|retrieve|v1)/.test(path);
    // The flag sets the bound of what is sent to workers; nothing sets the other.
    const says = isControl
      ? /it exceeds 1048576 bytes \(the bound of requests to the router itself\)/
      : /it exceeds 4096 bytes \(--max-body-bytes\)/;
    const filler = "x".repeat(isControl ? CONTROL_BODY_BYTES_MAX : maxBodyBytes);
    const large = new TextEncoder().encode(JSON.stringify({ ...good, filler }));
    const declared = { method, body: large, headers: { "content-length": String(large.length) } };
    await assertRefused(h.request(path, declared), 413, says);
    const piece = large.subarray(0, 1000);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += piece.length;
        controller.enqueue(piece);
      },
    });
    await assertRefused(h.request(path, { method, body: endless }), 413, says);
    assert.ok(sent < large.length + 64 * 1024, "stops reading at the bound");
    assert.deepEqual(traces(h), before);
    const { status, text } = await answerOf(h.request(path, { method, body: JSON.stringify(good) }));
    assert.ok(status < 300, text);
  });
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

Deno.test("bodies: an object nested too deep is refused by every endpoint", async () => {
  await using h = await createHarness();
  const before = traces(h);
  for (const [method, path, good] of ENDPOINTS) {
    const withMember = (value: string) => JSON.stringify({ ...good, more: 0 }).replace(/0}$/, `${value}}`);
    for (
      const value of [nested(DEEP), '{"a":'.repeat(DEEP) + "1" + "}".repeat(DEEP), nested(JSON_DEPTH_MAX)]
    ) {
      await assertRefused(
        h.request(path, { method, body: withMember(value) }),
        400,
        /nested deeper than 256/,
      );
    }
    assert.deepEqual(traces(h), before, path);
  }
  for (const [method, path, good] of ENDPOINTS) {
    const body = JSON.stringify({ ...good, more: JSON.parse(nested(JSON_DEPTH_MAX - 1)) });
    assert.ok((await answerOf(h.request(path, { method, body }))).status < 300, path);
  }
});

Deno.test("bodies: how deep they nest is looked at before they are parsed", () => {
  const parse = () => assert.fail("it was parsed");
  for (const json of [nested(1_000_000), '{"a":'.repeat(1_000_000)]) {
    assert.throws(() => parseObject(json, new TextEncoder().encode(json), parse), /nested deeper than 256/);
  }
});

Deno.test("POST /generate: refuses fields of the wrong type, and nothing is recorded", async () => {
  await using h = await createHarness();
  const before = traces(h);
  const cases: [body: string, says: RegExp][] = [
    ["{}", /one of text, input_ids and input_embeds is required/],
    ['{"text":null}', /is required/],
    ['{"text":5}', /text must be a string or a list of strings, received number 5/],
    ['{"text":{"a":1}}', /received an object/],
    ['{"text":["a",1]}', /received an array of 2/],
    ['{"text":"a","input_ids":[1]}', /received both/],
    ['{"input_ids":"1,2"}', /must be a list of token ids, received string "1,2"/],
    ['{"input_ids":{}}', /received an object/],
    ['{"input_ids":[1.5]}', /received number 1.5/],
    ['{"input_ids":[-1]}', /received number -1/],
    ['{"input_ids":[4294967296]}', /received number 4294967296/],
    ['{"input_ids":[18446744073709551616]}', /integers from 0 to 4294967295/],
    ['{"input_ids":[1e999]}', /integers from 0 to 4294967295/],
    ['{"input_ids":[1,"2"]}', /received string "2"/],
    ['{"input_ids":[1,null]}', /received null/],
    ['{"input_ids":[[1],2]}', /received number 2/],
    ['{"input_ids":[[1],["x"]]}', /received string "x"/],
    ['{"text":"a","rid":""}', /rid must be a string of 1 to 1024/],
    ['{"text":"a","rid":7}', /received number 7/],
    [`{"text":"a","rid":"${"r".repeat(5_000)}"}`, /rid must be/],
    ['{"text":"a","stream":"yes"}', /stream must be true or false, received string "yes"/],
    ['{"text":"a","sampling_params":"x"}', /sampling_params must be an object/],
    ['{"text":"a","sampling_params":{"n":0}}', /sampling_params.n must be a positive integer/],
    ['{"text":"a","sampling_params":{"n":1e999}}', /sampling_params.n/],
    ['{"text":"a","text":5}', /received number 5/],
    ['{"__proto__":{"text":"a"}}', /is required/],
  ];
  for (const [body, says] of cases) {
    await assertRefused(h.request("/generate", { method: "POST", body }), 400, says);
    assert.deepEqual(traces(h), before, body.slice(0, 80));
  }
  await assertStillServes(h);
});

Deno.test("POST bodies: of a key given twice the last counts", async () => {
  await using h = await createHarness();
  const post = (path: string, body: string) => answerOf(h.request(path, { method: "POST", body }));
  const text = '{"text":"json","sampling_params":{"max_new_tokens":1},"text":"hello"}';
  assert.equal((await post("/generate", text)).status, 200);
  const sent = h.engines[0]!.state.requests.at(-1)!.bodyText;
  assert.equal(sent.match(/"input_ids"/g)?.length, 1);
  assert.doesNotMatch(sent, /"text"/);
  assert.deepEqual(h.generateBodies().at(-1)!.input_ids, [...h.loaded.tokenizer.encode("hello")]);
  assert.equal((await post("/retrieve_from_text", '{"text":"a","text":"hello"}')).body.response, "hello");
  assert.equal((await post("/add_worker", '{"url":"http://a:1","url":"ftp://b"}')).status, 400);
});

Deno.test("POST /retrieve_from_text: refuses fields of the wrong type; long values are cut", async () => {
  await using h = await createHarness();
  const before = traces(h);
  const cases: [body: string, says: RegExp][] = [
    ["{}", /text is required/],
    ['{"text":null}', /text must be a string, received null/],
    ['{"text":1e999}', /received Infinity/],
    ['{"text":["a"]}', /received a list of 1/],
    ['{"text":{"a":"b"}}', /received an object/],
    ['{"text":"a","insert":"no"}', /insert must be true or false, received "no"/],
    ['{"text":"a","insert":0}', /received 0/],
    ['{"text":"a","insert":null}', /received null/],
    [`{"text":"a","insert":"${"n".repeat(50_000)}"}`, /received "n{80}…"/],
    ['{"text":"a","return_logp":1}', /return_logp must be true or false/],
    ['{"text":"half \\ud83d"}', /unpaired surrogate/],
    ['{"text":"\\udc4b half"}', /unpaired surrogate/],
    ['{"__proto__":{"text":"a"}}', /text is required/],
  ];
  for (const [body, says] of cases) {
    await assertRefused(h.request("/retrieve_from_text", { method: "POST", body }), 400, says);
    assert.deepEqual(traces(h), before, body.slice(0, 80));
  }
  assert.equal((await h.postOk("/retrieve_from_text", { text: "whole 👋" })).response, "whole 👋");
});

Deno.test("Requests: a body that breaks off is refused, and nothing is recorded", async () => {
  await using h = await createHarness();
  const before = traces(h);
  for (const [method, path] of ENDPOINTS) {
    let isFirst = true;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (isFirst) controller.enqueue(new TextEncoder().encode('{"text":"he'));
        else controller.error(new TypeError("connection reset"));
        isFirst = false;
      },
    });
    await assertRefused(h.request(path, { method, body }), 400, /broke off/);
    assert.deepEqual(traces(h), before, path);
  }
  await assertStillServes(h);
});

Deno.test("Requests: huge header values are refused, replaced or passed on", async () => {
  await using h = await createHarness({ config: { apiKey: "key" } });
  const huge = "x".repeat(100_000);
  const send = (headers: Record<string, string>) =>
    h.post("/generate", { text: "hello", ...PARAMS }, {
      headers: { authorization: "Bearer key", ...headers },
    });
  await assertRefused(send({ authorization: `Bearer ${huge}` }), 401);
  await assertRefused(send({ "x-session-id": huge }), 400, /session id of more than 1024/);
  await assertRefused(send({ "x-smg-routing-key": "k".repeat(ROUTING_KEY_LENGTH_MAX + 1) }), 400);
  assert.equal(traces(h).seen, 0);
  assert.equal((await answerOf(send({ "x-session-id": "k".repeat(ROUTING_KEY_LENGTH_MAX) }))).status, 200);
  const minted = await answerOf(send({ "x-request-id": huge }));
  assert.deepEqual([minted.status, minted.headers.get("x-request-id")!.length], [200, 36]);
  assert.equal((await answerOf(send({ cookie: huge, accept: huge }))).status, 200);
});

/** A router on a port. */
async function served(
  options: HarnessOptions,
  run: (url: string, port: number, h: Harness) => Promise<void>,
) {
  await using h = await createHarness(options);
  const server = serveHandler(h.router, { hostname: "127.0.0.1", port: 0 });
  try {
    await run(server.url, server.port, h);
  } finally {
    await server.shutdown(1_000);
  }
}

/** Sends bytes over a connection of its own, and reads until the server closes it. */
async function raw(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  let reply = "";
  for await (const chunk of connection.readable) {
    reply += new TextDecoder().decode(chunk);
    if (/\r\n\r\n.*}$/s.test(reply)) break;
  }
  return reply;
}

Deno.test("Requests on a port: an oversized body is answered 413 before it was sent", async () => {
  await served({ config: { maxBodyBytes: 1_000 } }, async (url, port, h) => {
    const head = "POST /generate HTTP/1.1\r\nhost: router\r\n";
    const declared = await raw(port, `${head}content-length: 99999999\r\n\r\n`);
    assert.match(declared, /^HTTP\/1\.1 413 .*"error":"Cannot read request body: it exceeds 1000 bytes/s);
    const chunk = `400\r\n${"x".repeat(1_024)}\r\n`;
    const chunked = await raw(port, `${head}transfer-encoding: chunked\r\n\r\n${chunk}`);
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    const reply = await fetch(`${url}/generate`, {
      method: "POST",
      body: JSON.stringify({ text: "hello", ...PARAMS }),
    });
    assert.equal((await answerOf(reply)).status, 200);
    assert.equal(h.generateBodies().length, 1);
  });
});

Deno.test("Requests on a port: bytes that are no HTTP end their connection only", async () => {
  await served({}, async (url, port) => {
    const cases = [
      "\0\0\0\0\r\n\r\n",
      "GET /health HTTP/9.9\r\n\r\n",
      "POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
      "POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      "GET /health\0 HTTP/1.1\r\nhost: a\r\n\r\n",
      `GET /health HTTP/1.1\r\nhost: a\r\nx-big: ${"x".repeat(500_000)}\r\n\r\n`,
    ];
    for (const request of cases) {
      const reply = await raw(port, request).catch(() => "");
      assert.doesNotMatch(reply, /^HTTP\/1\.1 2/, JSON.stringify(request.slice(0, 80)));
    }
    assert.equal((await answerOf(fetch(`${url}/health`))).status, 200);
  });
});
