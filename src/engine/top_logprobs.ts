/**
 * Likely tokens in one order, whatever the engine's.
 *
 * @module
 */
import type { TopLogprob } from "./engine.ts";

/** The `countMax` likeliest, likeliest first. */
export function likeliest(pairs: readonly TopLogprob[], countMax: number): TopLogprob[] {
  return pairs.toSorted((a, b) => b.logprob - a.logprob).slice(0, countMax);
}
