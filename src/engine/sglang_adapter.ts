/**
 * SGLang's native `/generate` with `input_ids`.
 *
 * What is asked for besides the client's settings, and why:
 * - `return_logprob` with `logprob_start_len: -1`: ids and logprobs come as triples that cannot disagree, and the prompt is
 *   not scored, which would defeat the prefix cache;
 * - `skip_special_tokens: false` and `no_stop_trim: true`: `text` is then what the ids decode to, stop tokens included,
 *   so that nothing is trimmed differently from anything else. SGLang looks for stop strings in a text of its own, so
 *   neither changes what is sampled.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import type {
  DecodedReply,
  EncodedRequest,
  EngineAdapter,
  SamplingSettings,
  TokenRequest,
} from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";
import { errorReply, messageOf, unusableReply } from "./error_message.ts";
import { FrameStream } from "./frame_stream.ts";
import { asObject } from "./json_fields.ts";
import { parseJson } from "./read_json.ts";
import {
  COMMON_SAMPLING,
  commonSampling,
  defined,
  encodeBody,
  type ExtraFields,
  sortExtra,
} from "./request_body.ts";
import { readResponseFormat } from "./response_format.ts";
import { countMismatch } from "./samples.ts";
import { SglangFrameReader } from "./sglang_frames.ts";
import { parseTopLogprobs } from "./sglang_top_logprobs.ts";
import { outputOfFrame, parseReplyFrame } from "./sglang.ts";

/**
 * `max_new_tokens` of a request that names no limit: SGLang cuts it to the room in the context. Left out it would
 * mean 128.
 */
export const SGLANG_MAX_NEW_TOKENS_UNLIMITED = 1 << 30;

const EXTRA_FIELDS: ExtraFields = {
  own: new Set([
    "rid",
    "input_ids",
    "stream",
    "return_logprob",
    "top_logprobs_num",
    "return_text_in_logprobs",
    "skip_special_tokens",
    "no_stop_trim",
  ]),
  refused: new Set([
    "text",
    "input_embeds",
    "image_data",
    "video_data",
    "audio_data",
    "session_params",
    "logprob_start_len",
  ]),
  sampling: new Set([
    "stop_regex",
    "regex",
    "ebnf",
    "json_schema",
    "structural_tag",
    "spaces_between_special_tokens",
    "custom_params",
    "stream_interval",
  ]),
  ownSampling: new Set([
    ...COMMON_SAMPLING,
    "max_new_tokens",
    "min_new_tokens",
    "sampling_seed",
    "skip_special_tokens",
    "no_stop_trim",
  ]),
};

const decoder = new TextDecoder();

/**
 * SGLang's adapter.
 *
 * @example
 * ```ts
 * import { createSglangAdapter } from "./sglang_adapter.ts";
 * const { path, body } = createSglangAdapter().encode({
 *   inputIds: Uint32Array.of(1, 2),
 *   sampling: { maxTokens: 8 },
 *   stream: false,
 *   rid: "turn-1",
 *   extra: {},
 * });
 * const sent = JSON.parse(new TextDecoder().decode(body));
 * if (path !== "/generate" || sent.input_ids.join() !== "1,2") throw new Error("ids are sent as they are");
 * ```
 */
export function createSglangAdapter(): EngineAdapter {
  return {
    name: "sglang",
    tellsVersions: true,
    needsContext: () => false,
    encode: encodeGenerate,
    decode: decodeGenerate,
    openStream: (sampleCount = 1, topLogprobs = 0) =>
      new FrameStream(new SglangFrameReader(sampleCount, topLogprobs)),
  };
}

function encodeGenerate(request: TokenRequest): EncodedRequest {
  const extra = sortExtra(request.extra, EXTRA_FIELDS);
  const { topLogprobs = 0 } = request.sampling;
  const head: JsonObject = {
    ...extra.top,
    rid: request.rid,
    sampling_params: { ...extra.sampling, ...samplingParams(request.sampling) },
    stream: request.stream,
    return_logprob: true,
    logprob_start_len: -1,
    ...(topLogprobs > 0 ? { top_logprobs_num: topLogprobs } : {}),
  };
  return encodeBody("/generate", request, head, "input_ids");
}

function samplingParams(settings: SamplingSettings): JsonObject {
  return defined({
    max_new_tokens: settings.maxTokens ?? SGLANG_MAX_NEW_TOKENS_UNLIMITED,
    min_new_tokens: settings.minTokens,
    sampling_seed: settings.seed,
    ...commonSampling(settings),
    skip_special_tokens: false,
    no_stop_trim: true,
    ...grammarOf(settings.responseFormat),
  });
}

function grammarOf(responseFormat: JsonValue | undefined): JsonObject {
  const format = readResponseFormat(responseFormat);
  switch (format.kind) {
    case "text":
      return {};
    case "object":
      return { json_schema: '{"type":"object"}' };
    case "schema":
      return { json_schema: JSON.stringify(format.schema) };
    case "structural_tag":
      return { structural_tag: JSON.stringify(format.tag) };
  }
}

function decodeGenerate(
  status: number,
  body: Uint8Array,
  sampleCount = 1,
  topLogprobs = 0,
): DecodedReply {
  if (status !== 200) return errorReply(status, body);
  const value = parseJson(decoder.decode(body));
  const message = messageOf(value);
  if (message !== null) return unusableReply(message);
  const replies = Array.isArray(value) ? value : [value];
  const outputs: SampledOutput[] = [];
  for (const reply of replies) {
    const frame = parseReplyFrame(reply);
    if (frame === null) return unusableReply("the reply is no generate reply");
    if (frame.fault !== null) return unusableReply(frame.fault);
    try {
      outputs.push(withTopLogprobs(outputOfFrame(frame), reply, topLogprobs));
    } catch (error) {
      return unusableReply((error as Error).message);
    }
  }
  if (outputs.length !== sampleCount) {
    return unusableReply(countMismatch(outputs.length, sampleCount).message);
  }
  return { kind: "outputs", outputs };
}

function withTopLogprobs(
  output: SampledOutput,
  reply: JsonValue | undefined,
  topLogprobs: number,
): SampledOutput {
  if (topLogprobs === 0) return output;
  const meta = asObject(asObject(reply)?.meta_info);
  const lists = parseTopLogprobs(meta?.output_top_logprobs, 0, output.tokenIds.length, topLogprobs);
  return lists === null ? output : { ...output, topLogprobs: lists };
}
