/**
 * Replies as vLLM writes them. No weight version is told anywhere.
 *
 * @module
 */
import type { WireFinishReason } from "./generation.ts";
import type { ReplyFormat } from "./generate_endpoint.ts";
import type { LogprobTriple, WireReply } from "./reply.ts";
import type { VllmReplyOptions } from "./vllm_request.ts";

/** What a reply is stamped with. */
export interface VllmStamp {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** The form of `/inference/v1/generate`. */
export function generateFormat({ id, created, model }: VllmStamp, options: VllmReplyOptions): ReplyFormat {
  const choiceOf = (reply: WireReply, index: number) => ({
    index,
    logprobs: options.logprobs === null ? null : chatLogprobs(reply, options.logprobs, true),
    ...ending(reply),
    token_ids: idsOf(reply),
    routed_experts: null,
  });
  return {
    whole: (replies) => ({
      request_id: id,
      model,
      created,
      choices: replies.map(choiceOf),
      usage: usageOf(replies),
      prompt_logprobs: null,
      kv_transfer_params: null,
    }),
    frames: (reply) => {
      const failed = failureOf(reply);
      if (failed !== null) return [failed];
      // A step without a token is no chunk, also when it is the last one.
      return idsOf(reply).length === 0
        ? []
        : [{ request_id: id, choices: [choiceOf(reply, 0)], usage: null }];
    },
    closing: (replies) =>
      hasUsage(replies, options) ? [{ request_id: id, choices: [], usage: usageOf(replies) }] : [],
    failure: vllmErrorBody,
    incremental: true,
  };
}

/** The form of `/v1/completions`. `promptIds` are told once a choice when ids are asked for. */
export function completionFormat(
  stamp: VllmStamp,
  options: VllmReplyOptions,
  promptIds: readonly number[],
): ReplyFormat {
  const object = "text_completion";
  const choiceOf = (reply: WireReply, index: number, withPrompt: boolean) => ({
    index,
    text: reply.text,
    logprobs: options.logprobs === null ? null : completionLogprobs(reply, options),
    ...ending(reply),
    token_ids: options.returnTokenIds ? idsOf(reply) : null,
    prompt_token_ids: options.returnTokenIds && withPrompt ? promptIds : null,
  });
  return {
    whole: (replies) => ({
      ...stamp,
      object,
      choices: replies.map((reply, index) => choiceOf(reply, index, true)),
      usage: usageOf(replies),
    }),
    frames: (reply, isFirst) => {
      const failed = failureOf(reply);
      if (failed !== null) return [failed];
      // Nothing sampled yet: no chunk, also when it is the last one.
      if (reply.meta_info.completion_tokens === 0) return [];
      return [{ ...stamp, object, choices: [choiceOf(reply, reply.index ?? 0, isFirst)], usage: null }];
    },
    closing: (replies) =>
      hasUsage(replies, options) ? [{ ...stamp, object, choices: [], usage: usageOf(replies) }] : [],
    failure: vllmErrorBody,
    incremental: true,
  };
}

/** The body of an error. */
export function vllmErrorBody(message: string, status: number) {
  const type = status >= 500 ? "InternalServerError" : status === 404 ? "NotFoundError" : "BadRequestError";
  return { error: { message, type, param: null, code: status } };
}

/** Sampled ids of a reply or a part of it. */
export function idsOf({ meta_info }: WireReply): number[] {
  return (meta_info.output_token_logprobs ?? []).map(([, id]) => id);
}

/** Counts over all samples. */
export function usageOf(replies: readonly WireReply[]) {
  const prompt = replies[0]?.meta_info.prompt_tokens ?? 0;
  const completed = replies.reduce((sum, { meta_info }) => sum + meta_info.completion_tokens, 0);
  return {
    prompt_tokens: prompt,
    total_tokens: prompt + completed,
    completion_tokens: completed,
    prompt_tokens_details: { cached_tokens: replies[0]?.meta_info.cached_tokens ?? 0 },
  };
}

/** `finish_reason` and `stop_reason`: null for the engine's own end of sequence, and while running. */
export function ending({ meta_info: { finish_reason: finish } }: WireReply) {
  if (finish === null) return { finish_reason: null, stop_reason: null };
  const isFailure = finish.type === "abort" && finish.status_code !== undefined;
  return {
    finish_reason: isFailure ? "error" : finish.type,
    stop_reason: finish.type === "stop" && typeof finish.matched === "string" ? finish.matched : null,
  };
}

/** Logprobs in chat's form. */
export function chatLogprobs(reply: WireReply, count: number, tokensAsIds: boolean) {
  const tops = reply.meta_info.output_top_logprobs;
  const entryOf = ([logprob, id, text]: LogprobTriple) => {
    const token = tokensAsIds ? `token_id:${id}` : text ?? "";
    return { token, logprob, bytes: tokensAsIds ? null : [...new TextEncoder().encode(token)] };
  };
  return {
    content: (reply.meta_info.output_token_logprobs ?? []).map((triple, at) => ({
      ...entryOf(triple),
      top_logprobs: (tops?.[at] ?? [triple]).slice(0, Math.max(count, 1)).map(entryOf),
    })),
  };
}

function completionLogprobs(reply: WireReply, { tokensAsIds }: VllmReplyOptions) {
  const triples = reply.meta_info.output_token_logprobs ?? [];
  const tops = reply.meta_info.output_top_logprobs;
  const nameOf = ([, id, text]: LogprobTriple) => tokensAsIds ? `token_id:${id}` : text ?? "";
  let offset = 0;
  const text_offset = triples.map((triple) => (offset += nameOf(triple).length) - nameOf(triple).length);
  return {
    text_offset,
    token_logprobs: triples.map(([logprob]) => logprob),
    tokens: triples.map(nameOf),
    top_logprobs: triples.map((triple, at) =>
      Object.fromEntries((tops?.[at] ?? [triple]).map((each) => [nameOf(each), each[0]]))
    ),
  };
}

function hasUsage(replies: readonly WireReply[], { includeUsage }: VllmReplyOptions): boolean {
  return includeUsage && !replies.some((reply) => failureOf(reply) !== null);
}

/** A generation that failed ends its stream with an error frame. */
function failureOf({ meta_info: { finish_reason } }: WireReply): unknown {
  const finish: WireFinishReason | null = finish_reason;
  return finish?.type === "abort" && finish.status_code !== undefined
    ? vllmErrorBody(finish.message, finish.status_code)
    : null;
}
