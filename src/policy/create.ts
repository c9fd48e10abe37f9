/**
 * Policies by name. A new policy is one file beside this one and one line below.
 *
 * @module
 */
import type { Random } from "../types.ts";
import { leastLoad } from "./least_load.ts";
import type { Policy } from "./policy.ts";
import { roundRobin } from "./round_robin.ts";

/** What a policy is made with. */
export interface PolicyOptions {
  readonly random: Random;
}

const FACTORIES: Readonly<Record<string, (options: PolicyOptions) => Policy>> = {
  least_load: leastLoad,
  round_robin: roundRobin,
};

/** Names that {@link createPolicy} knows, in alphabetical order. */
export const POLICY_NAMES: readonly string[] = Object.keys(FACTORIES).sort();

/** The policy used unless configured. */
export const POLICY_DEFAULT = "least_load";

/**
 * Makes a policy, with a state of its own.
 *
 * @throws RangeError when there is none of that name; the message lists those there are
 *
 * @example
 * ```ts
 * const policy = createPolicy("least_load", { random: Math.random });
 * const { worker, reason } = policy.select(pool.candidates(), { requestId: "r-1", routingKey: null });
 * ```
 */
export function createPolicy(name: string, options: PolicyOptions): Policy {
  const factory = Object.hasOwn(FACTORIES, name) ? FACTORIES[name] : undefined;
  if (factory === undefined) {
    throw new RangeError(
      `Cannot create policy ${JSON.stringify(name)}: there are ${POLICY_NAMES.join(", ")}`,
    );
  }
  return factory(options);
}
