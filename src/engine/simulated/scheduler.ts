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

/** Gives turns to generations. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #admitted = new Set<Schedulable>();
  readonly #queue = new Map<Schedulable, () => void>();
  readonly #gate = new Set<() => void>();
  #paused = false;
  #step: Promise<void> | null = null;

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

  /** Every generation, running or waiting. */
  *generations(): Generator<Schedulable> {
    yield* this.#admitted;
    yield* this.#queue.keys();
  }

  /** Takes a generation in; a promise when it has to wait for a place. `leave()` must follow, whatever happens. */
  enter(generation: Schedulable): Promise<void> | undefined {
    if (this.#admitted.size < this.#options.runningMax) {
      this.#admitted.add(generation);
      return undefined;
    }
    return new Promise((resolve) => {
      this.#queue.set(generation, resolve);
      generation.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** The generation is over; the one that waits longest takes its place. */
  leave(generation: Schedulable): void {
    this.#queue.delete(generation);
    if (!this.#admitted.delete(generation)) return;
    const next = this.#queue.entries().next().value;
    if (next === undefined) return;
    const [waiting, admit] = next;
    this.#queue.delete(waiting);
    this.#admitted.add(waiting);
    admit();
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
    for (const generation of [...this.generations()]) {
      if (mode === "abort") generation.abort("Aborted: generation is paused");
      if (mode === "retract" && this.#admitted.has(generation)) generation.retract();
    }
  }

  /** Goes on sampling. */
  resume(): void {
    this.#paused = false;
    for (const open of this.#gate) open();
    this.#gate.clear();
  }

  async #timedTurn(generation: Schedulable): Promise<void> {
    const { latency } = this.#options;
    do {
      await this.#whilePaused(generation);
      if (generation.ended) return;
      if (latency !== null) await this.#compute(generation, latency);
      if (!generation.ended) generation.prefilled();
      // A pause that began meanwhile holds the token back, and may have taken the prefill away again.
    } while (this.#paused && !generation.ended);
  }

  /** Time for one token: the prefill for the first one, a decode step for each other. */
  #compute(generation: Schedulable, latency: LatencyModel): Promise<void> {
    if (generation.prefillTokens === 0) {
      return this.#unlessAborted(generation, this.#step ??= this.#nextStep(latency));
    }
    const ms = prefillMs(latency, generation.prefillTokens);
    return this.#options.clock.sleep(ms, generation.signal).catch(() => {});
  }

  async #whilePaused(generation: Schedulable): Promise<void> {
    while (this.#paused && !generation.ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#gate.add(resolve);
      await this.#unlessAborted(generation, promise);
      this.#gate.delete(resolve);
    }
  }

  /** One decode step, shared by all who run: one timer however large the batch. */
  async #nextStep(latency: LatencyModel): Promise<void> {
    await this.#options.clock.sleep(decodeStepMs(latency, this.#admitted.size));
    this.#step = null;
  }

  async #unlessAborted(generation: Schedulable, awaited: Promise<void>): Promise<void> {
    const { signal } = generation;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const leave = () => resolve();
    signal.addEventListener("abort", leave, { once: true });
    await Promise.race([awaited, promise]);
    signal.removeEventListener("abort", leave);
  }
}
