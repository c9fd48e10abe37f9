/**
 * How long things take on the simulated hardware.
 *
 * @module
 */

/** The latency model. All of it is per engine. */
export interface LatencyModel {
  /** Prompt tokens a second, cached ones not counted. */
  readonly prefillTokensPerSecond: number;
  /** Milliseconds for one token of a request that runs alone. */
  readonly decodeMsPerToken: number;
  /** What each further running request adds to a decode step, as a share of it. */
  readonly batchSlowdown: number;
}

/** A mid-size model on one accelerator. */
export const DEFAULT_LATENCY: LatencyModel = {
  prefillTokensPerSecond: 20_000,
  decodeMsPerToken: 12,
  batchSlowdown: 0.01,
};

/** Milliseconds to prefill `tokens` uncached tokens. */
export function prefillMs(latency: LatencyModel, tokens: number): number {
  return (tokens / latency.prefillTokensPerSecond) * 1_000;
}

/** Milliseconds of one decode step with `running` requests in the batch. */
export function decodeStepMs(latency: LatencyModel, running: number): number {
  return latency.decodeMsPerToken * (1 + latency.batchSlowdown * Math.max(0, running - 1));
}
