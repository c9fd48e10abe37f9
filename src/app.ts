/**
 * The composition root: everything the router is made of, put together in one place.
 *
 * `createApp` takes finished parts and makes the Hono app: a test builds one without a port, a file or a global.
 * `createRouter` makes the parts from a configuration.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { Hono, type MiddlewareHandler } from "hono";
import { abortApi } from "./api/abort.ts";
import { cacheApi } from "./api/cache.ts";
import { CHAT_PATHS, chatApi } from "./api/chat_completions.ts";
import { COMPLETION_PATHS, completionsApi } from "./api/completions.ts";
import { exportApi } from "./api/export.ts";
import { healthApi } from "./api/health.ts";
import { onHttpError } from "./api/http_error.ts";
import { metricsApi } from "./api/metrics.ts";
import { MODELS_PATHS, modelsApi } from "./api/models.ts";
import { openAiErrors } from "./api/openai_errors.ts";
import { openapiApi } from "./api/openapi.ts";
import { sessionsApi } from "./api/sessions.ts";
import { snapshotApi } from "./api/snapshot.ts";
import { workersApi } from "./api/workers.ts";
import { CacheSnapshots, type SnapshotStore } from "./cache/cache_snapshots.ts";
import { TokenCache } from "./cache/token_cache.ts";
import { DEFAULT_CONFIG, type RouterConfig } from "./config.ts";
import { accessLog } from "./middleware/access_log.ts";
import { auth } from "./middleware/auth.ts";
import { withoutBasePath } from "./middleware/base_path.ts";
import { limits } from "./middleware/limits.ts";
import { plugin } from "./middleware/plugins.ts";
import { radixCache } from "./middleware/radix_cache.ts";
import { requestId } from "./middleware/request_id.ts";
import { requestMetrics } from "./middleware/request_metrics.ts";
import { createRouterMetrics, type MemoryGauges, type RouterMetrics } from "./observability/metrics.ts";
import { createPolicy } from "./policy/create.ts";
import type { Policy } from "./policy/policy.ts";
import { type ChatParts, createChatParts } from "./proxy/chat/create.ts";
import { type CompletionParts, createCompletionParts } from "./proxy/completion/create.ts";
import { type Connect, ConnectGuard } from "./proxy/connect_guard.ts";
import { HungAttempts } from "./proxy/hung_attempts.ts";
import { forwardAny } from "./proxy/forward.ts";
import { forwardGenerate, type GenerateDeps } from "./proxy/forward_generate.ts";
import { RidTable } from "./proxy/rid_table.ts";
import type { RouterEnv } from "./proxy/router_env.ts";
import { ComponentRegistry } from "./registry.ts";
import { systemClock } from "./sync/clock.ts";
import { ReaderWriterLock } from "./sync/reader_writer_lock.ts";
import type { LoadedTokenizer } from "./tokenizer/load.ts";
import { createTokenTrie } from "./trie/mod.ts";
import type { TokenTrie } from "./trie/token_trie.ts";
import type { Clock, Fetch, Random, WorkerFetch, WorkerReply } from "./types.ts";
import { withBearer } from "./worker/bearer_fetch.ts";
import { ContextLength } from "./worker/context_length.ts";
import { startHealthChecker } from "./worker/health_checker.ts";
import { WorkerPool } from "./worker/pool.ts";

/** Middleware of a plugin: made once, with the router it serves. */
export type MiddlewareFactory = (context: { router: RouterHandle }) => MiddlewareHandler;

/** What plugins see of the router. */
export interface RouterHandle {
  readonly config: RouterConfig;
  /** Components by name: `tokenizer`, `radix_tree`, `cache`, `sessions`, `metrics`, `logger`, and what plugins add. */
  readonly registry: ComponentRegistry;
  readonly pool: WorkerPool;
  readonly verbose: boolean;
}

