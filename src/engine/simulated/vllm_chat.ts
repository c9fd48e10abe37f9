/**
 * vLLM's `/v1/chat/completions`, as far as ids go: no tool calls, no reasoning.
 *
 * @module
 */
import type { JsonObject } from "../../types.ts";
import { toGenerateBody } from "./chat_endpoint.ts";
import type { ReplyFormat } from "./generate_endpoint.ts";
import type { ChatRenderer } from "./options.ts";
import type { WireReply } from "./reply.ts";
import { chatLogprobs, ending, idsOf, usageOf, vllmErrorBody, type VllmStamp } from "./vllm_reply.ts";
import { readLogprobs, replyOptions, type VllmReplyOptions, type VllmRequest } from "./vllm_request.ts";

/** Reads a chat request; without a limit the context is the limit. */
export function readChat(
  body: JsonObject,
  template: ChatRenderer | null,
  contextLength: number,
): VllmRequest {
  const logprobs = body["logprobs"] === true ? readLogprobs(body["top_logprobs"] ?? 0) : null;
  const base = toGenerateBody({ ...body, rid: body["request_id"] ?? null, logprobs: true }, template);
  const sampling = base["sampling_params"] as JsonObject;
  return {
    generate: {
      ...base,
      sampling_params: { ...sampling, max_new_tokens: sampling["max_new_tokens"] ?? contextLength },
      top_logprobs_num: logprobs ?? 0,
    },
    reply: replyOptions(body, logprobs),
  };
}

/** The form of replies. Prompt ids stand at the top of a reply, and of the first chunk. */
export function chatFormat(
  stamp: VllmStamp,
  options: VllmReplyOptions,
  promptIds: readonly number[],
): ReplyFormat {
  const object = "chat.completion.chunk";
  const { returnTokenIds } = options;
  const logprobsOf = (reply: WireReply) =>
    options.logprobs === null ? null : chatLogprobs(reply, options.logprobs, options.tokensAsIds);
  return {
    whole: (replies) => ({
      ...stamp,
      object: "chat.completion",
      choices: replies.map((reply, index) => ({
        index,
        message: { role: "assistant", content: reply.text, reasoning: null, tool_calls: [] },
        logprobs: logprobsOf(reply),
        ...ending(reply),
        token_ids: returnTokenIds ? idsOf(reply) : null,
      })),
      usage: usageOf(replies),
      prompt_token_ids: returnTokenIds ? promptIds : null,
    }),
    frames: (reply, isFirst) => {
      const index = reply.index ?? 0;
      const first = {
        ...stamp,
        object,
        choices: [{ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }],
        prompt_token_ids: returnTokenIds ? promptIds : null,
      };
      const choice = {
        index,
        delta: { content: reply.text },
        logprobs: logprobsOf(reply),
        ...ending(reply),
        token_ids: returnTokenIds ? idsOf(reply) : null,
      };
      return [...(isFirst ? [first] : []), { ...stamp, object, choices: [choice] }];
    },
    closing: (replies) =>
      options.includeUsage ? [{ ...stamp, object, choices: [], usage: usageOf(replies) }] : [],
    failure: vllmErrorBody,
    incremental: true,
  };
}
