/**
 * SGLang's `output_top_logprobs`: for each token a list of `[logprob, token id, text]`, or null.
 *
 * @module
 */
import type { JsonValue } from "../types.ts";
import type { TopLogprob } from "./engine.ts";
import { asTokenId, brief } from "./json_fields.ts";
import { likeliest } from "./top_logprobs.ts";

/**
 * The lists of the tokens from `from` up to, not including, `to`, each cut to `countMax`, likeliest first.
 *
 * @returns null when there is no list for each of them
 * @throws {Error} when a list tells what is no token id
 */
export function parseTopLogprobs(
  value: JsonValue | undefined,
  from: number,
  to: number,
  countMax: number,
): (readonly TopLogprob[])[] | null {
  if (!Array.isArray(value) || value.length < to) return null;
  return value.slice(from, to).map((list, index) =>
    likeliest(list === null ? [] : pairsOf(list, from + index), countMax)
  );
}

/** Pairs of a list; of those that have no number nobody knows how likely they are. */
function pairsOf(list: JsonValue, at: number): TopLogprob[] {
  if (!Array.isArray(list)) {
    throw new Error(`output_top_logprobs has no list at ${at}, received ${brief(list)}`);
  }
  return list.flatMap((triple) => {
    const [logprob, id] = Array.isArray(triple) ? triple : [];
    const tokenId = asTokenId(id);
    if (tokenId === null) {
      throw new Error(`output_top_logprobs tells no token id at token ${at}, received ${brief(triple)}`);
    }
    return typeof logprob === "number" ? [{ tokenId, logprob }] : [];
  });
}
