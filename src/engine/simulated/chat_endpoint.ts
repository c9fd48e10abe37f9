/**
 * `/v1/chat/completions`, plain and streamed: enough of OpenAI's form to stand behind a proxy.
 *
 * @module
 */
import { BadRequestError } from "../../errors.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import type { EngineCore } from "./core.ts";
import type { DrawnFaults } from "./faults.ts";
import { answer, requestContext } from "./generate_endpoint.ts";
import { brief } from "../json_fields.ts";
import { readGenerateRequest } from "./generate_request.ts";
import type { ChatRenderer } from "./options.ts";
import type { WireReply } from "./reply.ts";

/** OpenAI's names of `sampling_params`, where they are the same. */
const SAMPLING_FIELDS = [
  "temperature",
  "n",
  "stop",
  "seed",
  "stop_token_ids",
  "ignore_eos",
  "min_new_tokens",
  "skip_special_tokens",
  "no_stop_trim",
];

/** What a completion is stamped with. */
interface Stamp {
  readonly id: string;
  readonly created: number;
  readonly model: JsonValue;
}

/** Answers `/v1/chat/completions`. */
export async function chatCompletions(
  core: EngineCore,
  template: ChatRenderer | null,
  body: JsonObject,
  request: Request,
  faults: DrawnFaults,
): Promise<Response> {
  const parsed = await readGenerateRequest(toGenerateBody(body, template), requestContext(core));
  const stamp: Stamp = {
    id: `chatcmpl-${parsed.items[0]!.rid}`,
    created: Math.floor(core.clock.epochMs() / 1_000),
    model: body["model"] ?? core.options.modelPath,
  };
  return answer(core, parsed, request, faults, {
    whole: (replies) => completion(stamp, replies, body["logprobs"] === true, core),
    frames: (reply, isFirst) => chunks(stamp, reply, isFirst),
    incremental: true,
  });
}

/** A chat request as the `/generate` request that it comes to. */
export function toGenerateBody(body: JsonObject, template: ChatRenderer | null): JsonObject {
  const sampling: JsonObject = {};
  for (const field of SAMPLING_FIELDS) if (body[field] !== undefined) sampling[field] = body[field];
  const maxNewTokens = body["max_completion_tokens"] ?? body["max_tokens"] ?? null;
  if (maxNewTokens !== null) sampling["max_new_tokens"] = maxNewTokens;
  return {
    ...promptOf(body, template),
    sampling_params: sampling,
    stream: body["stream"] ?? false,
    rid: body["rid"] ?? null,
    return_logprob: body["logprobs"] ?? false,
    return_text_in_logprobs: true,
  };
}

/** `input_ids` go before the messages, as in SGLang: they are the rendered prompt already. */
function promptOf(body: JsonObject, template: ChatRenderer | null): JsonObject {
  if (body["input_ids"] !== undefined && body["input_ids"] !== null) return { input_ids: body["input_ids"] };
  const { messages, tools } = body;
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new BadRequestError(`Cannot complete chat: messages must be a list, received ${brief(messages)}`);
  }
  if (template === null) {
    throw new BadRequestError("Cannot complete chat: the tokenizer has no chat template");
  }
  const kwargs = body["chat_template_kwargs"];
  return {
    text: template.render({
      messages,
      add_generation_prompt: true,
      ...(Array.isArray(tools) ? { tools } : {}),
      ...(typeof kwargs === "object" && !Array.isArray(kwargs) ? kwargs : {}),
    }),
  };
}

function completion(stamp: Stamp, replies: readonly WireReply[], withLogprobs: boolean, core: EngineCore) {
  return {
    ...stamp,
    object: "chat.completion",
    choices: replies.map((reply, index) => ({
      index,
      message: { role: "assistant", content: reply.text, reasoning_content: null, tool_calls: null },
      logprobs: withLogprobs ? logprobs(reply) : null,
      ...ending(reply),
    })),
    usage: usage(replies),
    metadata: { weight_version: core.weightVersion },
  };
}

function chunks(stamp: Stamp, reply: WireReply, isFirst: boolean): unknown[] {
  const index = reply.index ?? 0;
  const chunk = (delta: JsonObject, end: object = { finish_reason: null, matched_stop: null }) => ({
    ...stamp,
    object: "chat.completion.chunk",
    choices: [{ index, delta, logprobs: null, ...end }],
    usage: null,
  });
  const out: unknown[] = [];
  if (isFirst) out.push(chunk({ role: "assistant", content: "" }));
  if (reply.text !== "") out.push(chunk({ content: reply.text }));
  if (reply.meta_info.finish_reason !== null) out.push(chunk({}, ending(reply)));
  return out;
}

function ending({ meta_info: { finish_reason } }: WireReply) {
  const matched = finish_reason?.type === "stop" ? finish_reason.matched : null;
  return { finish_reason: finish_reason?.type ?? null, matched_stop: matched };
}

function logprobs({ meta_info }: WireReply) {
  const content = (meta_info.output_token_logprobs ?? []).map(([logprob, , token]) => ({
    token,
    logprob,
    bytes: token === null ? null : [...new TextEncoder().encode(token)],
    top_logprobs: [],
  }));
  return { content };
}

function usage(replies: readonly WireReply[]) {
  const prompt = replies[0]?.meta_info.prompt_tokens ?? 0;
  const completed = replies.reduce((sum, { meta_info }) => sum + meta_info.completion_tokens, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completed,
    total_tokens: prompt + completed,
    prompt_tokens_details: { cached_tokens: replies[0]?.meta_info.cached_tokens ?? 0 },
  };
}
