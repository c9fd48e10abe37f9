/**
 * The contract of load-balancing policies. A policy is a pure decision: it sees candidates and the request, and says
 * which worker and why; `proxy/` acts on it.
 *
 * @module
 */
import type { WorkerView } from "../worker/worker.ts";

/** What a policy may know of a request. Filled only as far as `needs` asks. */
export interface RoutingRequest {
  readonly requestId: string;
  /** Session-affinity key from the client's headers, or null. */
  readonly routingKey: string | null;
}

/** A choice with its reason, for logs and metrics. */
export interface Decision<W extends WorkerView = WorkerView> {
  readonly worker: W;
  /** One of the policy's `reasons`: it is a metric label. */
  readonly reason: string;
}

/** Chooses among candidates. */
export interface Policy {
  readonly name: string;
  /** Every reason that a decision may give: few, fixed, in snake case. */
  readonly reasons: readonly string[];
  /** What must be looked up before `select`: round-robin costs no look-up. */
  readonly needs: "nothing" | "prefix";
  /**
   * Chooses one of `candidates`, which it neither changes nor keeps.
   *
   * @param candidates healthy workers not yet tried by this request, in order of registration; at least one
   * @throws RangeError when `candidates` is empty
   */
  select<W extends WorkerView>(candidates: readonly W[], request: RoutingRequest): Decision<W>;
}
