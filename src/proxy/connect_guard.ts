/**
 * Bounds the time that connecting to a worker may take.
 *
 * `fetch` has one time-out for connecting and for the whole reply, and a reply may rightly take minutes. A worker that
 * has been silent is therefore first asked for a bare connection, which must stand in time; one that delivered bytes a
 * moment ago is not.
 *
 * @module
 */
import { untilAborted } from "../sync/until_aborted.ts";
import type { Clock } from "../types.ts";
import type { WorkerState } from "../worker/worker_state.ts";

/** A worker that delivered bytes within this time is taken to be reachable. */
export const REACHABLE_FOR_MS = 5_000;

/** Opens a connection and closes it again; rejects when it does not stand before the signal aborts. */
export type Connect = (host: string, port: number, signal: AbortSignal) => Promise<void>;

/** Settings of a {@link ConnectGuard}. */
export interface ConnectGuardOptions {
  /** null: no check. */
  readonly connect: Connect | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Checks silent workers; concurrent checks of one worker share a connection. */
export class ConnectGuard {
  readonly #connect: Connect | null;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #checks = new Map<string, Promise<void>>();
  readonly #connectedMs = new WeakMap<WorkerState, number>();

  constructor({ connect, timeoutMs, clock }: ConnectGuardOptions) {
    this.#connect = connect;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Whether the worker has been silent, so that {@link check} would ask it. */
  isDue(worker: WorkerState): boolean {
    if (this.#connect === null || this.#timeoutMs === 0) return false;
    const lastMs = Math.max(worker.lastActivityMs ?? -Infinity, this.#connectedMs.get(worker) ?? -Infinity);
    return this.#clock.now() - lastMs >= REACHABLE_FOR_MS;
  }

  /**
   * Resolves when the worker is reachable.
   *
   * @param signal ends this wait; the check goes on for those who share it
   * @throws Error when a connection does not stand in time; the signal's reason
   */
  async check(worker: WorkerState, signal: AbortSignal): Promise<void> {
    if (this.#connect === null || !this.isDue(worker)) return;
    let check = this.#checks.get(worker.id);
    if (check === undefined) {
      check = this.#open(worker, this.#connect).finally(() => this.#checks.delete(worker.id));
      this.#checks.set(worker.id, check);
    }
    await untilAborted(check, signal);
  }

  async #open(worker: WorkerState, connect: Connect): Promise<void> {
    const { hostname, port, protocol } = new URL(worker.url);
    const host = hostname.replace(/^\[|\]$/g, "");
    const timeUp = new AbortController();
    const connected = new AbortController();
    const timer = this.#clock.sleep(this.#timeoutMs, connected.signal).then(
      () =>
        timeUp.abort(
          new Error(`Cannot connect to ${worker.url}: no connection within ${this.#timeoutMs} ms`),
        ),
      () => {},
    );
    try {
      const attempt = connect(host, Number(port) || (protocol === "https:" ? 443 : 80), timeUp.signal);
      await untilAborted(attempt, timeUp.signal);
      this.#connectedMs.set(worker, this.#clock.now());
    } finally {
      connected.abort();
      await timer;
    }
  }
}
