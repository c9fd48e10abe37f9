import assert from "node:assert/strict";
import fc from "fast-check";
import { ClientLeftError, Exchange } from "../../../src/proxy/exchange.ts";
import { targetOf } from "../../../src/proxy/forward.ts";
import { clientResponseHeaders, workerRequestHeaders } from "../../../src/proxy/headers.ts";
import { idsToDigits } from "../../../src/engine/id_digits.ts";
import { readBytes, readRequestBody } from "../../../src/proxy/read_body.ts";
import { RidTable } from "../../../src/proxy/rid_table.ts";
import type { WorkerState } from "../../../src/worker/worker_state.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("idsToDigits() writes what JSON.stringify writes, without brackets", () => {
  const id = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 9, 10, 99, 100, 999_999_999, 1e9, 0xffff_ffff));
  fc.assert(
    fc.property(fc.array(id), (ids) => {
      const digits = new TextDecoder().decode(idsToDigits(Uint32Array.from(ids)));
      assert.equal(`[${digits}]`, JSON.stringify(ids));
    }),
    { numRuns: 300, seed: 1 },
  );
});

Deno.test("workerRequestHeaders() drops what is meant for one connection, and what Connection names", () => {
  const client = new Headers({
    connection: "close, X-Hop , ???",
    "x-hop": "1",
    "keep-alive": "5",
    te: "trailers",
    trailer: "x",
    "transfer-encoding": "chunked",
    upgrade: "h2c",
    "proxy-authorization": "secret",
    host: "router",
    "content-length": "7",
    expect: "100-continue",
    "accept-encoding": "gzip",
    "x-request-id": "theirs",
    authorization: "Bearer k",
    traceparent: "00-1",
    "content-type": "application/json",
  });
  client.append("x-many", "1");
  client.append("x-many", "2");
  assert.deepEqual(
    Object.fromEntries(workerRequestHeaders(client, { id: "ours", isAuthorizationOurs: false })),
    {
      "accept-encoding": "identity",
      "x-request-id": "ours",
      authorization: "Bearer k",
      traceparent: "00-1",
      "content-type": "application/json",
      "x-many": "1, 2",
    },
  );
});

Deno.test("clientResponseHeaders() drops framing, Server and Date, and keeps each cookie", () => {
  const worker = new Headers({
    server: "uvicorn",
    date: "x",
    "content-length": "1",
    "content-encoding": "gzip",
    "x-a": "1",
  });
  worker.append("set-cookie", "a=1");
  worker.append("set-cookie", "b=2");
  assert.deepEqual(clientResponseHeaders(worker), [["set-cookie", "a=1"], ["set-cookie", "b=2"], [
    "x-a",
    "1",
  ]]);
});

for (
  const [url, target] of [
    ["http://r/generate?a=%2F&b", "/generate?a=%2F&b"],
    ["http://r", "/"],
    ["https://[::1]:3/a//b/?", "/a//b/?"],
  ] as const
) {
  Deno.test(`targetOf() keeps path and query of ${url}`, () => assert.equal(targetOf(url), target));
}

const exchangeUntil = (clientSignal: AbortSignal) =>
  new Exchange({ id: "1", clock: new FakeClock(), clientSignal, timeoutMs: 0 });
const never = exchangeUntil(new AbortController().signal);
const tooLarge = (max: number) => new RangeError(`${max}`);

Deno.test("readBytes() reads a whole body under its bound, of known length or not", async () => {
  const stream = () => ReadableStream.from([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  assert.deepEqual(await readBytes(new Response(stream()), 3, tooLarge), Uint8Array.of(1, 2, 3));
  assert.deepEqual(await readBytes(new Response(null), 0, tooLarge), new Uint8Array());
  await assert.rejects(readBytes(new Response(stream()), 2, tooLarge), RangeError);
  const declared = new Response("abc", { headers: { "content-length": "3" } });
  await assert.rejects(readBytes(declared, 2, tooLarge), RangeError);
});

Deno.test("readRequestBody() ends with the exchange when a client sends nothing, and answers 400 when it breaks off", async () => {
  const stalled = new Request("http://r", { method: "POST", body: new ReadableStream() });
  const client = new AbortController();
  const reading = readRequestBody(stalled, 9, exchangeUntil(client.signal));
  client.abort();
  await assert.rejects(reading, ClientLeftError);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  await assert.rejects(readRequestBody(new Request("http://r", { method: "POST", body: broken }), 9, never), {
    status: 400,
  });
  const large = new Request("http://r", { method: "POST", body: "0123456789" });
  await assert.rejects(readRequestBody(large, 9, never), { status: 413 });
});

Deno.test("RidTable finds generations by prefix, as engines do, and forgets those that ended", () => {
  const rids = new RidTable();
  const [a, b] = [{ id: "a" }, { id: "b" }] as WorkerState[];
  const [one, two, nameless] = [rids.add("turn-1"), rids.add("turn-2"), rids.add(null)];
  one.worker = a!;
  two.worker = b!;
  assert.deepEqual(rids.requestAbort("turn-1"), new Set([a]));
  assert.deepEqual([one, two, nameless].map((entry) => entry.isAbortRequested), [true, false, false]);
  rids.remove(one);
  let told = 0;
  two.onAbortRequested = () => told++;
  assert.deepEqual(rids.requestAbort("turn"), new Set([b]));
  assert.equal(told, 1);
  assert.deepEqual(rids.requestAbort("other"), new Set());
  assert.equal(nameless.isAbortRequested, false);
  rids.requestAbort(null);
  assert.equal(nameless.isAbortRequested, true);
  rids.remove(two);
  rids.remove(nameless);
  assert.equal(rids.size, 0);
});