/** Finished parts of a router. */
export interface AppDeps extends RouterHandle {
  readonly policy: Policy;
  readonly metrics: RouterMetrics;
  readonly fetch: Fetch;
  /** Sends what is forwarded. */
  readonly workerFetch: WorkerFetch;
  readonly clock: Clock;
  /** Checks that silent workers can be reached; null: no check. */
  readonly connect: Connect | null;
  readonly newRequestId: () => string;
  /** Generations in flight. */
  readonly rids: RidTable;
  /** null without a tokenizer. */
  readonly cache: TokenCache | null;
  /** null: nowhere to save the cache. */
  readonly snapshots: CacheSnapshots | null;
  /** null when chat is passed on as it comes. */
  readonly chat: ChatParts | null;
  /** null when text completions are passed on as they come. */
  readonly completion: CompletionParts | null;
  readonly loadedTokenizer: LoadedTokenizer | null;
  readonly middleware: readonly MiddlewareFactory[];
}

/**
 * The Hono app over finished parts. Middleware runs in fixed order: request id (access log and metrics with it), auth,
 * limits, plugins, radix cache. Within another Hono app it may stand under a base path: `outer.route("/llm", app)`.
 */
export function createApp(deps: AppDeps): Hono<RouterEnv> {
  const { config, clock, metrics, pool, cache, chat, completion, loadedTokenizer } = deps;
  const app = new Hono<RouterEnv>();
  app.onError(onHttpError);
  app.use(withoutBasePath(requestId({
    clock,
    newId: deps.newRequestId,
    requestTimeoutMs: config.requestTimeoutMs,
    onHandled: [accessLog(), requestMetrics(metrics)],
  })));
  if (chat !== null) { for (const path of CHAT_PATHS) app.use(path, openAiErrors()); }
  if (completion !== null) {
    for (const path of [...COMPLETION_PATHS, ...MODELS_PATHS]) app.use(path, openAiErrors());
  }
  if (config.apiKey !== null) app.use(auth(config.apiKey));
  if (config.maxConnections > 0) app.use(limits(config.maxConnections));
  deps.middleware.forEach((create, i) => app.use(plugin(create({ router: deps }), i + 1)));

  const proxy: GenerateDeps = {
    ...config,
    ...deps,
    fetch: deps.workerFetch,
    connectGuard: new ConnectGuard({ connect: deps.connect, timeoutMs: config.connectTimeoutMs, clock }),
    hung: new HungAttempts(pool, config.retryHung),
  };
  const context = new ContextLength({
    urls: () => pool.candidates().map(({ url }) => url),
    tokens: config.contextTokens,
    fetch: deps.fetch,
    clock,
  });
  if (cache !== null) {
    app.on(["POST", "PUT"], "/generate", radixCache({ cache, metrics, maxBodyBytes: config.maxBodyBytes }));
  }
  app.on(["POST", "PUT"], "/generate", forwardGenerate(proxy));
  app.route("/", openapiApi());
  app.route("/", healthApi(pool));
  app.route("/", workersApi({ pool, allowedHosts: config.allowedWorkerHosts }));
  app.route("/", metricsApi({ pool, metrics, cacheStats: () => cache?.stats() ?? null }));
  app.route("/", snapshotApi({ cache, snapshots: deps.snapshots }));
  app.route("/", abortApi({ pool, rids: deps.rids, fetch: deps.fetch, clock }));
  app.route(
    "/",
    cacheApi({
      cache,
      chatTemplate: loadedTokenizer?.chatTemplate ?? null,
      chatTemplateError: loadedTokenizer?.chatTemplateError ?? null,
      maxBodyBytes: config.maxBodyBytes,
    }),
  );
  if (chat !== null) {
    app.route("/", chatApi({ ...proxy, ...chat, context, newId: deps.newRequestId }));
    app.route("/", sessionsApi(chat.store));
    app.route("/", exportApi(chat.store));
  }
  if (completion !== null) {
    app.route("/", completionsApi({ ...proxy, ...completion, context, newId: deps.newRequestId }));
    app.route(
      "/",
      modelsApi({
        pool,
        fetch: deps.fetch,
        clock,
        fallbackId: modelIdOf(completion),
        hasSessions: chat !== null,
      }),
    );
  }
  app.all("*", forwardAny(proxy));
  return app;
}

