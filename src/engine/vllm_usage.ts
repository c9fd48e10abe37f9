/**
 * `usage` of vLLM replies, and what it says of the samples.
 *
 * @module
 */
import type { JsonValue } from "../types.ts";
import { asCount, asObject } from "./json_fields.ts";

/** Counts over all samples of a reply; null where none was told. */
export interface VllmUsage {
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly cachedTokens: number | null;
}

/** Reads a `usage` object; all null when it is none. */
export function parseUsage(value: JsonValue | undefined): VllmUsage {
  const usage = asObject(value);
  return {
    promptTokens: asCount(usage?.prompt_tokens),
    completionTokens: asCount(usage?.completion_tokens),
    cachedTokens: asCount(asObject(usage?.prompt_tokens_details)?.cached_tokens),
  };
}

/**
 * What the counts contradict, in words; null when nothing.
 *
 * @param sampledTokens ids of all samples
 * @param promptTokens length of `prompt_token_ids`, or null
 */
export function usageContradiction(
  usage: VllmUsage,
  sampledTokens: number,
  promptTokens: number | null,
): string | null {
  if (usage.completionTokens !== null && usage.completionTokens !== sampledTokens) {
    return `completion_tokens is ${usage.completionTokens}, ids are ${sampledTokens}`;
  }
  if (promptTokens !== null && usage.promptTokens !== null && usage.promptTokens !== promptTokens) {
    return `prompt_tokens is ${usage.promptTokens}, prompt_token_ids are ${promptTokens}`;
  }
  return null;
}
