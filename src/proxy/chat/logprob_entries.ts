/**
 * Log-probabilities in OpenAI's shape, one entry a sampled token.
 *
 * @module
 */
import type { TokenDelta } from "../../engine/adapter.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

const encoder = new TextEncoder();

/** A token and how likely it was. */
interface TokenLogprob {
  /** The token's text; characters that it cuts are U+FFFD. */
  readonly token: string;
  /** Null where the engine told none. */
  readonly logprob: number | null;
  readonly bytes: number[];
}

/** One sampled token. */
export interface LogprobEntry extends TokenLogprob {
  /** Likeliest first. */
  readonly top_logprobs: readonly TokenLogprob[];
}

/** The entries of a delta. */
export function logprobEntries(tokenizer: Tokenizer, delta: TokenDelta): LogprobEntry[] {
  return Array.from(delta.tokenIds, (id, index) => ({
    ...tokenLogprob(tokenizer, id, delta.logprobs[index]!),
    top_logprobs: (delta.topLogprobs?.[index] ?? []).map((likely) =>
      "text" in likely ? textLogprob(likely) : tokenLogprob(tokenizer, likely.tokenId, likely.logprob)
    ),
  }));
}

function textLogprob({ text, logprob }: { text: string; logprob: number }): TokenLogprob {
  return { token: text, logprob, bytes: [...encoder.encode(text)] };
}

function tokenLogprob(tokenizer: Tokenizer, id: number, logprob: number): TokenLogprob {
  const isKnown = tokenizer.byteLength(id) >= 0;
  return {
    token: isKnown ? tokenizer.decode([id]) : "",
    logprob: Number.isFinite(logprob) ? logprob : null,
    bytes: isKnown ? [...tokenizer.decodeBytes([id])] : [],
  };
}
