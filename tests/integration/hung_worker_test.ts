/** A worker that takes connections and answers nothing: whoever waits for it is served by another one. */
import assert from "node:assert/strict";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { chatPrompt, createHarness, type HarnessOptions } from "../support/router_harness.ts";

const MESSAGES = [{ role: "user", content: "hello" }];
const WAYS: readonly [path: string, body: JsonObject][] = [
  ["/generate", { text: chatPrompt("hello"), sampling_params: { max_new_tokens: 4 } }],
  ["/v1/chat/completions", { messages: MESSAGES, max_tokens: 4 }],
  ["/v1/completions", { prompt: "hello", max_tokens: 4 }],
];
const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 1_000;

/** The first engine answers nothing; with `sendsHead`, it begins a stream at once and then sends nothing. */
function hung(clock: FakeClock, sendsHead: boolean, config: HarnessOptions["config"] = {}): HarnessOptions {
  const wrapFetch = (fetch: Fetch): Fetch => (input, init) => {
    const url = String(input);
    if (!url.startsWith("http://engine-0")) return fetch(input, init);
    const isHealth = url.endsWith("/health");
    return new Promise((resolve, reject) => {
      const { signal } = init!;
      signal!.addEventListener("abort", () => reject(signal!.reason), { once: true });
      if (!sendsHead || isHealth) return;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) =>
          signal!.addEventListener("abort", () => controller.error(signal!.reason), { once: true }),
      });
      resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
    });
  };
  return {
    engines: 2,
    wrapFetch,
    config: {
      healthCheckIntervalMs: INTERVAL_MS,
      healthCheckTimeoutMs: TIMEOUT_MS,
      healthCheckFailureThreshold: 2,
      ...config,
    },
    deps: { clock, healthChecks: true },
  };
}

for (const [path, body] of WAYS) {
  for (const [stream, sendsHead] of [[false, false], [true, false], [true, true]] as const) {
    const how = `${path}${stream ? ", streamed" : ""}${sendsHead ? ", behind the head of a stream" : ""}`;
    Deno.test(`a hung worker's request is served by another one: ${how}`, async () => {
      const clock = new FakeClock();
      await using h = await createHarness(hung(clock, sendsHead));
      const reply = h.post(path, { ...body, stream });
      await clock.advance(INTERVAL_MS + TIMEOUT_MS - 1);
      assert.deepEqual(h.router.pool.loads(), { [h.urls[0]!]: 1, [h.urls[1]!]: 0 });
      await clock.advance(1);
      const response = await reply;
      assert.equal(response.status, 200, await response.clone().text());
      await response.text();
      assert.ok(h.engines[1]!.state.requests.some(({ path }) => path === "/generate"));
      await settle();
      assert.equal(h.router.pool.totalInFlight, 0);
      assert.ok(h.router.cache!.stats().tokens > 0, "it is recorded");
    });
  }
}

Deno.test("--no-retry-hung: a hung worker's request waits on", async () => {
  const clock = new FakeClock();
  await using h = await createHarness(hung(clock, false, { retryHung: false }));
  const client = new AbortController();
  const reply = h.post("/generate", WAYS[0]![1], { signal: client.signal });
  await clock.advance(10 * INTERVAL_MS);
  assert.deepEqual(h.router.pool.loads(), { [h.urls[0]!]: 1, [h.urls[1]!]: 0 });
  client.abort();
  await (await reply).text();
});
