/**
 * The worker pool: which workers there are, and which of them may be sent a request.
 *
 * @module
 */
import type { Clock } from "../types.ts";
import type { CircuitBreakerOptions } from "./circuit_breaker.ts";
import { isWorkerType, WORKER_TYPES, type WorkerType } from "./worker.ts";
import { type WorkerChange, WorkerState } from "./worker_state.ts";
import { normalizeWorkerUrl } from "./worker_url.ts";

/** Most workers that one pool takes, unless configured. */
export const WORKERS_MAX_DEFAULT = 1_024;

/** Ids drawn for one registration before the generator counts as broken. */
const ID_ATTEMPTS_MAX = 8;

/** Told of every change, after it took effect, within the call that made it. Must not throw. */
export type PoolListener = (change: WorkerChange, worker: WorkerState) => void;

/** Settings of a {@link WorkerPool}. */
export interface WorkerPoolOptions {
  readonly clock: Clock;
  /** Makes ids: URL-safe, all of one length (none may be a prefix of another). Default: `worker-` + 8 random hex digits. */
  readonly newId?: () => string;
  readonly circuitBreaker?: CircuitBreakerOptions;
  /** Most workers registered at once. Default 1,024. */
  readonly maxWorkers?: number;
  /** First listener; see {@link WorkerPool.subscribe}. */
  readonly onChange?: PoolListener;
}

/** What is known of a worker at its registration. */
export interface AddWorkerOptions {
  /** Default `regular`. */
  readonly type?: WorkerType;
  /** 1 to 65,535; for prefill workers. */
  readonly bootstrapPort?: number | null;
}

/** Result of {@link WorkerPool.add}. */
export interface AddedWorker {
  readonly worker: WorkerState;
  /** False when the URL was known. */
  readonly added: boolean;
  /** True when the URL was known and its worker, dead or draining, got a fresh start. */
  readonly restarted: boolean;
}

/**
 * The registered workers, in order of registration.
 *
 * @example
 * ```ts
 * const pool = new WorkerPool({ clock });
 * pool.add("http://gpu-3:30000");
 * const { worker } = policy.select(pool.candidates(), request);
 * using lease = worker.begin();
 * ```
 */
