/**
 * Least load: the candidate with the fewest requests in flight; equals take turns, so that an idle fleet is used evenly.
 *
 * @module
 */
import type { Random } from "../types.ts";
import type { WorkerView } from "../worker/worker.ts";
import { assertCandidates } from "./candidates.ts";
import type { Decision, Policy } from "./policy.ts";
import { Rotation } from "./rotation.ts";

/** Makes the `least_load` policy. One pass over the candidates a decision, no allocation but the decision. */
export function leastLoad({ random }: { random: Random }): Policy {
  const rotation = new Rotation(random);
  return {
    name: "least_load",
    reasons: ["fewest_in_flight", "tie_in_turn", "only_candidate"],
    needs: "nothing",
    select<W extends WorkerView>(candidates: readonly W[]): Decision<W> {
      assertCandidates("least_load", candidates);
      const decision = leastLoaded(candidates, rotation.after(candidates));
      rotation.turned(decision.worker);
      return decision;
    },
  };
}

/** The least loaded candidate; among equals the first one registered after number `order`, else the first of all. */
function leastLoaded<W extends WorkerView>(candidates: readonly W[], order: number): Decision<W> {
  let best = candidates[0]!;
  let bestLoad = best.inFlight;
  let ties = 1;
  for (let index = 1; index < candidates.length; index++) {
    const candidate = candidates[index]!;
    const load = candidate.inFlight;
    if (load > bestLoad) continue;
    if (load < bestLoad) {
      best = candidate;
      bestLoad = load;
      ties = 1;
      continue;
    }
    ties++;
    if (best.order <= order && candidate.order > order) best = candidate;
  }
  return { worker: best, reason: reasonOf(candidates.length, ties) };
}

function reasonOf(candidates: number, ties: number): string {
  if (candidates === 1) return "only_candidate";
  return ties === 1 ? "fewest_in_flight" : "tie_in_turn";
}
