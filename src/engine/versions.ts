/**
 * Weight versions of engines that do not tell them.
 *
 * @module
 */
import type { WeightVersion } from "../types.ts";
import type { SampledOutput } from "./engine.ts";

/**
 * The output with one version for all its tokens, where the engine told none. What the engine told is kept.
 *
 * @param before the worker's version when the request was sent, or null when unknown
 * @param after the version when the reply was complete; another one than `before` leaves the tokens without a version,
 * since nobody can tell which of them was sampled under which
 */
export function stampVersion(
  output: SampledOutput,
  before: WeightVersion | null,
  after: WeightVersion | null,
): SampledOutput {
  const tokens = output.tokenIds.length;
  if (output.versions.length > 0 || tokens === 0 || before === null || before !== after) return output;
  return { ...output, versions: [{ tokens, version: before }] };
}
