/**
 * `/metrics`: JSON in the original's shape, or Prometheus text.
 *
 * @module
 */
import { Hono } from "hono";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { TrieStats } from "../trie/token_trie.ts";
import type { WorkerPool } from "../worker/pool.ts";

/** What the metrics endpoint needs. */
export interface MetricsApiOptions {
  readonly pool: WorkerPool;
  readonly metrics: RouterMetrics;
  /** null without a tokenizer. */
  readonly cacheStats: () => TrieStats | null;
}

/** Route `/metrics`. */
export function metricsApi({ pool, metrics, cacheStats }: MetricsApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.get("/metrics", async function getMetrics(c) {
    const accept = c.req.raw.headers.get("accept") ?? "*/*";
    if (/text\/plain|openmetrics/i.test(accept)) {
      return c.body(await metrics.render(), 200, { "Content-Type": metrics.contentType });
    }
    return c.json({
      router: {
        active_workers: pool.healthyCount,
        worker_loads: pool.loads(),
        total_in_flight: pool.totalInFlight,
      },
      cache: describeCache(cacheStats()),
    });
  });
  return app;
}

function describeCache(stats: TrieStats | null) {
  const hits = stats?.hits ?? 0;
  const misses = stats?.misses ?? 0;
  return {
    enabled: stats !== null,
    total_entries: stats?.entries ?? 0,
    cache_hits: hits,
    cache_misses: misses,
    hit_rate: hits + misses === 0 ? 0 : hits / (hits + misses),
    max_cache_size: stats?.maxCacheSize ?? 0,
    cur_cache_size: stats?.tokens ?? 0,
    gc_threshold_k: stats?.gcThresholdK ?? 0,
    cache_size_mb: (stats?.usedBytes ?? 0) / 2 ** 20,
    misses_by_reason: stats?.misses_by_reason ?? {},
    evicted_tokens: stats?.evictedTokens ?? {},
    newest_weight_version: stats?.newestVersion ?? null,
  };
}
