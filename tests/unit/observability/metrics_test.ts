import assert from "node:assert/strict";
import { type CacheGauges, createRouterMetrics } from "../../../src/observability/metrics.ts";
import { LABEL_SETS_MAX, OVERFLOW_LABEL, Tally } from "../../../src/observability/tally.ts";

/** Sample lines without comments. */
async function samples(metrics: { render(): Promise<string> }): Promise<string[]> {
  return (await metrics.render()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const CACHE: CacheGauges = {
  entries: 3,
  segments: 4,
  nodes: 5,
  tokens: 60,
  maxCacheSize: 100,
  usedBytes: 700,
  memoryBytes: 65_536,
  pinned: 1,
  hits: 8,
  misses_by_reason: { "no match": 2, empty: 0 },
  hits_by_reason: { hit: 5, evicted: 3, "not at a splice point": 0 },
  evictedTokens: { lru: 9, version: 10, removed: 11 },
};

Deno.test("createRouterMetrics() counts what it is told, by label", async () => {
  const metrics = createRouterMetrics();
  metrics.requestEnded({ route: "/generate", status: 200, durationMs: 30, overheadMs: 2 });
  metrics.requestEnded({ route: "/generate", status: 200, durationMs: 300, overheadMs: null });
  metrics.upstreamAttempt("ok");
  metrics.upstreamRetry("connect failed");
  metrics.upstreamAbort("weight update");
  metrics.decision("least_load", "fewest in flight");
  metrics.decision("least_load", "fewest in flight");
  metrics.promptTokens(100, 7);
  metrics.promptTokens(50, 0);
  metrics.commitRefused("finish reason abort");
  metrics.textMismatch("engine text");
  metrics.parseFailed('sse "frame"');
  const lines = await samples(metrics);
  const expected = [
    'slime_router_requests_total{route="/generate",status="200"} 2',
    'slime_router_upstream_attempts_total{outcome="ok"} 1',
    'slime_router_upstream_retries_total{reason="connect failed"} 1',
    'slime_router_upstream_aborts_total{reason="weight update"} 1',
    'slime_router_policy_decisions_total{policy="least_load",reason="fewest in flight"} 2',
    'slime_router_prompt_tokens_total{source="matched"} 150',
    'slime_router_prompt_tokens_total{source="encoded"} 7',
    'slime_router_commit_refusals_total{reason="finish reason abort"} 1',
    'slime_router_tito_text_mismatches_total{kind="engine text"} 1',
    'slime_router_parse_failures_total{what="sse \\"frame\\""} 1',
    'slime_router_request_duration_seconds_bucket{le="0.025",route="/generate"} 0',
    'slime_router_request_duration_seconds_bucket{le="0.1",route="/generate"} 1',
    'slime_router_request_duration_seconds_count{route="/generate"} 2',
    'slime_router_overhead_seconds_sum{route="/generate"} 0.002',
    'slime_router_overhead_seconds_count{route="/generate"} 1',
  ];
  for (const line of expected) assert.ok(lines.includes(line), `${line}\nnot in\n${lines.join("\n")}`);
  assert.deepEqual(await samples(metrics), lines, "a second scrape tells the same");
});

Deno.test("createRouterMetrics() reads gauges when scraped and forgets workers that are gone", async () => {
  let workers = [
    { url: "http://a:1", inFlight: 2, isHealthy: true },
    { url: "http://b:1", inFlight: 0, isHealthy: false },
  ];
  let cache: CacheGauges | null = null;
  const metrics = createRouterMetrics({
    workers: () => workers,
    cache: () => cache,
    memory: () => ({ rss: 1, heapUsed: 2, external: 3 }),
  });
  const before = await samples(metrics);
  assert.ok(before.includes('slime_router_worker_in_flight{worker="http://a:1"} 2'));
  assert.ok(before.includes('slime_router_worker_healthy{worker="http://b:1"} 0'));
  assert.ok(before.includes("slime_router_cache_tokens 0"));
  assert.ok(before.includes("process_resident_memory_bytes 1"));
  workers = [{ url: "http://a:1", inFlight: 3, isHealthy: true }];
  cache = CACHE;
  const after = await samples(metrics);
  assert.ok(after.includes('slime_router_worker_in_flight{worker="http://a:1"} 3'));
  assert.ok(!after.some((line) => line.includes("http://b:1")));
  const expected = [
    "slime_router_cache_entries 3",
    "slime_router_cache_tokens 60",
    "slime_router_cache_max_tokens 100",
    "slime_router_cache_used_bytes 700",
    "slime_router_cache_hits_total 8",
    'slime_router_cache_partial_hits_total{reason="evicted"} 3',
    'slime_router_cache_misses_total{reason="no match"} 2',
    'slime_router_cache_evicted_tokens_total{reason="version"} 10',
  ];
  for (const line of expected) assert.ok(after.includes(line), line);
});

Deno.test("createRouterMetrics() of two apps do not mix", async () => {
  const [one, other] = [createRouterMetrics(), createRouterMetrics()];
  one.upstreamAttempt("ok");
  assert.ok((await samples(one)).includes('slime_router_upstream_attempts_total{outcome="ok"} 1'));
  assert.ok(!(await samples(other)).some((line) => line.includes('outcome="ok"')));
  assert.match(one.contentType, /^text\/plain/);
});

Deno.test("Tally bounds its label combinations and counts the rest as other", async () => {
  const { registry } = createRouterMetrics();
  const tally = new Tally(registry, { name: "seen_total", help: "Seen" }, ["route", "status"]);
  for (let index = 0; index < LABEL_SETS_MAX + 10; index++) tally.count(`/${index}`, "200");
  tally.count("/0", "200");
  assert.equal(tally.value("/0", "200"), 2);
  assert.equal(tally.value(`/${LABEL_SETS_MAX}`, "200"), 0);
  assert.equal(tally.value(OVERFLOW_LABEL, OVERFLOW_LABEL), 10);
  assert.match(await registry.metrics(), /seen_total\{route="other",status="other"\} 10/);
});
