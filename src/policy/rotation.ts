/**
 * Taking turns over a list that changes between calls: what round-robin is, and how other policies break ties.
 *
 * @module
 */
import type { Random } from "../types.ts";
import type { WorkerView } from "../worker/worker.ts";

/**
 * Remembers whose turn it was by registration number, which is never given twice: workers may come and go between
 * calls, and nobody is skipped or served twice for it.
 */
export class Rotation {
  readonly #random: Random;
  #lastOrder = -1;

  /** @param random places the first turn, so that several routers do not all begin with the same worker */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Registration number after which the next turn comes; for a list of `count` candidates. */
  after<W extends WorkerView>(candidates: readonly W[]): number {
    if (this.#lastOrder >= 0) return this.#lastOrder;
    const first = Math.floor(this.#random() * candidates.length);
    return candidates[first]!.order - 1;
  }

  /** Says that `worker` was chosen. */
  turned(worker: WorkerView): void {
    this.#lastOrder = worker.order;
  }
}
