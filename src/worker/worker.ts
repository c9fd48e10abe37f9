/**
 * One inference worker: identity, load, health. Measuring load is not choosing: `policy/` chooses.
 *
 * @module
 */

/** Role of a worker: `prefill` and `decode` serve PD-disaggregated engines. */
export type WorkerType = "regular" | "prefill" | "decode";

/** What a policy may see of a worker. */
export interface WorkerView {
  readonly id: string;
  /** Normalised: http or https, no trailing slash. */
  readonly url: string;
  readonly type: WorkerType;
  /** Requests begun and not yet released. */
  readonly inFlight: number;
  readonly isHealthy: boolean;
}

/** Holds one in-flight request of a worker; released exactly once, however the request ends. */
export interface WorkerLease extends Disposable {
  readonly worker: WorkerView;
}
