/**
 * A turn that was recorded before, told again: the same request came with the same idempotency key.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { withoutOpening } from "../../trajectory/opening.ts";
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
    choices: [replayedChoice(turn, recorded, tokenizer)],
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
  const { message, finishReason, tokenIds, logprobs } = replayedChoice(turn, recorded, tokenizer);
  return [
    ...writer.message(message, { index: 0, events: [], tokenIds, logprobs }),
    writer.finish(0, finishReason, turn.note([recorded])),
    ...(request.includeUsage ? [writer.usage(replayedUsage(turn, recorded))] : []),
  ].map(sseFrame).concat(DONE_FRAME);
}

function replayedChoice(
  { request: { logprobs: tellsLogprobs, toolChoice }, plan: { opening } }: ChatTurn,
  recorded: Turn,
  tokenizer: Tokenizer,
): ReplyChoice {
  const { reply, outputIds: tokenIds, logprobs } = recorded;
  const message = opening === null ? reply : withoutOpening(opening.message, reply);
  const delta = { index: 0, tokenIds, logprobs, topLogprobs: null, text: null, finishReason: null };
  return {
    index: 0,
    message,
    finishReason: finishReasonOf(recorded, toolChoice.kind === "named"),
    tokenIds,
    logprobs: tellsLogprobs ? logprobEntries(tokenizer, delta) : null,
  };
}

function finishReasonOf({ status, reply }: Turn, isCallNamed: boolean): string {
  if (status !== "completed") return status === "truncated" ? "length" : "abort";
  return Array.isArray(reply.tool_calls) && !isCallNamed ? "tool_calls" : "stop";
}

function replayedUsage({ plan }: ChatTurn, { outputIds }: Turn): JsonObject {
  return usageOf(plan.fullIds.length, [{ tokenIds: outputIds, cachedTokens: null }]);
}
