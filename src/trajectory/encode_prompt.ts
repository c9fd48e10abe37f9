/**
 * Text to ids: what follows a turn's tokens, or a prompt that begins anew.
 *
 * @module
 */
import type { PreparedPrompt } from "../cache/token_cache.ts";
import type { SampledOutput } from "../engine/engine.ts";
import type { PlanParts, TurnPlan } from "./plan.ts";

/** Ids of a text. */
export interface EncodedPrompt {
  readonly ids: Uint32Array;
  /** How many of them were encoded now; the others are stored ones. */
  readonly encodedTokens: number;
  readonly prepared: PreparedPrompt | null;
}

/** Ids of a text that follows other tokens. */
export async function encodeContinuation(
  { tokenizer }: PlanParts,
  text: string,
  signal?: AbortSignal,
): Promise<EncodedPrompt> {
  if (text === "") return { ids: new Uint32Array(), encodedTokens: 0, prepared: null };
  const ids = await tokenizer.encodeAsync(text, { continuation: true, ...(signal ? { signal } : {}) });
  return { ids, encodedTokens: ids.length, prepared: null };
}

/** Ids of a whole prompt: stored ones as far as the cache may lend them, only samples of this session among them. */
export async function encodeWhole(
  { tokenizer, cache }: PlanParts,
  text: string,
  scope: string,
  signal?: AbortSignal,
): Promise<EncodedPrompt> {
  if (cache === undefined) {
    const ids = await tokenizer.encodeAsync(text, signal ? { signal } : {});
    return { ids, encodedTokens: ids.length, prepared: null };
  }
  const prepared = await cache.prepareText(text, scope, signal && { signal });
  try {
    return { ids: cache.idsOf(prepared), encodedTokens: prepared.restIds.length, prepared };
  } catch (error) {
    cache.release(prepared);
    throw error;
  }
}

/**
 * Ends the loan of a plan's tokens: with an output the prompt and the output are stored for later prompts, without one they are
 * only released. Harmless for plans without a loan.
 */
export async function settlePrompt(
  { cache }: PlanParts,
  { prepared }: Pick<TurnPlan, "prepared">,
  output: SampledOutput | null,
): Promise<void> {
  if (cache === undefined || prepared === null) return;
  try {
    if (output !== null) await cache.commit(prepared, output);
  } finally {
    cache.release(prepared);
  }
}
