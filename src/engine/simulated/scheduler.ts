/**
 * Who may sample a token, and when: admission, pausing, prefill and decode time. With no latency model and nothing
 * paused it answers at once, without a promise or a timer.
 *
 * @module
 */
import type { Clock } from "../../types.ts";
import { decodeStepMs, type LatencyModel, prefillMs } from "./latency.ts";

/** How `/pause_generation` treats what runs. */
export type PauseMode = "abort" | "retract" | "in_place";

/** What the scheduler has to know of a generation. */
export interface Schedulable {
  readonly ended: boolean;
  /** Tokens to compute before the next one can be sampled; 0 once that is done. */
  readonly prefillTokens: number;
  /** How often `retract()` was called. */
  readonly retractions: number;
  /** Aborts when the generation is ended from outside. Made on first use. */
  readonly signal: AbortSignal;
  /** Its prefill has been computed. */
  prefilled(): void;
  /** Its cache entries were taken back: all its tokens are to be computed again. */
  retract(): void;
  /** Ends it as aborted. */
  abort(message: string): void;
}

/** What `Scheduler` needs. */
export interface SchedulerOptions {
  readonly clock: Clock;
  /** Null: everything takes no time. */
  readonly latency: LatencyModel | null;
  /** Requests that run at once; others wait. */
  readonly runningMax: number;
}

/** Those who wait for one thing, and how each is woken. */
type Waiters = Map<Schedulable, () => void>;

/** Gives turns to generations. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #admitted = new Set<Schedulable>();
  readonly #queue: Waiters = new Map();
  readonly #held: Waiters = new Map();
  readonly #stepping: Waiters = new Map();
  #paused = false;
  #step: AbortController | null = null;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Generations that run. */
  get running(): number {
    return this.#admitted.size;
  }

  /** Generations that wait for a place. */
  get waiting(): number {
    return this.#queue.size;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Takes a generation in; a promise when it has to wait for a place. `leave()` must follow, whatever happens. */
  enter(generation: Schedulable): Promise<void> | undefined {
    if (this.#admitted.size >= this.#options.runningMax) return waitIn(this.#queue, generation);
    this.#admitted.add(generation);
    return undefined;
  }

  /** The generation is over: it waits for nothing any more, and the one that queues longest takes its place. */
  leave(generation: Schedulable): void {
    for (const waiters of [this.#queue, this.#held, this.#stepping]) wake(waiters, generation);
    // A step that nobody waits for any more leaves no timer behind.
    if (this.#stepping.size === 0) this.#endStep();
    if (!this.#admitted.delete(generation)) return;
    const [next] = this.#queue.keys();
    if (next === undefined) return;
    this.#admitted.add(next);
    wake(this.#queue, next);
  }

  /** Waits until `generation` may sample its next token; undefined when it may at once. Look at `ended` afterwards. */
  turn(generation: Schedulable): Promise<void> | undefined {
    if (!this.#paused && this.#options.latency === null) {
      generation.prefilled();
      return undefined;
    }
    return this.#timedTurn(generation);
  }

  /** Stops sampling. New requests are taken in and wait. */
  pause(mode: PauseMode): void {
    this.#paused = true;
    if (mode === "retract") { for (const generation of this.#admitted) generation.retract(); }
    if (mode !== "abort") return;
    for (const generation of [...this.#queue.keys(), ...this.#admitted]) {
      generation.abort("Aborted: generation is paused");
    }
  }

  /** Goes on sampling. */
  resume(): void {
    this.#paused = false;
    wakeAll(this.#held);
  }

  async #timedTurn(generation: Schedulable): Promise<void> {
    const { latency } = this.#options;
    do {
      while (this.#paused && !generation.ended) await waitIn(this.#held, generation);
      if (generation.ended) return;
      const { retractions } = generation;
      if (latency !== null) await this.#compute(generation, latency);
      // A retraction meanwhile has taken away what was computed; a pause holds the token back.
      if (retractions === generation.retractions) generation.prefilled();
    } while (!generation.ended && (this.#paused || generation.prefillTokens > 0));
  }

  /** Time for one token: the prefill for the first one, a decode step for each other. */
  #compute(generation: Schedulable, latency: LatencyModel): Promise<void> {
    const { clock } = this.#options;
    if (generation.prefillTokens > 0) {
      return clock.sleep(prefillMs(latency, generation.prefillTokens), generation.signal).catch(() => {});
    }
    const turn = waitIn(this.#stepping, generation);
    if (this.#step === null) void this.#runStep(decodeStepMs(latency, this.#admitted.size));
    return turn;
  }

  /** One decode step, shared by all who run: one timer however large the batch. */
  async #runStep(stepMs: number): Promise<void> {
    const step = this.#step = new AbortController();
    await this.#options.clock.sleep(stepMs, step.signal).catch(() => {});
    if (this.#step !== step) return;
    this.#step = null;
    wakeAll(this.#stepping);
  }

  #endStep(): void {
    this.#step?.abort();
    this.#step = null;
  }
}

function waitIn(waiters: Waiters, generation: Schedulable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiters.set(generation, resolve);
  return promise;
}

function wake(waiters: Waiters, generation: Schedulable): void {
  const resolve = waiters.get(generation);
  if (resolve === undefined) return;
  waiters.delete(generation);
  resolve();
}

function wakeAll(waiters: Waiters): void {
  const all = [...waiters.values()];
  waiters.clear();
  for (const resolve of all) resolve();
}
