/**
 * The state of one registered worker: requests in flight, health, circuit, drain.
 *
 * @module
 */
import { NoWorkerError } from "../errors.ts";
import type { Clock, WeightVersion } from "../types.ts";
import { CircuitBreaker, type CircuitBreakerOptions, type CircuitState } from "./circuit_breaker.ts";
import type { WorkerLease, WorkerType, WorkerView } from "./worker.ts";

/** What may happen to a worker. */
export type WorkerChange =
  | "added"
  | "restarted"
  | "removed"
  | "draining"
  | "drained"
  | "healthy"
  | "unhealthy"
  | "silent" // unhealthy, and it gives probes no answer at all
  | "circuit_opened"
  | "circuit_closed";

/** What a {@link WorkerState} is made of. */
export interface WorkerStateOptions {
  readonly id: string;
  readonly url: string;
  readonly type: WorkerType;
  readonly order: number;
  readonly bootstrapPort: number | null;
  readonly clock: Clock;
  readonly circuitBreaker?: CircuitBreakerOptions;
  /** Something changed that the outside wants to hear of. Must not throw. */
  readonly onChange: (change: WorkerChange, worker: WorkerState) => void;
  /** Whether the worker is a candidate may have changed. Called before `onChange`. */
  readonly onAvailability: () => void;
}

/** One worker as the router knows it. Made by `WorkerPool.add`. */
export class WorkerState implements WorkerView {
  readonly id: string;
  readonly url: string;
  readonly type: WorkerType;
  readonly order: number;
  /** Port of the KV bootstrap server of a prefill worker, or null. */
  readonly bootstrapPort: number | null;
  /** Weight version last seen in one of the worker's replies; null until then. */
  weightVersion: WeightVersion | null = null;

  readonly #clock: Clock;
  readonly #circuit: CircuitBreaker;
  readonly #onChange: (change: WorkerChange, worker: WorkerState) => void;
  readonly #onAvailability: () => void;
  #inFlight = 0;
  #unhealthyReason: string | null = null;
  #isSilent = false;
  #failedProbes = 0;
  #epoch = 0;
  #lastUsedMs: number | null = null;
  #lastActivityMs: number | null = null;
  #drain: PromiseWithResolvers<void> | null = null;

  constructor(options: WorkerStateOptions) {
    this.id = options.id;
    this.url = options.url;
    this.type = options.type;
    this.order = options.order;
    this.bootstrapPort = options.bootstrapPort;
    this.#clock = options.clock;
    this.#circuit = new CircuitBreaker(options.clock, options.circuitBreaker);
    this.#onChange = options.onChange;
    this.#onAvailability = options.onAvailability;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isHealthy(): boolean {
    return this.#unhealthyReason === null;
  }

  /** Why the worker counts as dead; null while it is healthy. */
  get unhealthyReason(): string | null {
    return this.#unhealthyReason;
  }

  /** Unhealthy, and the last probe got no answer at all: the worker hangs, or cannot be reached. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Takes no new requests; those in flight go on. */
  get isDraining(): boolean {
    return this.#drain !== null;
  }

  /** State of the worker's circuit. */
  get circuitState(): CircuitState {
    return this.#circuit.state;
  }

  /** When the circuit lets a request through again (clock's `now()`); meaningless unless it is what holds them back. */
  get blockedUntilMs(): number {
    return this.#circuit.blockedUntilMs;
  }

  /** Whether the circuit lets a request through now. */
  get isCircuitPassable(): boolean {
    return this.#circuit.allows();
  }

  /** Failed health probes in a row. */
  get failedProbes(): number {
    return this.#failedProbes;
  }

  /** Counts fresh starts: what was observed in an earlier epoch says nothing of this one. */
  get epoch(): number {
    return this.#epoch;
  }

  /** When a request last began (clock's `now()`), or null. */
  get lastUsedMs(): number | null {
    return this.#lastUsedMs;
  }

  /** When the worker last delivered bytes of a reply (clock's `now()`), or null. */
  get lastActivityMs(): number | null {
    return this.#lastActivityMs;
  }

