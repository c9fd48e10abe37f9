/**
 * What all policies ask of their candidates.
 *
 * @module
 */
import type { WorkerView } from "../worker/worker.ts";

/** @throws RangeError when there is no candidate: the caller answers 503 before it asks a policy */
export function assertCandidates(policy: string, candidates: readonly WorkerView[]): void {
  if (candidates.length === 0) throw new RangeError(`Cannot select a worker by ${policy}: no candidates`);
}