/** Name of the tokenizer's folder or file: what a model is called when no worker names one. */
function modelIdOf({ cache }: CompletionParts): string {
  const path = cache.tokenizer.source.replace(/[/\\]+(tokenizer\.json)?$/, "");
  return path.split(/[/\\]/).at(-1) || "default";
}

/** Parts that {@link createRouter} takes instead of making them. All optional. */
export interface RouterDeps {
  readonly fetch: Fetch;
  /** Sends what is forwarded. Default: `fetch`. */
  readonly workerFetch: WorkerFetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly connect: Connect | null;
  readonly newRequestId: () => string;
  readonly memoryUsage: () => MemoryGauges;
  readonly tokenizer: LoadedTokenizer | null;
  readonly trie: TokenTrie;
  /** Fills the cache at the start, and takes what `/snapshot` saves. Default none. */
  readonly snapshotStore: SnapshotStore | null;
  readonly pool: WorkerPool;
  readonly rids: RidTable;
  readonly registry: ComponentRegistry;
  readonly middleware: readonly MiddlewareFactory[];
  /** Check workers' health in the background. Default true. */
  readonly healthChecks: boolean;
}

/** A running router without a port: give its `fetch` requests. */
export interface Router extends RouterHandle {
  readonly app: Hono<RouterEnv>;
  /** null without a tokenizer. */
  readonly cache: TokenCache | null;
  /** null without a cache, and without a store for snapshots. */
  readonly snapshots: CacheSnapshots | null;
  /** Probes all workers now, when health checks are on. */
  checkHealth(): Promise<void>;
  /** @param env what middleware sees as `c.env`: Deno's server gives `remoteAddr`. Default nothing. */
  fetch(request: Request, env?: object): Response | Promise<Response>;
  /** Stops health checks, waits for requests in flight (until the signal aborts), ends all components. */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes a router from a configuration.
 *
 * @param config what differs from {@link DEFAULT_CONFIG}
 * @param deps parts to use instead of the usual ones
 * @throws TypeError for a bad worker URL, RangeError for an unknown policy, ConfigError for a snapshot that cannot be loaded
 * @example
 * ```ts
 * import { createRouter } from "@slime/router";
 *
 * const router = await createRouter({ workers: ["http://127.0.0.1:10090"] }, { healthChecks: false });
 * const reply = await router.fetch(new Request("http://router/list_workers"));
 * const { urls } = await reply.json();
 * if (urls[0] !== "http://127.0.0.1:10090") throw new Error("the worker is listed");
 * await router.close();
 * ```
 */
export async function createRouter(
  config: Partial<RouterConfig> = {},
  deps: Partial<RouterDeps> = {},
): Promise<Router> {
  const fullConfig = { ...DEFAULT_CONFIG, ...config };
  const {
    fetch: plainFetch = globalThis.fetch,
    clock = systemClock,
    random = Math.random,
    registry = new ComponentRegistry(),
    tokenizer = null,
    healthChecks = true,
    middleware = [],
    newRequestId = () => crypto.randomUUID(),
  } = deps;
  const { workerApiKey } = fullConfig;
  const fetch: Fetch = withBearer(plainFetch, workerApiKey);
  const workerFetch = withBearer<string, WorkerReply>(deps.workerFetch ?? plainFetch, workerApiKey);
  const pool = deps.pool ?? createPool(fullConfig, clock);
  for (const url of fullConfig.workers) pool.add(url);
  const cache = tokenizer === null ? null : await createCache(fullConfig, tokenizer, deps.trie);
  const snapshots = await openSnapshots(cache, deps.snapshotStore ?? null, clock);
  const metrics = createRouterMetrics({
    workers: () => pool.list(),
    cache: () => cache?.stats() ?? null,
    ...(deps.memoryUsage === undefined ? {} : { memory: deps.memoryUsage }),
  });
  const chat = createChatParts(fullConfig, { loaded: tokenizer, cache, metrics, clock, newId: newRequestId });
  registerComponents(registry, { cache, chat, tokenizer, metrics });
  const handle: RouterHandle = { config: fullConfig, registry, pool, verbose: fullConfig.verbose };
  const app = createApp({
    ...handle,
    policy: createPolicy(fullConfig.policy, { random }),
    metrics,
    fetch,
    workerFetch,
    clock,
    connect: deps.connect ?? null,
    newRequestId,
    rids: deps.rids ?? new RidTable(),
    cache,
    snapshots,
    chat,
    completion: createCompletionParts(fullConfig, cache),
    loadedTokenizer: tokenizer,
    middleware,
  });
  const checker = healthChecks ? startChecker(fullConfig, pool, fetch, clock) : null;
  return {
    ...handle,
    app,
    cache,
    snapshots,
    checkHealth: () => checker?.checkNow() ?? Promise.resolve(),
    fetch: (request, env) => app.fetch(request, env),
    async close(signal) {
      await checker?.stop();
      try {
        await pool.close(signal);
      } finally {
        registry.clear();
        await registry.settled();
      }
    },
  };
}

function createPool(config: RouterConfig, clock: Clock): WorkerPool {
  return new WorkerPool({
    clock,
    circuitBreaker: {
      failureThreshold: config.circuitBreakerThreshold,
      cooldownMs: config.circuitBreakerCooldownMs,
    },
  });
}

async function createCache(
  config: RouterConfig,
  { tokenizer }: LoadedTokenizer,
  trie: TokenTrie | undefined,
): Promise<TokenCache> {
  const { maxCacheSize, maxCacheBytes, gcThresholdK } = config;
  return new TokenCache({
    trie: trie ?? await createTokenTrie({ maxCacheSize, maxCacheBytes, gcThresholdK }),
    lock: new ReaderWriterLock(),
    tokenizer,
  });
}

/** Snapshots of the cache, with the last one loaded. */
async function openSnapshots(
  cache: TokenCache | null,
  store: SnapshotStore | null,
  clock: Clock,
): Promise<CacheSnapshots | null> {
  if (store === null) return null;
  const logger = getLogger(["slime-router", "snapshot"]);
  if (cache === null) {
    logger.warn("snapshot {place} is not used: without a tokenizer there is no cache", {
      place: store.place,
    });
    return null;
  }
  const snapshots = new CacheSnapshots({ cache, store, clock });
  const loaded = await snapshots.load();
  const { place } = store;
  if (loaded === null) logger.info("no snapshot {place} yet: the cache is empty", { place });
  else logger.info("loaded snapshot {place}", { place, ...loaded, tokens: cache.stats().tokens });
  return snapshots;
}

function registerComponents(
  registry: ComponentRegistry,
  { cache, chat, tokenizer, metrics }: {
    cache: TokenCache | null;
    chat: ChatParts | null;
    tokenizer: LoadedTokenizer | null;
    metrics: RouterMetrics;
  },
): void {
  registry.register("metrics", metrics);
  registry.register("logger", getLogger(["slime-router"]));
  if (tokenizer !== null) registry.register("tokenizer", tokenizer.tokenizer, (instance) => instance.close());
  if (cache !== null) {
    registry.register("radix_tree", cache.trie);
    registry.register("cache", cache);
  }
  if (chat !== null) registry.register("sessions", chat.store);
}

function startChecker(config: RouterConfig, pool: WorkerPool, fetch: Fetch, clock: Clock) {
  return startHealthChecker({
    pool,
    fetch,
    clock,
    intervalMs: config.healthCheckIntervalMs,
    timeoutMs: config.healthCheckTimeoutMs,
    failureThreshold: config.healthCheckFailureThreshold,
    logger: getLogger(["slime-router", "health"]),
  });
}
