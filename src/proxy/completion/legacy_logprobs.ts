/**
 * Log-probabilities in the shape of OpenAI's text completions: four lists of one entry a token.
 *
 * @module
 */
import type { LogprobEntry } from "../chat/logprob_entries.ts";

/** OpenAI's `logprobs` of a completion's choice. */
export interface LegacyLogprobs {
  /** A token that is no whole text is written by its bytes: `bytes:\xf0\x9f`. */
  tokens: string[];
  token_logprobs: (number | null)[];
  /** The likeliest, and the sampled one. */
  top_logprobs: Record<string, number | null>[];
  /** Where each token's text begins in the choice's text, in code points, as vLLM counts. */
  text_offset: number[];
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes the lists of one choice, piece by piece. */
export class LegacyLogprobWriter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #offset = 0;

  /** @param isText which of the entries are text; special tokens that are left out are not */
  write(entries: readonly LogprobEntry[], isText: (index: number) => boolean): LegacyLogprobs {
    const lists: LegacyLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    entries.forEach((entry, index) => {
      const name = nameOf(entry);
      lists.tokens.push(name);
      lists.token_logprobs.push(entry.logprob);
      lists.top_logprobs.push(topOf(entry, name));
      lists.text_offset.push(this.#offset);
      if (isText(index)) this.#advance(entry.bytes);
    });
    return lists;
  }

  #advance(bytes: readonly number[]): void {
    for (const _ of this.#decoder.decode(Uint8Array.from(bytes), { stream: true })) this.#offset++;
  }
}

/** Names can coincide: the likelier token keeps it. */
function topOf(
  { logprob, top_logprobs: likeliest }: LogprobEntry,
  name: string,
): Record<string, number | null> {
  const top: Record<string, number | null> = Object.create(null);
  for (const entry of likeliest) top[nameOf(entry)] ??= entry.logprob;
  top[name] ??= logprob;
  return top;
}

function nameOf({ token, bytes }: Pick<LogprobEntry, "token" | "bytes">): string {
  try {
    strict.decode(Uint8Array.from(bytes));
    return token;
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
}