  /**
   * Counts a request in until the lease is disposed. Choose and begin within one turn of the event loop.
   *
   * @throws NoWorkerError when the worker is draining
   *
   * @example
   * ```ts
   * using lease = worker.begin();
   * const reply = await fetch(lease.worker.url + "/generate", init);
   * ```
   */
  begin(): WorkerLease {
    if (this.#drain !== null) {
      throw new NoWorkerError(`Cannot begin request: worker "${this.id}" (${this.url}) is draining`);
    }
    const trial = this.#circuit.beginTrial();
    this.#inFlight++;
    this.#lastUsedMs = this.#clock.now();
    if (trial !== 0) this.#onAvailability();
    return new Lease(this, trial, this.#end);
  }

  /** Bytes of a reply came: the worker is alive, whatever its health endpoint says in time. */
  recordActivity(): void {
    this.#lastActivityMs = this.#clock.now();
  }

  /** A reply began with a status below 500. Say so at its first byte: a trial then ends at once. */
  recordSuccess(): void {
    this.recordActivity();
    if (this.#circuit.recordSuccess()) this.#changed("circuit_closed");
  }

  /**
   * The worker was not reached, did not answer in time, or answered 5xx before any byte went to the client. Not for
   * 4xx and not for requests that the client gave up.
   */
  recordConnectFailure(): void {
    if (this.#circuit.recordFailure()) this.#changed("circuit_opened");
  }

  /** A health probe succeeded. A dead worker returns at once, with its circuit closed. */
  recordProbeSuccess(): void {
    this.#failedProbes = 0;
    if (this.#unhealthyReason === null) return;
    this.#unhealthyReason = null;
    this.#isSilent = false;
    this.#circuit.reset();
    this.#changed("healthy");
  }

  /**
   * A health probe failed; `failureThreshold` of them in a row make the worker unhealthy.
   *
   * @param hasAnswered it said itself that it is not well. Default true
   */
  recordProbeFailure(reason: string, failureThreshold: number, hasAnswered = true): void {
    this.#failedProbes++;
    if (this.#failedProbes < failureThreshold) return;
    const wasHealthy = this.#unhealthyReason === null;
    const wasSilent = this.#isSilent;
    this.#unhealthyReason = reason;
    this.#isSilent = !hasAnswered;
    if (wasHealthy) this.#changed("unhealthy");
    if (this.#isSilent && !wasSilent) this.#changed("silent");
  }

  /**
   * Takes no new requests from now on.
   *
   * @returns resolves when none is in flight; rejects with the signal's reason (the drain goes on), or when the
   * worker is given a fresh start meanwhile
   */
  drain(signal?: AbortSignal): Promise<void> {
    if (this.#drain === null) {
      this.#drain = Promise.withResolvers<void>();
      // Whoever does not wait for the end has no use for its failure.
      this.#drain.promise.catch(() => {});
      this.#changed("draining");
      this.#settleDrain();
    }
    return untilAborted(this.#drain.promise, signal);
  }

  /** Healthy, no failures counted, circuit closed, not draining. Requests in flight stay counted. */
  restart(): void {
    this.#epoch++;
    this.#failedProbes = 0;
    this.#unhealthyReason = null;
    this.#isSilent = false;
    this.#circuit.reset();
    this.#drain?.reject(new Error(`Cannot drain worker "${this.id}": it was registered again`));
    this.#drain = null;
    this.#changed("restarted");
  }

  // One function per worker, not per lease.
  readonly #end = (trial: number): void => {
    this.#inFlight--;
    if (trial !== 0) {
      this.#circuit.endTrial(trial);
      this.#onAvailability();
    }
    this.#settleDrain();
  };

  #settleDrain(): void {
    if (this.#drain === null || this.#inFlight > 0) return;
    this.#drain.resolve();
    this.#onChange("drained", this);
  }

  #changed(change: WorkerChange): void {
    this.#onAvailability();
    this.#onChange(change, this);
  }
}

class Lease implements WorkerLease {
  readonly worker: WorkerState;
  readonly #trial: number;
  #end: ((trial: number) => void) | null;

  constructor(worker: WorkerState, trial: number, end: (trial: number) => void) {
    this.worker = worker;
    this.#trial = trial;
    this.#end = end;
  }

  [Symbol.dispose](): void {
    const end = this.#end;
    this.#end = null;
    end?.(this.#trial);
  }
}

function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
