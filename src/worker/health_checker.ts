/**
 * The health checker: probes every worker at an interval, and each new one at once. A dead worker is probed on and
 * returns at the first success. Load counters are none of its business.
 *
 * @module
 */
import { Semaphore } from "es-toolkit/promise";
import type { Clock, Fetch } from "../types.ts";
import { probeHealth, type ProbeVerdict } from "./health_probe.ts";
import type { WorkerPool } from "./pool.ts";
import type { WorkerChange, WorkerState } from "./worker_state.ts";

/** Time between two probes of a worker, unless configured. */
export const HEALTH_INTERVAL_MS_DEFAULT = 30_000;
/** Longest a probe may take, unless configured. */
export const HEALTH_TIMEOUT_MS_DEFAULT = 5_000;
/** Failed probes in a row that make a worker unhealthy, unless configured. */
export const HEALTH_FAILURE_THRESHOLD_DEFAULT = 3;
/** Most probes under way at once. */
export const HEALTH_PROBES_MAX = 64;

/** Longest interval and timeout: Web timers hold a signed 32-bit count of milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Where the checker writes; LogTape's loggers are such. */
export interface HealthLogger {
  info(message: string, properties: Record<string, unknown>): void;
  warn(message: string, properties: Record<string, unknown>): void;
  error(message: string, properties: Record<string, unknown>): void;
}

/** Settings of {@link startHealthChecker}. */
export interface HealthCheckerOptions {
  readonly pool: WorkerPool;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Default 30,000. */
  readonly intervalMs?: number;
  /** Per probe, which the interval does not cut short. Default 5,000. */
  readonly timeoutMs?: number;
  /** Default 3. */
  readonly failureThreshold?: number;
  /** Told when a worker died or returned, after it took effect; see `isHealthy`, `unhealthyReason`. */
  readonly onChange?: (worker: WorkerState) => void;
  readonly logger?: HealthLogger;
}

/** A running health checker. */
export interface HealthChecker {
  /** Probes all workers now; joins probes under way. Never rejects. */
  checkNow(): Promise<void>;
  /** Ends it: probes under way are cancelled and change nothing. Resolves when all have ended. */
  stop(): Promise<void>;
}

/**
 * Starts checking the pool's workers, at once and then at the interval.
 *
 * A worker fails a probe by an answer other than 2xx, or by silence (timeout, broken connection); silence is forgiven
 * when the worker delivered bytes of some reply since its last probe: it is busy, not dead. No worker is probed twice
 * at once, and none waits for another, save for the bound of {@link HEALTH_PROBES_MAX}.
 *
 * @throws RangeError when a setting is out of range
 *
 * @example
 * ```ts
 * const checker = startHealthChecker({ pool, fetch, clock: systemClock, intervalMs: 10_000 });
 * await checker.stop();
 * ```
 */
export function startHealthChecker(options: HealthCheckerOptions): HealthChecker {
  const {
    intervalMs = HEALTH_INTERVAL_MS_DEFAULT,
    timeoutMs = HEALTH_TIMEOUT_MS_DEFAULT,
    failureThreshold = HEALTH_FAILURE_THRESHOLD_DEFAULT,
  } = options;
  assertWithin("intervalMs", intervalMs, TIMER_MAX_MS);
  assertWithin("timeoutMs", timeoutMs, TIMER_MAX_MS);
  assertWithin("failureThreshold", failureThreshold, Number.MAX_SAFE_INTEGER);
  return new PoolHealthChecker({ ...options, intervalMs, timeoutMs, failureThreshold });
}

type Settings =
  & HealthCheckerOptions
  & Required<Pick<HealthCheckerOptions, "intervalMs" | "timeoutMs" | "failureThreshold">>;

interface Probe {
  readonly epoch: number;
  readonly cancel: AbortController;
  /** Never rejects. */
  ended: Promise<void>;
}

class PoolHealthChecker implements HealthChecker {
  readonly #options: HealthCheckerOptions & {
    intervalMs: number;
    timeoutMs: number;
    failureThreshold: number;
  };
  readonly #probes = new Map<WorkerState, Probe>();
  readonly #lastProbeMs = new WeakMap<WorkerState, number>();
  readonly #slots = new Semaphore(HEALTH_PROBES_MAX);
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;
  readonly #rounds: Promise<void>;

  constructor(options: Settings) {
    this.#options = options;
    this.#unsubscribe = options.pool.subscribe((change, worker) => this.#follow(change, worker));
    this.#rounds = this.#run();
  }

  async checkNow(): Promise<void> {
    await Promise.all(this.#options.pool.list().map((worker) => this.#probe(worker)));
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort();
    const probes = [...this.#probes.values()];
    for (const probe of probes) probe.cancel.abort();
    await Promise.all([this.#rounds, ...probes.map((probe) => probe.ended)]);
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Not awaited: a worker that hangs for longer than the interval must not put off the others' next probe.
      void this.checkNow();
      await clock.sleep(intervalMs, signal).catch(() => {});
    }
  }

  #follow(change: WorkerChange, worker: WorkerState): void {
    if (change === "added" || change === "restarted") void this.#probe(worker);
    if (change === "removed") this.#probes.get(worker)?.cancel.abort();
  }

  /** Starts a probe, or joins the one under way; one from before a fresh start is cancelled. */
  #probe(worker: WorkerState): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    const running = this.#probes.get(worker);
    if (running?.epoch === worker.epoch) return running.ended;
    running?.cancel.abort();
    const probe: Probe = { epoch: worker.epoch, cancel: new AbortController(), ended: Promise.resolve() };
    this.#probes.set(worker, probe);
    probe.ended = this.#carryOut(worker, probe.cancel)
      .catch((error) =>
        this.#options.logger?.error("health probe of {url} failed", { url: worker.url, error })
      )
      .finally(() => {
        if (this.#probes.get(worker) === probe) this.#probes.delete(worker);
      });
    return probe.ended;
  }

  async #carryOut(worker: WorkerState, cancel: AbortController): Promise<void> {
    await this.#slots.acquire();
    try {
      if (cancel.signal.aborted) return;
      const nowMs = this.#options.clock.now();
      const activeSinceMs = this.#lastProbeMs.get(worker) ?? nowMs;
      this.#lastProbeMs.set(worker, nowMs);
      const verdict = await probeHealth(worker.url, cancel, this.#options);
      if (verdict !== null) this.#judge(worker, verdict, activeSinceMs);
    } finally {
      this.#slots.release();
    }
  }

  #judge(worker: WorkerState, verdict: ProbeVerdict, activeSinceMs: number): void {
    const wasHealthy = worker.isHealthy;
    const isBusy = !verdict.hasAnswered && (worker.lastActivityMs ?? -Infinity) >= activeSinceMs;
    if (verdict.isWell || isBusy) worker.recordProbeSuccess();
    else {
      const { reason, hasAnswered } = verdict;
      worker.recordProbeFailure(reason ?? "not well", this.#options.failureThreshold, hasAnswered);
    }
    if (worker.isHealthy !== wasHealthy) this.#report(worker);
  }

  #report(worker: WorkerState): void {
    const { logger, onChange } = this.#options;
    const { id, url, unhealthyReason: reason } = worker;
    if (reason === null) logger?.info("worker {url} is healthy again", { url, id });
    else logger?.warn("worker {url} is unhealthy: {reason}", { url, id, reason });
    onChange?.(worker);
  }
}

function assertWithin(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new RangeError(
    `Cannot start health checker: ${name} must be a whole number from 1 to ${max}, received ${value}`,
  );
}
