/**
 * The reply of `/retrieve_*`: four numbers a token, written without ever holding the event loop for long.
 *
 * @module
 */
import type { RetrievedTokens } from "../cache/token_cache.ts";
import { NO_VERSION } from "../trie/token_trie.ts";

/** Tokens written between two turns of the event loop: about a millisecond's worth. */
const TOKENS_PER_TURN = 8 * 1024;

type VersionLabel = (code: number) => string | undefined;

/**
 * `{tokens, response, loss_mask, token_length, loss_mask_length, rollout_logp, generation_versions, matched_length, …}`.
 *
 * A token behind the match has loss mask 0, logprob 0.0 and version -1. A sampled token whose logprob or version the
 * engine did not tell has `null`: nothing is invented.
 */
export function retrieveReply(text: string, found: RetrievedTokens, versionLabel: VersionLabel): Response {
  const { match, restIds } = found;
  const matched = match.tokenIds.length;
  const length = matched + restIds.length;
  const columns: [string, (i: number) => string][] = [
    ["tokens", (i) => String(i < matched ? match.tokenIds[i] : restIds[i - matched])],
    ["loss_mask", (i) => i < matched ? String(match.lossMask[i]) : "0"],
    ["rollout_logp", (i) => i < matched ? logprobDigits(match.logprobs[i] as number) : "0.0"],
    ["generation_versions", (i) => {
      if (i >= matched) return String(NO_VERSION);
      return versionDigits(match.generationVersions[i] as number, match.lossMask[i] === 1, versionLabel);
    }],
  ];
  const head = `{"response":${JSON.stringify(text)},"token_length":${length},"loss_mask_length":${length},` +
    `"matched_length":${matched},"match_reason":${
      JSON.stringify(match.reason)
    },"candidates":${match.candidates}`;
  const init = { headers: { "Content-Type": "application/json" } };
  if (length <= TOKENS_PER_TURN) return new Response([...pieces(head, columns, length)].join(""), init);
  return new Response(streamOf(pieces(head, columns, length)), init);
}

function* pieces(
  head: string,
  columns: readonly [string, (i: number) => string][],
  length: number,
): Generator<string, void> {
  yield head;
  for (const [name, digits] of columns) {
    yield `,"${name}":[`;
    for (let from = 0; from < length; from += TOKENS_PER_TURN) {
      const to = Math.min(from + TOKENS_PER_TURN, length);
      const values: string[] = [];
      for (let i = from; i < to; i++) values.push(digits(i));
      yield (from > 0 ? "," : "") + values.join(",");
    }
    yield "]";
  }
  yield "}";
}

function streamOf(parts: Iterator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      // A macrotask between pieces lets other requests in.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const { value, done } = parts.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}

// Engines clamp -Infinity to the least float, which JavaScript writes with an exponent: that has no place for ".0".
function logprobDigits(logprob: number): string {
  if (!Number.isFinite(logprob)) return "null";
  const digits = String(logprob);
  return /^-?\d+$/.test(digits) ? `${digits}.0` : digits;
}

function versionDigits(code: number, isSampled: boolean, versionLabel: VersionLabel): string {
  if (code >= 0) return String(code);
  if (code !== NO_VERSION) return JSON.stringify(versionLabel(code) ?? null);
  return isSampled ? "null" : String(NO_VERSION);
}
