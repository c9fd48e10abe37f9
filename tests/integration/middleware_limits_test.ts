import assert from "node:assert/strict";
import { answerOf, assertRefused } from "../support/answers.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { createHarness, type Harness, type HarnessOptions } from "../support/router_harness.ts";

const HELLO = { text: "hello", sampling_params: { max_new_tokens: 8 } };
const limited = (max: number, options: HarnessOptions = {}) =>
  createHarness({ ...options, config: { maxConnections: max, abortRetryWaitMs: 0, ...options.config } });

/** Starts a generation that hangs until it is aborted by its rid. */
async function hang(h: Harness, rid: string, init: RequestInit = {}): Promise<{ reply: Promise<Response> }> {
  const engine = h.engines[0]!;
  const { running, waiting } = engine.state;
  engine.faults.stall.next = 1;
  const reply = h.post("/generate", { ...HELLO, rid }, init);
  while (engine.state.running + engine.state.waiting === running + waiting) await settle();
  return { reply };
}

/** The count is back at zero: as many requests are taken as the limit allows. */
async function assertFree(h: Harness, max: number): Promise<void> {
  const rids = Array.from({ length: max }, (_, i) => `free-${i}`);
  const held: Promise<Response>[] = [];
  for (const rid of rids) held.push((await hang(h, rid)).reply);
  await assertRefused(h.post("/generate", HELLO), 503, /the limit is/);
  for (const rid of rids) await h.postOk("/abort_request", { rid });
  for (const reply of held) assert.equal((await answerOf(reply)).status, 200);
}

Deno.test("limits(): sheds what is above the bound with 503 and Retry-After, before reading or sending it", async () => {
  await using h = await limited(2);
  const a = await hang(h, "a");
  const b = await hang(h, "b");
  let pulls = 0;
  const body = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
  const shed = await h.request("/generate", { method: "POST", body });
  assert.match(shed.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  await assertRefused(shed, 503, /2 are being served, the limit is 2 \(--max-connections\)/);
  await assertRefused(h.request("/v1/models"), 503);
  await assertRefused(h.post("/retrieve_from_text", { text: "a" }), 503);
  assert.deepEqual([pulls, h.generateBodies().length], [0, 2]);
  await h.postOk("/abort_request", { rid: "a" });
  await a.reply;
  await h.postOk("/generate", HELLO);
  await h.postOk("/abort_request", { rid: "b" });
  await b.reply;
});

Deno.test("limits(): what one does about a full router works while it is full", async () => {
  await using h = await limited(1);
  const { reply } = await hang(h, "a");
  const open: [string, RequestInit][] = [
    ["/health", {}],
    ["/readiness", {}],
    ["/metrics", {}],
    ["/list_workers", {}],
    ["/workers", {}],
    [`/workers/${h.router.pool.list()[0]!.id}`, {}],
    ["/add_worker?url=http://b:1", { method: "POST" }],
    ["/remove_worker?url=http://b:1", { method: "POST" }],
    ["/abort_request", { method: "POST", body: '{"rid":"a"}' }],
  ];
  for (const [path, init] of open) assert.equal((await answerOf(h.request(path, init))).status, 200, path);
  await reply;
  await assertFree(h, 1);
});

Deno.test("limits(): the count returns after every kind of end", async () => {
  const stream = { ...HELLO, stream: true };
  const ends: [name: string, run: (h: Harness) => Promise<unknown>][] = [
    ["200", (h) => h.postOk("/generate", HELLO)],
    ["stream", async (h) => await (await h.post("/generate", stream)).text()],
    ["stream cancelled at once", async (h) => await (await h.post("/generate", stream)).body!.cancel()],
    ["stream cancelled midway", async (h) => {
      const reader = (await h.post("/generate", stream)).body!.getReader();
      await reader.read();
      await reader.cancel();
    }],
    ["stream that breaks off", async (h) => {
      h.engines[0]!.faults.dropMidBody.next = 1;
      await assert.rejects((await h.post("/generate", stream)).text());
    }],
    ["400", (h) => assertRefused(h.post("/generate", {}), 400)],
    ["404 by the worker", async (h) => await (await h.request("/nothing")).text()],
    ["worker's 500", async (h) => {
      h.engines[0]!.faults.httpError.next = 1;
      await (await h.post("/generate", HELLO)).text();
    }],
    ["502", (h) => {
      h.engines[0]!.faults.dropBeforeHeaders.next = 3;
      return assertRefused(h.post("/generate", HELLO), 502).finally(() => {
        h.engines[0]!.faults.dropBeforeHeaders.next = 0;
      });
    }],
    ["client that leaves", async (h) => {
      const client = new AbortController();
      const { reply } = await hang(h, "left", { signal: client.signal });
      client.abort();
      assert.equal((await answerOf(reply)).status, 499);
    }],
    ["HEAD of a proxied path", (h) => h.request("/get_server_info", { method: "HEAD" })],
    ["retrieve", (h) => h.postOk("/retrieve_from_text", { text: "hello" })],
  ];
  await using h = await limited(1);
  for (const [name, end] of ends) {
    await end(h);
    await settle();
    await assertFree(h, 1).catch((error) => assert.fail(`${name}: ${error.message}`));
    assert.equal(h.router.pool.totalInFlight, 0, name);
    assert.equal(h.router.cache!.stats().pinned, 0, name);
  }
});

Deno.test("limits(): the count returns after a time-out", async () => {
  const clock = new FakeClock();
  await using h = await limited(1, { config: { requestTimeoutMs: 500 }, deps: { clock } });
  const { reply } = await hang(h, "slow");
  await clock.advance(500);
  await assertRefused(reply, 504);
  await h.postOk("/generate", HELLO);
  assert.equal(h.router.pool.totalInFlight, 0);
});

Deno.test("limits(): the count returns after a plugin that throws or answers itself", async () => {
  let act: (() => Response) | null = null;
  await using h = await limited(1, {
    deps: { middleware: [() => async (_, next) => act === null ? await next() : act()] },
  });
  const acts: (() => Response)[] = [
    () => {
      throw new Error("no");
    },
    () => {
      throw "a string";
    },
    () => new Response("own"),
  ];
  for (const each of acts) {
    act = each;
    await (await h.post("/generate", HELLO)).text();
    act = null;
    await assertFree(h, 1);
  }
});

Deno.test("limits(): 0 is no bound", async () => {
  await using h = await limited(0);
  const replies = await Promise.all(Array.from({ length: 50 }, () => h.post("/generate", HELLO)));
  assert.ok(replies.every(({ status }) => status === 200));
  await Promise.all(replies.map((reply) => reply.text()));
});
