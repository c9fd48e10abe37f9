import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  ClientLeftError,
  Exchange,
  type ExchangeEnd,
  ExchangeTimeoutError,
} from "../../../src/proxy/exchange.ts";
import { FakeClock } from "../../support/fake_clock.ts";

function setUp(timeoutMs = 0) {
  const clock = new FakeClock();
  const client = new AbortController();
  const exchange = new Exchange({ id: "1", clock, clientSignal: client.signal, timeoutMs });
  const ends: ExchangeEnd[] = [];
  exchange.onEnd((_, end) => ends.push(end));
  return { clock, client, exchange, ends };
}

Deno.test("Exchange.end() tells each listener once, also those that come late", () => {
  const { exchange, ends } = setUp();
  exchange.end("done");
  exchange.end("upstream failed");
  exchange.onEnd((_, end) => ends.push(end));
  assert.deepEqual(ends, ["done", "done"]);
});

Deno.test("Exchange.end() goes on to the other listeners when one throws", () => {
  const { exchange, ends } = setUp();
  exchange.onEnd(() => {
    throw new Error("broken");
  });
  exchange.onEnd((_, end) => ends.push(end));
  exchange.end("done");
  assert.deepEqual(ends, ["done", "done"]);
});

Deno.test("Exchange aborts with the client, and with its time; what cancelled it is how it ended", async () => {
  const left = setUp();
  left.client.abort();
  assert.ok(left.exchange.signal.reason instanceof ClientLeftError);
  assert.deepEqual(left.ends, [], "its handler is still at work");
  left.exchange.end("done");
  assert.deepEqual(left.ends, ["client left"]);

  const late = setUp(50);
  await late.clock.advance(50);
  assert.ok(late.exchange.signal.reason instanceof ExchangeTimeoutError);
  late.exchange.end("upstream failed");
  assert.deepEqual(late.ends, ["timeout"]);
});

Deno.test("Exchange knows a client that left before it began", () => {
  const gone = AbortSignal.abort();
  const exchange = new Exchange({ id: "1", clock: new FakeClock(), clientSignal: gone, timeoutMs: 0 });
  assert.ok(exchange.signal.aborted);
});

Deno.test("Exchange leaves no timer and no abort behind when it ends", async () => {
  const { clock, client, exchange } = setUp(50);
  exchange.end("done");
  await clock.advance(0);
  assert.equal(clock.sleeping, 0);
  client.abort();
  assert.equal(exchange.signal.aborted, false);
});

Deno.test("Exchange with a streamed reply ends at once when it is cancelled: nobody may ever pull again", () => {
  const { client, exchange, ends } = setUp();
  exchange.streamReply(new ReadableStream());
  client.abort();
  assert.deepEqual(ends, ["client left"]);
});

const STREAMS: readonly [
  name: string,
  reply: (stream: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array> | null,
  ends: ExchangeEnd[],
  isCancelled: boolean,
][] = [
  ["is the reply", (stream) => stream, [], false],
  ["is read by the reply", (stream) => stream.pipeThrough(new TransformStream()), [], false],
  ["is not in the reply", () => null, ["reply dropped"], true],
];
for (const [name, reply, expected, isCancelled] of STREAMS) {
  Deno.test(`Exchange.replied() when the stream ${name}`, () => {
    const { exchange, ends } = setUp();
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) }, {
      highWaterMark: 0,
    });
    exchange.streamReply(stream);
    exchange.replied(reply(stream));
    assert.deepEqual([ends, cancelled], [expected, isCancelled]);
  });
}

Deno.test("Exchange.blocked() adds up the waits, failed ones too", async () => {
  const { clock, exchange } = setUp();
  assert.equal(exchange.blockedMs, null);
  const waits = [exchange.blocked(clock.sleep(5))];
  await clock.advance(5);
  waits.push(exchange.blocked(clock.sleep(7).then(() => Promise.reject(new Error("x")))));
  waits[1]!.catch(() => {});
  await clock.advance(7);
  await Promise.allSettled(waits);
  assert.equal(exchange.blockedMs, 12);
});

Deno.test("Exchange.end() lets go of what its listeners refer to, also while the exchange itself is held", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { exchange } = setUp();
  const body = bodyOfListener(exchange);
  exchange.end("done");
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  assert.equal(body.deref(), undefined);
  assert.equal(exchange.id, "1");
});

/** What a listener refers to, in a frame of its own: what a frame holds is no garbage. */
function bodyOfListener(exchange: Exchange): WeakRef<Uint8Array> {
  const body = new Uint8Array(1024);
  exchange.onEnd(() => body.fill(1));
  return new WeakRef(body);
}
