/**
 * The contract of engine adapters: how a worker's wire format is written and read. An adapter is pure: bytes in, values
 * out; who sends them is `proxy/`'s business.
 *
 * @module
 */
import type { WeightVersion } from "../types.ts";

/** Why a generation ended. */
export interface FinishReason {
  readonly type: "stop" | "length" | "abort" | string;
  /** Token id or string that stopped it. */
  readonly matched?: number | string;
  readonly message?: string;
  /** Only on aborts that are errors; a pause has none. */
  readonly statusCode?: number;
}

/** A token that could have been sampled, and how likely it was; by its text where the engine tells no more of it. */
export type TopLogprob =
  | { readonly tokenId: number; readonly logprob: number }
  | { readonly text: string; readonly logprob: number };

/** What one reply sampled, as the engine told it. `null` where it told nothing. */
export interface SampledOutput {
  readonly text: string | null;
  readonly tokenIds: Uint32Array;
  /** One a token; NaN where the engine gave none. */
  readonly logprobs: Float64Array;
  /** One list a token, likeliest first; absent when none were asked for or told. */
  readonly topLogprobs?: readonly (readonly TopLogprob[])[];
  readonly finishReason: FinishReason | null;
  /** Runs of (tokens, version) that partition the ids; empty when the engine told no version. */
  readonly versions: readonly { readonly tokens: number; readonly version: WeightVersion | null }[];
  /** Prompt tokens that the engine counted, or null. */
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly cachedTokens: number | null;
  /** Ids, logprobs and counts that contradict one another, in words; null when they agree. */
  readonly inconsistency: string | null;
}
