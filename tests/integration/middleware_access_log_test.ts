import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { LOGGED_PATH_UNITS_MAX } from "../../src/middleware/access_log.ts";
import { chatPrompt, createHarness } from "../support/router_harness.ts";

const HELLO = { text: chatPrompt("hello"), sampling_params: { max_new_tokens: 4 } };

/** Records of the access log while `run` runs. */
async function logged(
  run: (records: readonly LogRecord[]) => Promise<unknown>,
  lowestLevel: "debug" | "info" = "debug",
) {
  const records: LogRecord[] = [];
  const sinks = { memory: (record: LogRecord) => void records.push(record) };
  await configure({
    reset: true,
    sinks,
    loggers: [
      { category: ["slime-router", "access"], sinks: ["memory"], lowestLevel },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    await run(records);
  } finally {
    await reset();
  }
  return records.map(({ properties, message }) => ({ properties, line: message.map(String).join("") }));
}

Deno.test("accessLog(): one line a request, after its last byte", async () => {
  await using h = await createHarness();
  const records = await logged(async () => {
    await (await h.request("/list_workers?secret=1")).text();
    await (await h.post("/generate", HELLO, { headers: { "x-request-id": "mine" } })).text();
  });
  const [own, generated] = records.map(({ properties }) => properties);
  assert.equal(records.length, 2);
  assert.match(records[0]!.line, /^GET \/list_workers - 200 \(\d+(\.\d)? ms\)$/);
  assert.partialDeepStrictEqual(own!, { method: "GET", path: "/list_workers", status: 200, end: "done" });
  assert.deepEqual([own!.worker, own!.promptTokens, own!.attempts], [undefined, undefined, 0]);
  assert.partialDeepStrictEqual(generated!, {
    method: "POST",
    path: "/generate",
    status: 200,
    requestId: "mine",
    worker: h.urls[0]!,
    attempts: 1,
    promptTokens: { matched: 0 },
  });
  assert.equal(typeof generated!.decision, "string");
});

Deno.test("accessLog(): a stream is logged when it ends, not when it begins", async () => {
  await using h = await createHarness();
  const records = await logged(async (sofar) => {
    const reply = await h.post("/generate", { ...HELLO, stream: true });
    const reader = reply.body!.getReader();
    await reader.read();
    assert.equal(sofar.length, 0);
    while (!(await reader.read()).done);
    assert.equal(sofar.length, 1);
  });
  assert.deepEqual(records.map(({ properties }) => [properties.path, properties.end]), [[
    "/generate",
    "done",
  ]]);
});

Deno.test("accessLog(): failures, refusals and clients that leave are logged as what they are", async () => {
  await using h = await createHarness({
    config: { maxAttempts: 1 },
    deps: { middleware: [() => (c, next) => c.req.path === "/throws" ? Promise.reject("no") : next()] },
  });
  const records = await logged(async () => {
    await (await h.post("/generate", {})).text();
    await (await h.request("/throws")).text();
    h.engines[0]!.faults.dropBeforeHeaders.next = 1;
    await (await h.post("/generate", HELLO)).text();
    await (await h.post("/generate", { ...HELLO, stream: true })).body!.cancel();
  });
  assert.deepEqual(records.map(({ properties: { path, status, end } }) => [path, status, end]), [
    ["/generate", 400, "done"],
    ["/throws", 500, "done"],
    ["/generate", 502, "done"],
    ["/generate", 200, "client left"],
  ]);
});

Deno.test("accessLog(): a path is logged as it came, cut, without its query", async () => {
  await using h = await createHarness();
  const paths = ["/a%0Ab%20c", "/x/../y?q=%0A", `/${"p".repeat(5_000)}`];
  const records = await logged(async () => {
    for (const path of paths) await (await h.request(path)).text();
  });
  assert.deepEqual(records.map(({ properties }) => properties.path), [
    "/a%0Ab%20c",
    "/y",
    `/${"p".repeat(LOGGED_PATH_UNITS_MAX - 1)}`,
  ]);
  assert.ok(records.every(({ line }) => !line.includes("\n")));
});

Deno.test("accessLog(): silent above debug", async () => {
  await using h = await createHarness();
  assert.deepEqual(await logged(() => h.postOk("/generate", HELLO), "info"), []);
});
