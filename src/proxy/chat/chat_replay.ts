/**
 * A turn that was recorded before, told again: the same request came with the same idempotency key.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Turn } from "../../trajectory/turn.ts";
import type { JsonObject } from "../../types.ts";
import { ChunkWriter, DONE_FRAME, sseFrame } from "./chat_chunks.ts";
import { type CompletionParts, type ReplyChoice, usageOf } from "./chat_reply.ts";
import type { ChatTurn } from "./chat_turn.ts";
import { logprobEntries } from "./logprob_entries.ts";

/** The whole reply of a recorded turn. */
export function replayed(turn: ChatTurn, recorded: Turn, tokenizer: Tokenizer): CompletionParts {
  return {
    stamp: turn.stamp,
    choices: [replayedChoice(recorded, turn.request.logprobs ? tokenizer : null)],
    usage: replayedUsage(turn, recorded),
    note: turn.note([recorded]),
    promptIds: turn.promptIdsToTell,
  };
}

/** The frames of a recorded turn's reply. */
export function replayedFrames(
  turn: ChatTurn,
  recorded: Turn,
  tokenizer: Tokenizer,
): Uint8Array<ArrayBuffer>[] {
  const { stamp, promptIdsToTell: promptIds, request } = turn;
  const writer = new ChunkWriter({ stamp, promptIds, includeUsage: request.includeUsage });
  const { message, finishReason, tokenIds, logprobs } = replayedChoice(
    recorded,
    request.logprobs ? tokenizer : null,
  );
  return [
    ...writer.message(message, { index: 0, events: [], tokenIds, logprobs }),
    writer.finish(0, finishReason, turn.note([recorded])),
    ...(request.includeUsage ? [writer.usage(replayedUsage(turn, recorded))] : []),
  ].map(sseFrame).concat(DONE_FRAME);
}

/** @param tokenizer null: no log-probabilities are told */
function replayedChoice(recorded: Turn, tokenizer: Tokenizer | null): ReplyChoice {
  const { reply: message, outputIds: tokenIds, logprobs } = recorded;
  const delta = { index: 0, tokenIds, logprobs, topLogprobs: null, text: null, finishReason: null };
  return {
    index: 0,
    message,
    finishReason: finishReasonOf(recorded),
    tokenIds,
    logprobs: tokenizer === null ? null : logprobEntries(tokenizer, delta),
  };
}

function finishReasonOf({ status, reply }: Turn): string {
  if (status !== "completed") return status === "truncated" ? "length" : "abort";
  return Array.isArray(reply.tool_calls) ? "tool_calls" : "stop";
}

function replayedUsage({ plan }: ChatTurn, { outputIds }: Turn): JsonObject {
  return usageOf(plan.fullIds.length, [{ tokenIds: outputIds, cachedTokens: null }]);
}
