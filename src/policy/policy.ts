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
export interface Decision {
  readonly worker: WorkerView;
  /** Few words, from a small fixed set: it is a metric label. */
  readonly reason: string;
}

/** Chooses among candidates. */
export interface Policy {
  readonly name: string;
  /** What must be looked up before `select`: round-robin costs no look-up. */
  readonly needs: "nothing" | "prefix";
  /**
   * @param candidates healthy workers not yet tried by this request, in order of registration; at least one
   * @throws RangeError when `candidates` is empty
   */
  select(candidates: readonly WorkerView[], request: RoutingRequest): Decision;
}
