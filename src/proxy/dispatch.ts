/**
 * Sends a request to a worker, and to another when the first cannot be reached.
 *
 * The policy decides, this file acts on it. An attempt counts as failed while no byte of its reply has gone to the
 * client; the failed worker is not asked again by the same request. Whatever a worker *answers* is an answer: statuses
 * are passed on, never retried.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { NoWorkerError, UpstreamError, UpstreamTimeoutError } from "../errors.ts";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { Policy } from "../policy/policy.ts";
import type { WorkerFetch, WorkerReply } from "../types.ts";
import type { WorkerPool } from "../worker/pool.ts";
import type { WorkerLease } from "../worker/worker.ts";
import type { WorkerState } from "../worker/worker_state.ts";
import type { ConnectGuard } from "./connect_guard.ts";
import type { HeaderPairs } from "./headers.ts";
import { type Exchange, ExchangeTimeoutError } from "./exchange.ts";
import { type HungAttempts, WorkerHungError } from "./hung_attempts.ts";

/** What the proxy needs. */
export interface DispatchDeps {
  readonly pool: WorkerPool;
  readonly policy: Policy;
  readonly fetch: WorkerFetch;
  readonly metrics: RouterMetrics;
  readonly connectGuard: ConnectGuard;
  readonly hung: HungAttempts;
  /** Times a request may be tried, the first included. */
  readonly maxAttempts: number;
}

/** A request ready to be sent, any number of times. */
export interface OutboundRequest {
  readonly method: string;
  /** Path and query as the client wrote them, with leading slash. */
  readonly target: string;
  readonly headers: HeaderPairs;
  /** Whole bodies only: every attempt sends the same bytes. */
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** Another worker may be asked while this one may be at it still: a generation more does no harm. Default false. */
  readonly isRepeatable?: boolean;
}

/** A worker's answer with the lease that its last byte ends. */
export interface Dispatched<T> {
  readonly worker: WorkerState;
  readonly lease: WorkerLease;
  readonly reply: T;
}

const logger = getLogger(["slime-router", "proxy"]);
/** Statuses that say that the worker, not the request, is in trouble. */
const WORKER_TROUBLE: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * Sends `outbound` to a worker of the policy's choice.
 *
 * @param receive takes the reply as far as must be known before a byte goes to the client; what it throws fails the
 * attempt
 * @param onWorker told of each worker that is asked
 * @throws NoWorkerError when no worker is available, UpstreamError when none could be reached, UpstreamTimeoutError
 * when the exchange's time is up, `ClientLeftError` when the client is gone
 */
export async function dispatch<T>(
  deps: DispatchDeps,
  outbound: OutboundRequest,
  exchange: Exchange,
  receive: (response: WorkerReply) => Promise<T>,
  onWorker: (worker: WorkerState) => void = () => {},
): Promise<Dispatched<T>> {
  const tried = new Set<string>();
  const failures: string[] = [];
  let cause: unknown;
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    const candidates = candidatesOf(deps.pool, tried);
    if (candidates.length === 0) break;
    if (attempt > 0) deps.metrics.upstreamRetry(retryReason(cause));
    const { worker, lease } = choose(deps, candidates, exchange);
    onWorker(worker);
    exchange.onEnd(() => lease[Symbol.dispose]());
    tried.add(worker.id);
    const canRetry = () => attempt + 1 < deps.maxAttempts && deps.pool.candidates(tried).length > 0;
    try {
      return { worker, lease, reply: await attemptOnce(deps, worker, outbound, exchange, receive, canRetry) };
    } catch (error) {
      lease[Symbol.dispose]();
      throwIfEnded(exchange);
      cause = error;
      failures.push(`${worker.url} (${messageOf(error)})`);
      worker.recordConnectFailure();
      deps.metrics.upstreamAttempt(error instanceof WorkerHungError ? "given up" : "connection failed");
      logger.warn("Worker {url} failed before its reply: {error}", {
        url: worker.url,
        error: messageOf(error),
        requestId: exchange.id,
      });
    }
  }
  if (failures.length === 0) throw new NoWorkerError(noWorkerMessage(deps.pool));
  throw new UpstreamError(`Cannot serve request: no worker gave a reply, tried ${failures.join(", ")}`, {
    cause,
  });
}

/** Circuits spare workers in trouble while others are well; a request that has nowhere else to go is sent all the same. */
function candidatesOf(pool: WorkerPool, tried: ReadonlySet<string>): readonly WorkerState[] {
  const candidates = pool.candidates(tried);
  return candidates.length > 0 ? candidates : pool.lastResort(tried);
}

function choose(
  { policy, metrics }: DispatchDeps,
  candidates: readonly WorkerState[],
  exchange: Exchange,
): { worker: WorkerState; lease: WorkerLease } {
  const decision = policy.select(candidates, { requestId: exchange.id, routingKey: exchange.routingKey });
  const worker = decision.worker as WorkerState;
  metrics.decision(policy.name, decision.reason);
  exchange.attempts++;
  exchange.worker = { url: worker.url, reason: decision.reason };
  return { worker, lease: worker.begin() };
}

async function attemptOnce<T>(
  deps: DispatchDeps,
  worker: WorkerState,
  outbound: OutboundRequest,
  exchange: Exchange,
  receive: (response: WorkerReply) => Promise<T>,
  canRetry: () => boolean,
): Promise<T> {
  exchange.throwIfCancelled();
  const controller = exchange.openAttempt();
  const { signal } = controller;
  const answered = outbound.isRepeatable ? deps.hung.watch(worker, controller, canRetry) : () => {};
  const sinceMs = exchange.elapsedMs;
  try {
    if (deps.connectGuard.isDue(worker)) await deps.connectGuard.check(worker, signal);
    const response = await deps.fetch(worker.url + outbound.target, {
      method: outbound.method,
      headers: outbound.headers,
      body: outbound.body,
      redirect: "manual",
      signal,
    });
    // Some engines send a stream's head before they begin to work.
    if (!isEventStream(response)) answered();
    const reply = await receive(response);
    signal.throwIfAborted();
    if (WORKER_TROUBLE.has(response.status)) worker.recordConnectFailure();
    else worker.recordSuccess();
    deps.metrics.upstreamAttempt(`status ${Math.floor(response.status / 100)}xx`);
    return reply;
  } catch (error) {
    exchange.closeAttempt(controller);
    throw error;
  } finally {
    exchange.wasBlocked(sinceMs);
    answered();
  }
}

/** A reply of server-sent events. */
export function isEventStream({ headers }: WorkerReply): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

function retryReason(cause: unknown): string {
  return cause instanceof WorkerHungError ? "worker hung" : "worker unreachable";
}

function throwIfEnded({ signal }: Exchange): void {
  if (!signal.aborted) return;
  const reason: unknown = signal.reason;
  if (reason instanceof ExchangeTimeoutError) {
    throw new UpstreamTimeoutError(reason.message, { cause: reason });
  }
  throw reason;
}

function noWorkerMessage(pool: WorkerPool): string {
  if (pool.size === 0) return "Cannot route request: no worker is registered (POST /add_worker?url=…)";
  return `Cannot route request: none of ${pool.size} workers is available: ` +
    `${pool.healthyCount} are healthy, and only regular ones are sent requests`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
