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
import { methodNotAllowed } from "./method_not_allowed.ts";

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
    if (prefersText(c.req.raw.headers.get("accept") ?? "*/*")) {
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
  app.all("/metrics", methodNotAllowed("GET"));
  return app;
}

const TEXT_TYPES: ReadonlySet<string> = new Set(["text/plain", "text/*", "application/openmetrics-text"]);
const JSON_TYPES: ReadonlySet<string> = new Set(["application/json", "application/*"]);

/** Whether an `Accept` asks for Prometheus text by name, and not for JSON as much or more. */
function prefersText(accept: string): boolean {
  let text = 0;
  let json = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = quality === undefined ? 1 : Number(quality.slice(2)) || 0;
    if (TEXT_TYPES.has(type)) text = Math.max(text, weight);
    if (JSON_TYPES.has(type)) json = Math.max(json, weight);
  }
  return text > json;
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
    hits_by_reason: stats?.hits_by_reason ?? {},
    evicted_tokens: stats?.evictedTokens ?? {},
    newest_weight_version: stats?.newestVersion ?? null,
  };
}