export class WorkerPool {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #circuitBreaker: CircuitBreakerOptions;
  readonly #maxWorkers: number;
  readonly #listeners = new Set<PoolListener>();
  readonly #byUrl = new Map<string, WorkerState>();
  readonly #byId = new Map<string, WorkerState>();
  /** Removed, with requests still in flight. */
  readonly #leaving = new Set<WorkerState>();
  readonly #available = new Map<WorkerType, readonly WorkerState[]>();
  /** When a circuit that held its worker back lets it through: the cached candidates end there. */
  #availableUntilMs = Infinity;
  #registrations = 0;
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    const { newId = randomWorkerId, circuitBreaker = {}, maxWorkers = WORKERS_MAX_DEFAULT } = options;
    this.#clock = options.clock;
    this.#newId = newId;
    this.#circuitBreaker = circuitBreaker;
    this.#maxWorkers = maxWorkers;
    if (options.onChange !== undefined) this.#listeners.add(options.onChange);
  }

  /** Number of registered workers. */
  get size(): number {
    return this.#byUrl.size;
  }

  /** Registered workers that are healthy and not draining. */
  get healthyCount(): number {
    let count = 0;
    for (const worker of this.#byUrl.values()) if (worker.isHealthy && !worker.isDraining) count++;
    return count;
  }

  /** Removed workers that still have requests in flight. */
  get leavingCount(): number {
    return this.#leaving.size;
  }

  /** Requests in flight, those on removed workers included. */
  get totalInFlight(): number {
    let total = 0;
    for (const worker of this.#byUrl.values()) total += worker.inFlight;
    for (const worker of this.#leaving) total += worker.inFlight;
    return total;
  }

  /**
   * Registers a worker, assumed healthy. A known URL stays as it is, save that a worker that is unhealthy, draining or
   * held back by its circuit gets a fresh start; its in-flight count is kept.
   *
   * @throws TypeError for a bad URL or type, RangeError for a bad port or a full pool, Error when the pool is closed
   */
  add(url: unknown, options: AddWorkerOptions = {}): AddedWorker {
    const normalized = normalizeWorkerUrl(url);
    const { type = "regular", bootstrapPort = null } = options;
    assertRole(normalized, type, bootstrapPort);
    if (this.#isClosed) throw new Error(`Cannot add worker "${normalized}": the pool is closed`);
    const known = this.#byUrl.get(normalized);
    if (known !== undefined) return { worker: known, added: false, restarted: restartIfDown(known) };
    if (this.#byUrl.size >= this.#maxWorkers) {
      throw new RangeError(
        `Cannot add worker "${normalized}": the pool is full (${this.#maxWorkers} workers)`,
      );
    }
    return { worker: this.#register(normalized, type, bootstrapPort), added: true, restarted: false };
  }

  /**
   * Takes a worker out of lists and candidates at once; requests in flight finish. The same URL may be added again
   * meanwhile: it is then another worker, with an id and a count of its own.
   *
   * @returns null when the URL is not registered; else a promise that resolves when nothing is in flight any more, or
   * rejects with the signal's reason
   */
  remove(url: unknown, signal?: AbortSignal): Promise<void> | null {
    const worker = this.get(url);
    return worker === null ? null : this.#remove(worker, signal);
  }

  /** As {@link remove}, by id. */
  removeById(id: string, signal?: AbortSignal): Promise<void> | null {
    const worker = this.getById(id);
    return worker === null ? null : this.#remove(worker, signal);
  }

  /** The worker registered under `url` in any spelling, or null. */
  get(url: unknown): WorkerState | null {
    try {
      return this.#byUrl.get(normalizeWorkerUrl(url)) ?? null;
    } catch {
      return null; // what cannot be registered is not registered
    }
  }

  /** The registered worker with this id, or null. */
  getById(id: string): WorkerState | null {
    return this.#byId.get(id) ?? null;
  }

  /** All registered workers in order of registration; a copy. */
  list(): WorkerState[] {
    return [...this.#byUrl.values()];
  }

  /**
   * Workers that may be sent a request now: healthy, not draining, circuit closed or ready for a trial; in order of
   * registration. The array is shared between calls and never changed afterwards.
   *
   * O(1) while nothing changed and nothing is excluded; else O(workers).
   *
   * @param excluded ids of workers that this request has tried
   */
  candidates(excluded: ReadonlySet<string> = NONE, type: WorkerType = "regular"): readonly WorkerState[] {
    const available = this.#availableOf(type);
    return excluded.size === 0 ? available : available.filter((worker) => !excluded.has(worker.id));
  }

  /**
   * Workers that only their circuit holds back: healthy, not draining; in order of registration. For requests that
   * would find no candidate: to turn all clients away because every circuit is open helps nobody. O(workers).
   *
   * @param excluded ids of workers that this request has tried
   */
  lastResort(excluded: ReadonlySet<string> = NONE, type: WorkerType = "regular"): readonly WorkerState[] {
    return this.list().filter((worker) =>
      worker.type === type && worker.isHealthy && !worker.isDraining && !worker.isCircuitPassable &&
      !excluded.has(worker.id)
    );
  }

  /** Requests in flight by URL, registered workers only, in order of registration. */
  loads(): Record<string, number> {
    const loads: Record<string, number> = {};
    for (const worker of this.#byUrl.values()) loads[worker.url] = worker.inFlight;
    return loads;
  }

  /** Adds a listener for changes. @returns removes it again */
  subscribe(listener: PoolListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Removes all workers and takes no more.
   *
   * @returns resolves when nothing is in flight any more; rejects with the signal's reason
   */
  async close(signal?: AbortSignal): Promise<void> {
    this.#isClosed = true;
    const leaving = new Set([...this.#leaving, ...this.list()]);
    await Promise.all(Array.from(leaving, (worker) => this.#remove(worker, signal)));
  }

  #register(url: string, type: WorkerType, bootstrapPort: number | null): WorkerState {
    const worker = new WorkerState({
      id: this.#freshId(url),
      url,
      type,
      bootstrapPort,
      order: ++this.#registrations,
      clock: this.#clock,
      circuitBreaker: this.#circuitBreaker,
      onChange: (change, changed) => this.#emit(change, changed),
      onAvailability: () => this.#forgetAvailable(),
    });
    this.#byUrl.set(url, worker);
    this.#byId.set(worker.id, worker);
    this.#forgetAvailable();
    this.#emit("added", worker);
    return worker;
  }

  #remove(worker: WorkerState, signal: AbortSignal | undefined): Promise<void> {
    if (this.#byId.delete(worker.id)) {
      this.#byUrl.delete(worker.url);
      if (worker.inFlight > 0) this.#leaving.add(worker);
      this.#forgetAvailable();
      this.#emit("removed", worker);
    }
    return worker.drain(signal);
  }

  #freshId(url: string): string {
    for (let attempt = 0; attempt < ID_ATTEMPTS_MAX; attempt++) {
      const id = this.#newId();
      if (!this.#byId.has(id) && ![...this.#leaving].some((worker) => worker.id === id)) return id;
    }
    throw new Error(`Cannot add worker "${url}": ${ID_ATTEMPTS_MAX} ids in a row were taken`);
  }

  #availableOf(type: WorkerType): readonly WorkerState[] {
    if (this.#availableUntilMs !== Infinity && this.#clock.now() >= this.#availableUntilMs) {
      this.#forgetAvailable();
    }
    const cached = this.#available.get(type);
    if (cached !== undefined) return cached;
    const available: WorkerState[] = [];
    for (const worker of this.#byUrl.values()) {
      if (worker.type !== type || !worker.isHealthy || worker.isDraining) continue;
      if (worker.isCircuitPassable) available.push(worker);
      else this.#availableUntilMs = Math.min(this.#availableUntilMs, worker.blockedUntilMs);
    }
    this.#available.set(type, available);
    return available;
  }

  #forgetAvailable(): void {
    this.#available.clear();
    this.#availableUntilMs = Infinity;
  }

  #emit(change: WorkerChange, worker: WorkerState): void {
    if (change === "drained") this.#leaving.delete(worker);
    // Of a worker that is gone only its leaving is news: late failures would bring its metrics back to life.
    if (!this.#byId.has(worker.id) && !LEAVING.has(change)) return;
    for (const listener of this.#listeners) listener(change, worker);
  }
}

const NONE: ReadonlySet<string> = new Set();

const LEAVING: ReadonlySet<WorkerChange> = new Set(["removed", "draining", "drained"]);

function randomWorkerId(): string {
  return `worker-${crypto.randomUUID().slice(0, 8)}`;
}

function restartIfDown(worker: WorkerState): boolean {
  const isDown = !worker.isHealthy || worker.isDraining || worker.circuitState !== "closed";
  if (isDown) worker.restart();
  return isDown;
}

function assertRole(url: string, type: unknown, bootstrapPort: unknown): void {
  if (!isWorkerType(type)) {
    const names = WORKER_TYPES.join(", ");
    throw new TypeError(
      `Cannot add worker "${url}": type must be one of ${names}, received ${JSON.stringify(type)}`,
    );
  }
  if (bootstrapPort === null) return;
  const isPort = typeof bootstrapPort === "number" && Number.isInteger(bootstrapPort) && bootstrapPort >= 1 &&
    bootstrapPort <= 65_535;
  if (!isPort) {
    const received = JSON.stringify(bootstrapPort);
    throw new RangeError(
      `Cannot add worker "${url}": bootstrap port must be from 1 to 65535, received ${received}`,
    );
  }
}
