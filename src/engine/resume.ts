/**
 * Going on inside a turn that the engine broke off: prompt and partial ids are the next prompt.
 *
 * @module
 */
import type { TokenRequest } from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";

/**
 * The request that continues `partial`: its ids behind the prompt, `maxTokens` and `minTokens` less what was sampled,
 * everything else, the seed too, as it was. The caller gives it a rid of its own, and joins the outputs with
 * `joinOutputs`.
 *
 * @returns null when nothing is left to sample: `partial` has used up `maxTokens`
 * @throws {RangeError} for more than one sample: each of them would need its own prompt
 * @example
 * ```ts
 * import { resumeRequest } from "./resume.ts";
 * const request = { inputIds: Uint32Array.of(1, 2), sampling: { maxTokens: 8, seed: 7 }, stream: true, rid: "a", extra: {} };
 * const next = resumeRequest(request, { tokenIds: Uint32Array.of(3) }, "a/1");
 * if (next?.inputIds.join() !== "1,2,3" || next.sampling.maxTokens !== 7) throw new Error("one token is spent");
 * ```
 */
export function resumeRequest(
  request: TokenRequest,
  partial: Pick<SampledOutput, "tokenIds">,
  rid: string = request.rid,
): TokenRequest | null {
  const { inputIds, sampling } = request;
  const { n = 1, maxTokens, minTokens } = sampling;
  if (n !== 1) throw new RangeError(`Cannot resume request: it asks for ${n} samples, one can be continued`);
  const spent = partial.tokenIds.length;
  if (maxTokens !== undefined && maxTokens <= spent) return null;
  const ids = new Uint32Array(inputIds.length + spent);
  ids.set(inputIds);
  ids.set(partial.tokenIds, inputIds.length);
  return {
    ...request,
    rid,
    inputIds: ids,
    sampling: {
      ...sampling,
      ...(maxTokens === undefined ? {} : { maxTokens: maxTokens - spent }),
      ...(minTokens === undefined ? {} : { minTokens: Math.max(0, minTokens - spent) }),
    },
  };
}
