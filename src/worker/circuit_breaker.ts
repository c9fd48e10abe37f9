/**
 * A circuit breaker: stops sending to a worker that fails again and again, and tries it with one request at a time
 * after a pause. A pure state machine over the clock: no timers, no I/O.
 *
 * ```text
 *            failureThreshold failures in a row
 *   closed ────────────────────────────────────▶ open
 *     ▲                                         ▲   │ cooldownMs over
 *     │ success                         failure │   ▼
 *     └──────────────────────────────────── half-open (one trial per cooldownMs)
 * ```
 *
 * @module
 */
import type { Clock } from "../types.ts";

/** Failures in a row that open a circuit, unless configured. */
export const CIRCUIT_FAILURE_THRESHOLD_DEFAULT = 5;

/** How long a circuit stays open before a trial, unless configured. */
export const CIRCUIT_COOLDOWN_MS_DEFAULT = 10_000;

/** State as shown to people; `half_open` covers both waiting for a trial and one under way. */
export type CircuitState = "closed" | "open" | "half_open";

/** Settings of a {@link CircuitBreaker}. */
export interface CircuitBreakerOptions {
  /** Failures in a row that open it; at least 1. Default 5. */
  readonly failureThreshold?: number;
  /** Milliseconds from opening to the first trial, and from one trial to the next. Default 10,000. */
  readonly cooldownMs?: number;
}

/** No trial is meant: what {@link CircuitBreaker.beginTrial} returns while the circuit is closed. */
export const NO_TRIAL = 0;

/**
 * The breaker of one worker. The caller decides what a failure is; replies with a 4xx status and requests that the
 * client gave up are none.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #failureThreshold: number;
  readonly #cooldownMs: number;
  #failures = 0;
  #isTripped = false;
  #blockedUntilMs = 0;
  #trial = NO_TRIAL;
  #trialsBegun = 0;

  /** @throws RangeError when a setting is out of range */
  constructor(clock: Clock, options: CircuitBreakerOptions = {}) {
    const {
      failureThreshold = CIRCUIT_FAILURE_THRESHOLD_DEFAULT,
      cooldownMs = CIRCUIT_COOLDOWN_MS_DEFAULT,
    } = options;
    if (!Number.isInteger(failureThreshold) || failureThreshold < 1) {
      throw new RangeError(
        `Cannot create circuit breaker: failureThreshold must be a whole number from 1, received ${failureThreshold}`,
      );
    }
    if (!Number.isFinite(cooldownMs) || cooldownMs < 0) {
      throw new RangeError(
        `Cannot create circuit breaker: cooldownMs must be from 0, received ${cooldownMs}`,
      );
    }
    this.#clock = clock;
    this.#failureThreshold = failureThreshold;
    this.#cooldownMs = cooldownMs;
  }

  /** Current state; `half_open` begins by itself when the cooldown is over. */
  get state(): CircuitState {
    if (!this.#isTripped) return "closed";
    return this.#trial !== NO_TRIAL || this.allows() ? "half_open" : "open";
  }

  /** Failures since the last success. */
  get consecutiveFailures(): number {
    return this.#failures;
  }

  /** When {@link allows} turns true by itself, on the clock's `now()` scale; meaningless while it is true. */
  get blockedUntilMs(): number {
    return this.#blockedUntilMs;
  }

  /** Whether a request may be sent: closed, or half-open with no recent trial under way. Reads the clock only if open. */
  allows(): boolean {
    return !this.#isTripped || this.#clock.now() >= this.#blockedUntilMs;
  }

  /**
   * Says that a request is being sent. In half-open state it becomes the trial, and others are held back until it
   * ends or another cooldown is over (a long reply must not keep a recovered worker idle).
   *
   * @returns what to hand to {@link endTrial}; {@link NO_TRIAL} when the request is no trial
   */
  beginTrial(): number {
    if (!this.#isTripped || !this.allows()) return NO_TRIAL;
    this.#trial = ++this.#trialsBegun;
    this.#block();
    return this.#trial;
  }

  /** Says that a trial ended; if it did so without an outcome (its client left), the next request is the trial. */
  endTrial(trial: number): void {
    if (trial === NO_TRIAL || trial !== this.#trial) return;
    this.#trial = NO_TRIAL;
    this.#blockedUntilMs = this.#clock.now();
  }

  /** A reply came: closes the circuit in any state. @returns whether it had been open */
  recordSuccess(): boolean {
    const wasTripped = this.#isTripped;
    this.reset();
    return wasTripped;
  }

  /**
   * A request failed. While open it changes nothing: those sent before the opening must not prolong it.
   *
   * @returns whether the circuit opened, or opened again
   */
  recordFailure(): boolean {
    this.#failures++;
    if (!this.#isTripped && this.#failures < this.#failureThreshold) return false;
    if (this.state === "open") return false;
    this.#isTripped = true;
    this.#trial = NO_TRIAL;
    this.#block();
    return true;
  }

  /** Closed, as new. */
  reset(): void {
    this.#failures = 0;
    this.#isTripped = false;
    this.#trial = NO_TRIAL;
  }

  #block(): void {
    this.#blockedUntilMs = this.#clock.now() + this.#cooldownMs;
  }
}
