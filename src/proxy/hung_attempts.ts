/**
 * Attempts that wait for the first byte of a worker that hangs: it takes connections and answers nothing.
 *
 * Only health checks can tell such a worker from one that is at work: a reply may rightly take minutes. Once they have
 * taken it out, and it gave its last probe no answer at all, the requests that wait for it are asked of another worker,
 * as after a lost connection. A worker that does answer, be it that it is not well, is left to finish; so is one that
 * nobody can stand in for, until somebody can.
 *
 * @module
 */
import type { WorkerPool } from "../worker/pool.ts";
import type { WorkerState } from "../worker/worker_state.ts";

/** Why an attempt was given up. */
export class WorkerHungError extends Error {
  override readonly name = "WorkerHungError";
  constructor({ url }: WorkerState) {
    super(`Cannot wait for ${url}: no byte of a reply came, and its health checks get no answer`);
  }
}

interface Waiting {
  readonly attempt: AbortController;
  readonly canGoElsewhere: () => boolean;
}

/** The attempts of one router that no byte has answered. */
export class HungAttempts {
  readonly #waiting = new Map<WorkerState, Set<Waiting>>();

  /** @param isEnabled `--no-retry-hung`: false gives nothing up */
  constructor(pool: WorkerPool, isEnabled: boolean) {
    // Each change may be what was missing: the worker fell silent, or another one came.
    if (isEnabled) pool.subscribe(() => this.#review());
  }

  /**
   * The worker was asked. When it hangs and `canGoElsewhere`, `attempt` aborts with a {@link WorkerHungError}.
   *
   * @returns ends the watch: a byte came, or the attempt is over
   */
  watch(worker: WorkerState, attempt: AbortController, canGoElsewhere: () => boolean): () => void {
    const waiting: Waiting = { attempt, canGoElsewhere };
    const all = this.#waiting.get(worker) ?? new Set();
    this.#waiting.set(worker, all.add(waiting));
    return () => {
      all.delete(waiting);
      if (all.size === 0 && this.#waiting.get(worker) === all) this.#waiting.delete(worker);
    };
  }

  #review(): void {
    for (const [worker, all] of this.#waiting) {
      if (!worker.isSilent) continue;
      for (const { attempt, canGoElsewhere } of all) {
        if (canGoElsewhere()) attempt.abort(new WorkerHungError(worker));
      }
    }
  }
}
