import assert from "node:assert/strict";
import { relayBody } from "../../../src/proxy/relay.ts";

const chunk = (text: string) => new TextEncoder().encode(text);

/** A body whose chunks the test hands out. */
function setUp(first: string[] = []) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const log: string[] = [];
  const upstream = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    cancel: () => void log.push("upstream cancelled"),
  });
  const tap = {
    onChunk: (bytes: Uint8Array) => void log.push(`chunk ${new TextDecoder().decode(bytes)}`),
    onEnd: (end: string) => void log.push(end),
  };
  const body = relayBody({ first: first.map(chunk), reader: upstream.getReader() }, tap);
  return { controller, log, reader: body.getReader(), body };
}

Deno.test("relayBody() passes first chunks, then the rest, each after the tap has seen it; then ends", async () => {
  const { controller, log, reader } = setUp(["a"]);
  controller.enqueue(chunk("b"));
  controller.close();
  assert.deepEqual((await reader.read()).value, chunk("a"));
  assert.deepEqual(log, ["chunk a"]);
  assert.deepEqual((await reader.read()).value, chunk("b"));
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(log, ["chunk a", "chunk b", "done"]);
});

Deno.test("relayBody() reads only as fast as the client", async () => {
  const { controller, log } = setUp();
  controller.enqueue(chunk("b"));
  await Promise.resolve();
  assert.deepEqual(log, []);
});

Deno.test("relayBody() passes the worker's failure on, once", async () => {
  const { controller, log, reader } = setUp();
  controller.error(new Error("reset"));
  await assert.rejects(reader.read(), /reset/);
  assert.deepEqual(log, ["upstream failed"]);
});

Deno.test("relayBody() lets the worker go when the client leaves, in a wait too, and ends once", async () => {
  const { log, reader } = setUp();
  const read = reader.read();
  await reader.cancel();
  await read;
  assert.deepEqual(log, ["client left", "upstream cancelled"]);
});

Deno.test("relayBody() shows the tap nothing that comes after the client left", async () => {
  const { controller, log, reader } = setUp();
  const read = reader.read();
  controller.enqueue(chunk("late"));
  const cancelled = reader.cancel();
  await Promise.allSettled([read, cancelled]);
  assert.ok(!log.includes("chunk late"), log.join());
  assert.equal(log.filter((line) => line === "client left").length, 1);
});

Deno.test("relayBody() ends as failed, and cancels the worker, when the tap throws", async () => {
  const ends: string[] = [];
  let cancelled = false;
  const upstream = ReadableStream.from([chunk("a"), chunk("b")]);
  const source = upstream.getReader();
  const cancel = source.cancel.bind(source);
  source.cancel = (reason) => (cancelled = true, cancel(reason));
  const body = relayBody({ first: [], reader: source }, {
    onChunk: () => Promise.reject(new Error("tap")),
    onEnd: (end) => void ends.push(end),
  });
  await assert.rejects(body.getReader().read(), /tap/);
  assert.deepEqual([ends, cancelled], [["upstream failed"], true]);
});

Deno.test("relayBody() waits for the tap before the chunk leaves", async () => {
  const gate = Promise.withResolvers<void>();
  const body = relayBody({ first: [chunk("a")], reader: null }, { onChunk: () => gate.promise, onEnd() {} });
  let arrived = false;
  const read = body.getReader().read().then(() => arrived = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(arrived, false);
  gate.resolve();
  await read;
});
