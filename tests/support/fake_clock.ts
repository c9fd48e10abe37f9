/**
 * A clock that a test turns by hand. Nothing sleeps: `advance()` wakes sleepers in the order of their deadlines.
 *
 * @module
 */
import type { Clock } from "../../src/types.ts";

/** Most rounds {@link FakeClock.untilSleeping} waits for a sleeper before it says that none came. */
const ROUNDS_MAX = 100_000;

interface Sleeper {
  readonly deadlineMs: number;
  readonly serial: number;
  readonly wake: () => void;
}

/** `Clock` whose time stands still until the test moves it. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #serial = 0;
  readonly #originMs: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param originMs what `epochMs()` tells at the beginning. Default 2026-01-01T00:00:00Z. */
  constructor(originMs: number = Date.UTC(2026, 0, 1)) {
    this.#originMs = originMs;
  }

  now(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#originMs + this.#nowMs;
  }

  /** Those who sleep now: a test that ends with sleepers has leaked a timer. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Milliseconds until the next sleeper wakes, or null. */
  get nextWakeMs(): number | null {
    const next = this.#next();
    return next ? next.deadlineMs - this.#nowMs : null;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const sleeper = { deadlineMs: this.#nowMs + ms, serial: this.#serial++, wake };
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Moves time on by `ms`, waking who is due in order; what they start and await runs before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(); next && next.deadlineMs <= untilMs; next = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, next.deadlineMs);
      this.#sleepers.delete(next);
      next.wake();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** Waits, without moving time, until `count` sleepers wait; for work that does real input and output first. */
  async untilSleeping(count = 1): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (this.#sleepers.size >= count) return;
      await settle();
    }
    throw new Error(`Cannot await ${count} sleepers: ${this.#sleepers.size} after ${ROUNDS_MAX} rounds`);
  }

  #next(): Sleeper | null {
    let first: Sleeper | null = null;
    for (const sleeper of this.#sleepers) {
      const earlier = first === null || sleeper.deadlineMs < first.deadlineMs ||
        (sleeper.deadlineMs === first.deadlineMs && sleeper.serial < first.serial);
      if (earlier) first = sleeper;
    }
    return first;
  }
}

/** One turn of the event loop: promises settle and ready input is read. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
