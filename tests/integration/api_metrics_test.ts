import assert from "node:assert/strict";
import type { RouterMetrics } from "../../src/observability/metrics.ts";
import { answerOf } from "../support/answers.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PARAMS = { sampling_params: { max_new_tokens: 4 } };

async function metrics(h: Harness) {
  const { body } = await answerOf(h.request("/metrics"));
  return body as unknown as {
    router: Record<string, unknown>;
    cache: Record<string, number> & { misses_by_reason: Record<string, number> };
  };
}

/** Value of a line of Prometheus text. */
async function sample(h: Harness, name: string): Promise<number> {
  const text = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

Deno.test("GET /metrics: JSON or Prometheus text, by what Accept weighs more", async () => {
  await using h = await createHarness();
  const scraper = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
  const cases: [accept: string | null, expected: "json" | "text"][] = [
    [null, "json"],
    ["*/*", "json"],
    ["application/json", "json"],
    ["application/json, text/plain, */*", "json"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "json"],
    ["text/plain;q=0", "json"],
    ["text/plain;q=0.5, application/json", "json"],
    ["nonsense", "json"],
    ["text/plain", "text"],
    ["TEXT/PLAIN; version=0.0.4", "text"],
    ["text/plain, */*", "text"],
    ["text/*", "text"],
    ["application/json;q=0.2, text/plain;q=0.9", "text"],
    ["application/openmetrics-text", "text"],
    [scraper, "text"],
  ];
  for (const [accept, expected] of cases) {
    const reply = await h.request("/metrics", accept === null ? {} : { headers: { accept } });
    const text = await reply.text();
    assert.equal(reply.status, 200);
    const type = reply.headers.get("content-type") ?? "";
    assert.match(
      type,
      expected === "json" ? /^application\/json/ : /^text\/plain; version=0\.0\.4/,
      `${accept}`,
    );
    if (expected === "json") assert.deepEqual(Object.keys(JSON.parse(text)), ["router", "cache"]);
    else assert.match(text, /^# HELP slime_router_requests_total /m);
  }
});

Deno.test("GET /metrics: the original's fields, before anything happened", async () => {
  await using h = await createHarness({ engines: 2, config: { maxCacheSize: 1_000, gcThresholdK: 3 } });
  const { router, cache } = await metrics(h);
  assert.deepEqual(router, {
    active_workers: 2,
    worker_loads: { [h.urls[0]!]: 0, [h.urls[1]!]: 0 },
    total_in_flight: 0,
  });
  assert.partialDeepStrictEqual(cache, {
    total_entries: 0,
    cache_hits: 0,
    cache_misses: 0,
    hit_rate: 0,
    max_cache_size: 1_000,
    cur_cache_size: 0,
    gc_threshold_k: 3,
  });
  assert.equal(typeof cache.cache_size_mb, "number");
});

Deno.test("GET /metrics: a query counts once, as hit or as miss, and a miss tells why", async () => {
  await using h = await createHarness({ engine: { script: () => "hello" } });
  const prompt = chatPrompt("hello world");
  const first = await h.postOk("/generate", { text: prompt, ...PARAMS });
  let { cache } = await metrics(h);
  assert.deepEqual([cache.cache_hits, cache.cache_misses, cache.hit_rate], [0, 1, 0]);
  assert.equal(cache.misses_by_reason["no match"], 1);

  await h.postOk("/generate", { text: chatPrompt("json", `${prompt}${first.text}<|im_end|>\n`), ...PARAMS });
  ({ cache } = await metrics(h));
  assert.deepEqual([cache.cache_hits, cache.cache_misses, cache.hit_rate], [1, 1, 0.5]);

  await h.postOk("/retrieve_from_text", { text: prompt });
  ({ cache } = await metrics(h));
  assert.deepEqual([cache.cache_hits, cache.cache_misses], [2, 1]);
  assert.equal(await sample(h, "slime_router_cache_hits_total"), 2);
});

Deno.test("GET /metrics: asking changes nothing", async () => {
  await using h = await createHarness();
  await h.postOk("/generate", { text: "hello", ...PARAMS });
  const before = await metrics(h);
  for (let i = 0; i < 3; i++) await sample(h, "slime_router_cache_hits_total");
  assert.deepEqual(await metrics(h), before);
});

Deno.test("GET /metrics: requests are counted under their route, never under a client's path", async () => {
  await using h = await createHarness();
  for (const path of ["/list_workers?x=1", "/workers/abc", "/no/such/path", "/add_worker"]) {
    await answerOf(h.request(path));
  }
  await h.postOk("/generate", { text: "hello", ...PARAMS });
  const counted = async (route: string, status: number) =>
    await sample(h, `slime_router_requests_total{route="${route}",status="${status}"}`);
  assert.equal(await counted("/list_workers", 200), 1);
  assert.equal(await counted("/workers/:id", 404), 1);
  assert.equal(await counted("/*", 404), 1);
  assert.equal(await counted("/add_worker", 405), 1);
  assert.equal(await counted("/generate", 200), 1);
});

Deno.test("GET /metrics: without a tokenizer the cache is empty and says so", async () => {
  await using h = await createHarness({ withTokenizer: false });
  await h.postOk("/generate", { text: "hello", ...PARAMS });
  assert.partialDeepStrictEqual((await metrics(h)).cache, {
    enabled: false,
    cache_misses: 0,
    cur_cache_size: 0,
  });
});

Deno.test("docs/metrics.md: every metric with its type, labels and meaning, and no other", async () => {
  const memoryUsage = () => ({ rss: 1, heapUsed: 1, external: 1 });
  await using h = await createHarness({ deps: { memoryUsage } });
  const { registry } = h.router.registry.get<RouterMetrics>("metrics");
  const found = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => {
    const { labelNames } = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
    return [name, type, labelNames.join(", "), help].join(" | ");
  });
  const text = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  const told = rows.map((row) => row.replaceAll("`", "").split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(told.map((cells) => cells.join(" | ")).sort(), found.sort());
});
