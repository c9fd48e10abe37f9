/**
 * Replies in OpenAI's shape. Pure.
 *
 * @module
 */
import type { SampledOutput } from "../../engine/engine.ts";
import type { JsonObject } from "../../types.ts";
import type { LogprobEntry } from "./logprob_entries.ts";

/** What names a completion. */
export interface CompletionStamp {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly model: string;
}

/** Where the turn stands in the ledger: the member `slime` of a reply. */
export interface LedgerNote {
  readonly session_id: string;
  /** Of the first choice; null when nothing was recorded. */
  readonly turn_id: string | null;
  /** One a choice. */
  readonly turn_ids: readonly (string | null)[];
  /** Why the turn does not simply continue its conversation. */
  readonly cause: string | null;
  /** What could not be told from the request. */
  readonly ambiguity: string | null;
}

/** One choice, ready to be told. */
export interface ReplyChoice {
  readonly index: number;
  readonly message: JsonObject;
  readonly finishReason: string;
  readonly tokenIds: Uint32Array;
  /** Null when the client did not ask. */
  readonly logprobs: readonly LogprobEntry[] | null;
}

/** Everything that a whole reply tells. */
export interface CompletionParts {
  readonly stamp: CompletionStamp;
  readonly choices: readonly ReplyChoice[];
  readonly usage: JsonObject;
  readonly note: LedgerNote;
  /** Null unless the client asked for ids. */
  readonly promptIds: Uint32Array | null;
}

/** The reply of a request that does not stream. */
export function chatCompletion({ stamp, choices, usage, note, promptIds }: CompletionParts): object {
  return {
    ...stamp,
    object: "chat.completion",
    choices: choices.map(({ index, message, finishReason, tokenIds, logprobs }) => ({
      index,
      message,
      finish_reason: finishReason,
      logprobs: logprobs === null ? null : { content: logprobs, refusal: null },
      ...(promptIds === null ? {} : { token_ids: Array.from(tokenIds) }),
    })),
    usage,
    ...(promptIds === null ? {} : { prompt_token_ids: Array.from(promptIds) }),
    slime: note,
  };
}

/** OpenAI's `usage`. Cached tokens are told when the engine told them. */
export function usageOf(
  promptTokens: number,
  outputs: readonly Pick<SampledOutput, "tokenIds" | "cachedTokens">[],
): JsonObject {
  const completionTokens = outputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const cachedTokens = outputs[0]?.cachedTokens ?? null;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens === null ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}
