/**
 * One inference worker: identity, load, health. Measuring load is not choosing: `policy/` chooses.
 *
 * @module
 */

/** Every role a worker can have. */
export const WORKER_TYPES = ["regular", "prefill", "decode"] as const;

/** Role of a worker: `prefill` and `decode` serve PD-disaggregated engines. */
export type WorkerType = typeof WORKER_TYPES[number];

/** Whether `value` names a worker type; for input that no compiler has seen. */
export function isWorkerType(value: unknown): value is WorkerType {
  return WORKER_TYPES.some((type) => type === value);
}

/** What a policy may see of a worker. */
export interface WorkerView {
  /** Unique for the life of the process, URL-safe; no id is a prefix of another. */
  readonly id: string;
  /** Normalised: http or https, no trailing slash. */
  readonly url: string;
  readonly type: WorkerType;
  /** Number of the registration; candidates stand in ascending order of it, and it is never given twice. */
  readonly order: number;
  /** Requests begun and not yet released. */
  readonly inFlight: number;
  /** The health checker's verdict; true until a check says otherwise. */
  readonly isHealthy: boolean;
}

/**
 * Holds one in-flight request of a worker; released exactly once, however the request ends. Disposing again does
 * nothing: the end of a stream and its cancellation may both come.
 */
export interface WorkerLease extends Disposable {
  readonly worker: WorkerView;
}
