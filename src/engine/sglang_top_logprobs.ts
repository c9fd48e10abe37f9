/**
 * SGLang's `output_top_logprobs`: for each token a list of `[logprob, token id, text]`, or null.
 *
 * @module
 */
import type { JsonValue } from "../types.ts";
import type { TopLogprob } from "./engine.ts";
import { asTokenId } from "./json_fields.ts";
import { likeliest } from "./top_logprobs.ts";

/**
 * The lists of the tokens from `from` up to, not including, `to`, each cut to `countMax`, likeliest first.
 *
 * @returns null when there is no list for each of them
 */
export function parseTopLogprobs(
  value: JsonValue | undefined,
  from: number,
  to: number,
  countMax: number,
): (readonly TopLogprob[])[] | null {
  if (!Array.isArray(value) || value.length < to) return null;
  return value.slice(from, to).map((list) => likeliest(list === null ? [] : pairsOf(list), countMax));
}

function pairsOf(list: JsonValue): TopLogprob[] {
  const pairs: TopLogprob[] = [];
  for (const triple of Array.isArray(list) ? list : []) {
    const [logprob, id] = Array.isArray(triple) ? triple : [];
    const tokenId = asTokenId(id);
    if (typeof logprob === "number" && tokenId !== null) pairs.push({ tokenId, logprob });
  }
  return pairs;
}
