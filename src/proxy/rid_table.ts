/**
 * Which worker has which request, by the client's request id.
 *
 * @module
 */
import type { WorkerState } from "../worker/worker_state.ts";

/** One generation in flight. */
export interface RidEntry {
  readonly rid: string;
  /** The worker that has it now; null between two attempts. */
  worker: WorkerState | null;
  /** The client asked to abort it: an aborted reply is then final. */
  isAbortRequested: boolean;
  /** Called when the client asks; set by who waits. */
  onAbortRequested: (() => void) | null;
}

/** Generations in flight that have an id. Bounded by the requests in flight. */
export class RidTable {
  readonly #entries = new Set<RidEntry>();

  /** Registers a generation until {@link remove}. A request without id is registered too: `abort_all` means it. */
  add(rid: string | null): RidEntry {
    const entry: RidEntry = { rid: rid ?? "", worker: null, isAbortRequested: false, onAbortRequested: null };
    this.#entries.add(entry);
    return entry;
  }

  remove(entry: RidEntry): void {
    this.#entries.delete(entry);
  }

  /** Generations in flight. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Marks generations whose id begins with `rid` (as engines match) as aborted by the client; null marks all.
   *
   * @returns the workers that have them
   */
  requestAbort(rid: string | null): Set<WorkerState> {
    const workers = new Set<WorkerState>();
    for (const entry of this.#entries) {
      if (rid !== null && (entry.rid === "" || !entry.rid.startsWith(rid))) continue;
      entry.isAbortRequested = true;
      entry.onAbortRequested?.();
      if (entry.worker !== null) workers.add(entry.worker);
    }
    return workers;
  }
}
