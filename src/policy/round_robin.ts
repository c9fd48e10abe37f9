/**
 * Round robin: each candidate in turn, whatever its load.
 *
 * @module
 */
import type { Random } from "../types.ts";
import type { WorkerView } from "../worker/worker.ts";
import type { Decision, Policy } from "./policy.ts";
import { assertCandidates } from "./candidates.ts";
import { Rotation } from "./rotation.ts";

/** Makes the `round_robin` policy. O(log n) a decision. */
export function roundRobin({ random }: { random: Random }): Policy {
  const rotation = new Rotation(random);
  return {
    name: "round_robin",
    reasons: ["next_in_turn", "only_candidate"],
    needs: "nothing",
    select<W extends WorkerView>(candidates: readonly W[]): Decision<W> {
      assertCandidates("round_robin", candidates);
      const worker = candidates[firstAfter(candidates, rotation.after(candidates))] ?? candidates[0]!;
      rotation.turned(worker);
      return { worker, reason: candidates.length === 1 ? "only_candidate" : "next_in_turn" };
    },
  };
}

/** Index of the first candidate registered after number `order`; the length when there is none. */
function firstAfter(candidates: readonly WorkerView[], order: number): number {
  let low = 0;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (candidates[middle]!.order > order) high = middle;
    else low = middle + 1;
  }
  return low;
}
