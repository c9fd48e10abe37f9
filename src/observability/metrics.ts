/**
 * What the router counts and measures, one registry an app: two routers in one process do not mix their figures.
 *
 * Counters are raised on the request path; gauges of workers and cache are read from their sources when scraped.
 * Names end in their unit; the prefix is `slime_router_`.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import { Durations } from "./durations.ts";
import { Tally } from "./tally.ts";

/** One worker as the gauges show it. */
export interface WorkerGauges {
  readonly url: string;
  readonly inFlight: number;
  readonly isHealthy: boolean;
}

/** The cache as the gauges show it: a `TrieStats` satisfies it. */
export interface CacheGauges {
  readonly entries: number;
  readonly segments: number;
  readonly nodes: number;
  readonly tokens: number;
  readonly maxCacheSize: number;
  readonly usedBytes: number;
  readonly memoryBytes: number;
  readonly pinned: number;
  readonly hits: number;
  readonly misses_by_reason: Readonly<Record<string, number>>;
  /** Why hits end where they do: "hit" is those that nothing cut short. */
  readonly hits_by_reason?: Readonly<Record<string, number>>;
  readonly evictedTokens: Readonly<Record<string, number>>;
}

/** Memory of the process in bytes, as `Deno.memoryUsage()` and `process.memoryUsage()` tell it. */
export interface MemoryGauges {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** Where gauges come from. All are asked at each scrape and may be absent. */
export interface MetricSources {
  readonly workers?: () => Iterable<WorkerGauges>;
  /** Null while there is no cache. */
  readonly cache?: () => CacheGauges | null;
  readonly memory?: () => MemoryGauges;
}

/** One request that has ended, for {@link RouterMetrics.requestEnded}. */
export interface EndedRequest {
  /** The route's pattern, e.g. `/generate`: a fixed set, never a client's path. */
  readonly route: string;
  readonly status: number;
  /** From the first byte read to the last byte written. */
  readonly durationMs: number;
  /** The duration less the time blocked on the worker; null when no worker was asked. */
  readonly overheadMs: number | null;
}

/** The meters of one router. Methods are cheap enough for every request: well under 1 µs each. */
export interface RouterMetrics {
  requestEnded(request: EndedRequest): void;
  /** One request to a worker: `outcome` is few words of a fixed set, e.g. `ok`, `connect failed`, `timeout`. */
  upstreamAttempt(outcome: string): void;
  /** The request goes to another worker, or to the same again. */
  upstreamRetry(reason: string): void;
  /** A generation ended early: by the engine (`weight update`), the client (`client left`) or a limit. */
  upstreamAbort(reason: string): void;
  /** A policy chose, and why. */
  decision(policy: string, reason: string): void;
  /** A prompt was built from cached tokens and newly encoded ones. */
  promptTokens(matched: number, encoded: number): void;
  /** A reply was not recorded. */
  commitRefused(reason: string): void;
  /** What the sampled tokens decode to is not the text that the engine sent. */
  textMismatch(kind: string): void;
  /** A reply could not be read as what its engine should send. */
  parseFailed(what: string): void;
  /** The registry, for plugins' own metrics. */
  readonly registry: Registry;
  /** Value of `Content-Type` for {@link render}. */
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>;
}

/** Bounds of request durations: a health check to a long generation. */
const DURATION_BUCKETS_S = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Bounds of what the router itself adds. */
const OVERHEAD_BUCKETS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/**
 * Makes the meters of one router.
 *
 * @example
 * ```ts
 * import { createRouterMetrics } from "@slime/router";
 *
 * const metrics = createRouterMetrics({ workers: () => [{ url: "http://a:1", inFlight: 2, isHealthy: true }] });
 * metrics.decision("least_load", "fewest in flight");
 * const text = await metrics.render();
 * if (!text.includes("slime_router_worker_in_flight")) throw new Error(text);
 * ```
 */
export function createRouterMetrics(sources: MetricSources = {}): RouterMetrics {
  const registry = new Registry();
  const tally = (name: string, help: string, ...labels: string[]) =>
    new Tally(registry, { name: `slime_router_${name}`, help }, labels);

  const requests = tally("requests_total", "Requests answered", "route", "status");
  const attempts = tally("upstream_attempts_total", "Requests sent to workers", "outcome");
  const retries = tally("upstream_retries_total", "Requests sent again", "reason");
  const aborts = tally("upstream_aborts_total", "Generations that ended early", "reason");
  const decisions = tally("policy_decisions_total", "Workers chosen", "policy", "reason");
  const prompts = tally("prompt_tokens_total", "Prompt tokens, cached or newly encoded", "source");
  const refusals = tally("commit_refusals_total", "Replies that were not recorded", "reason");
  const mismatches = tally(
    "tito_text_mismatches_total",
    "Sampled tokens that decode to another text",
    "kind",
  );
  const failures = tally("parse_failures_total", "Replies that could not be read", "what");
  const durations = new Durations(registry, {
    name: "slime_router_request_duration_seconds",
    help: "From the first byte read to the last byte written",
  }, DURATION_BUCKETS_S);
  const overheads = new Durations(registry, {
    name: "slime_router_overhead_seconds",
    help: "Request duration less the time blocked on the worker",
  }, OVERHEAD_BUCKETS_S);
  registerWorkers(registry, sources.workers);
  registerCache(registry, sources.cache);
  registerMemory(registry, sources.memory);

  return {
    requestEnded({ route, status, durationMs, overheadMs }) {
      requests.count(route, String(status));
      durations.observe(route, durationMs / 1_000);
      if (overheadMs !== null) overheads.observe(route, overheadMs / 1_000);
    },
    upstreamAttempt: (outcome) => attempts.count(outcome),
    upstreamRetry: (reason) => retries.count(reason),
    upstreamAbort: (reason) => aborts.count(reason),
    decision: (policy, reason) => decisions.count(policy, reason),
    promptTokens(matched, encoded) {
      prompts.add(matched, "matched");
      prompts.add(encoded, "encoded");
    },
    commitRefused: (reason) => refusals.count(reason),
    textMismatch: (kind) => mismatches.count(kind),
    parseFailed: (what) => failures.count(what),
    registry,
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function registerWorkers(registry: Registry, workers: MetricSources["workers"]): void {
  if (!workers) return;
  const gauge = (name: string, help: string, value: (worker: WorkerGauges) => number) =>
    new Gauge({
      name: `slime_router_worker_${name}`,
      help,
      labelNames: ["worker"],
      registers: [registry],
      collect() {
        // Begins anew, so that a worker that was removed is not shown for ever.
        this.reset();
        for (const worker of workers()) this.set({ worker: worker.url }, value(worker));
      },
    });
  gauge("in_flight", "Requests begun and not yet ended", (worker) => worker.inFlight);
  gauge("healthy", "1 when requests may go to the worker", (worker) => worker.isHealthy ? 1 : 0);
}

function registerCache(registry: Registry, cache: MetricSources["cache"]): void {
  if (!cache) return;
  const gauge = (name: string, help: string, value: (stats: CacheGauges) => number) =>
    new Gauge({
      name: `slime_router_cache_${name}`,
      help,
      registers: [registry],
      collect() {
        const stats = cache();
        this.set(stats ? value(stats) : 0);
      },
    });
  gauge("entries", "Texts stored", (stats) => stats.entries);
  gauge("segments", "Runs of tokens stored", (stats) => stats.segments);
  gauge("nodes", "Nodes of the trie", (stats) => stats.nodes);
  gauge("tokens", "Tokens stored", (stats) => stats.tokens);
  gauge("max_tokens", "Most tokens that are stored", (stats) => stats.maxCacheSize);
  gauge("used_bytes", "Bytes in use by text, tokens and nodes", (stats) => stats.usedBytes);
  gauge("memory_bytes", "Bytes of memory taken", (stats) => stats.memoryBytes);
  gauge("pinned", "Paths that a request in flight holds", (stats) => stats.pinned);
  counts(registry, "hits_total", "Look-ups that found tokens", null, () => ({ "": cache()?.hits ?? 0 }));
  counts(
    registry,
    "partial_hits_total",
    "Look-ups that found tokens, and fewer than were stored once or are stored",
    "reason",
    () => partialHits(cache()),
  );
  counts(
    registry,
    "misses_total",
    "Look-ups that found none",
    "reason",
    () => cache()?.misses_by_reason ?? {},
  );
  counts(
    registry,
    "evicted_tokens_total",
    "Tokens let go",
    "reason",
    () => cache()?.evictedTokens ?? {},
  );
}

function partialHits(stats: CacheGauges | null): Record<string, number> {
  const { hit: _whole, ...partial } = stats?.hits_by_reason ?? {};
  return partial;
}

/** A counter whose values are kept elsewhere. */
function counts(
  registry: Registry,
  name: string,
  help: string,
  label: string | null,
  read: () => Readonly<Record<string, number>>,
): void {
  new Counter({
    name: `slime_router_cache_${name}`,
    help,
    labelNames: label ? [label] : [],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(read())) this.inc(label ? { [label]: value } : {}, count);
    },
  });
}

function registerMemory(registry: Registry, memory: MetricSources["memory"]): void {
  if (!memory) return;
  const gauge = (name: string, help: string, value: (usage: MemoryGauges) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value(memory()));
      },
    });
  gauge("process_resident_memory_bytes", "Memory held by the process", (usage) => usage.rss);
  gauge("slime_router_heap_used_bytes", "JavaScript heap in use", (usage) => usage.heapUsed);
  gauge(
    "slime_router_external_bytes",
    "Memory that objects hold outside the heap",
    (usage) => usage.external,
  );
}
