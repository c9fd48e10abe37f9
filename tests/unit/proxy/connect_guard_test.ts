import assert from "node:assert/strict";
import { type Connect, ConnectGuard, REACHABLE_FOR_MS } from "../../../src/proxy/connect_guard.ts";
import { WorkerPool } from "../../../src/worker/pool.ts";
import { FakeClock } from "../../support/fake_clock.ts";

function setUp(connect: Connect | null, timeoutMs = 100, url = "http://w:81") {
  const clock = new FakeClock();
  const { worker } = new WorkerPool({ clock }).add(url);
  return {
    clock,
    worker,
    guard: new ConnectGuard({ connect, timeoutMs, clock }),
    never: new AbortController().signal,
  };
}

for (const [connect, timeoutMs] of [[null, 100], [() => Promise.reject(new Error("asked")), 0]] as const) {
  Deno.test(`ConnectGuard.check() checks nothing without a connect or a time: ${timeoutMs} ms`, async () => {
    const { guard, worker, never } = setUp(connect, timeoutMs);
    await guard.check(worker, never);
  });
}

Deno.test("ConnectGuard.check() asks a silent worker, and not again while it is known to be reachable", async () => {
  const asked: [string, number][] = [];
  const { guard, worker, never, clock } = setUp((host, port) => {
    asked.push([host, port]);
    return Promise.resolve();
  });
  await Promise.all([guard.check(worker, never), guard.check(worker, never)]);
  assert.deepEqual(asked, [["w", 81]], "concurrent checks share a connection");
  await clock.advance(REACHABLE_FOR_MS - 1);
  await guard.check(worker, never);
  assert.equal(asked.length, 1);
  await clock.advance(1);
  await guard.check(worker, never);
  assert.equal(asked.length, 2);
  await clock.advance(REACHABLE_FOR_MS - 1);
  worker.recordActivity();
  await clock.advance(1);
  await guard.check(worker, never);
  assert.equal(asked.length, 2, "bytes of a reply say the same");
});

for (
  const [url, host, port] of [["https://w", "w", 443], ["http://w", "w", 80], [
    "http://[::1]:9",
    "::1",
    9,
  ]] as const
) {
  Deno.test(`ConnectGuard.check() connects to ${url} at ${host}, port ${port}`, async () => {
    let asked: unknown;
    const { guard, worker, never } = setUp(
      (...args) => Promise.resolve(void (asked = args.slice(0, 2))),
      100,
      url,
    );
    await guard.check(worker, never);
    assert.deepEqual(asked, [host, port]);
  });
}

Deno.test("ConnectGuard.check() gives up in time, even when connecting heeds no signal, and leaves no timer", async () => {
  const { guard, worker, never, clock } = setUp(() => new Promise(() => {}));
  const check = assert.rejects(guard.check(worker, never), /no connection within 100 ms/);
  await clock.advance(100);
  await check;
  assert.equal(clock.sleeping, 0);
});

Deno.test("ConnectGuard.check() passes a refusal on, and asks anew the next time", async () => {
  let refused = 0;
  const { guard, worker, never, clock } = setUp(() => {
    refused++;
    return Promise.reject(new Error("refused"));
  });
  for (let i = 0; i < 2; i++) await assert.rejects(guard.check(worker, never), /refused/);
  assert.deepEqual([refused, clock.sleeping], [2, 0]);
});

Deno.test("ConnectGuard.check() lets a client that leaves go at once, and not those who share the check", async () => {
  const gate = Promise.withResolvers<void>();
  const { guard, worker, never } = setUp(() => gate.promise);
  const client = new AbortController();
  const left = assert.rejects(guard.check(worker, client.signal), /gone/);
  const stays = guard.check(worker, never);
  client.abort(new Error("gone"));
  await left;
  gate.resolve();
  await stays;
});
