/**
 * vLLM: `/inference/v1/generate`, which takes and gives ids alone, and `/v1/completions` with a prompt of ids.
 *
 * What is asked for besides the client's settings, and why: `logprobs`, at least those of the sampled tokens; usage in
 * streams, to hold the engine's count of the prompt against what was sent; for completions `return_token_ids`,
 * `return_tokens_as_token_ids`, which puts ids into the logprobs too, and `add_special_tokens: false`, since a prompt of
 * ids is whole.
 *
 * vLLM tells no weight version: outputs have none until `stampVersion` gives them one.
 *
 * @module
 */
import { BadRequestError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import type { DecodedReply, EncodedRequest, EngineAdapter, TokenRequest } from "./adapter.ts";
import { errorReply, messageOf, unusableReply } from "./error_message.ts";
import { FrameStream } from "./frame_stream.ts";
import { asObject } from "./json_fields.ts";
import { parseJson } from "./read_json.ts";
import { encodeBody, sortExtra } from "./request_body.ts";
import { countMismatch } from "./samples.ts";
import { VllmFrameReader } from "./vllm_reply.ts";
import { COMPLETIONS_EXTRA, GENERATE_EXTRA, structuredOutputs, vllmSampling } from "./vllm_sampling.ts";

/**
 * `max_tokens` for `/inference/v1/generate` of a request that names no limit: the context ends it. Left out it would
 * mean 16 in older engines.
 */
export const VLLM_MAX_TOKENS_UNLIMITED = 1 << 30;
/** vLLM's own default of `--max-logprobs`: more at one place are refused. */
const TOP_LOGPROBS_MAX = 20;

/** What is known of the engine. */
export interface VllmOptions {
  /** `--max-model-len`, in tokens; a request's own goes before. Needed by `/v1/completions` where no limit is named. */
  readonly contextTokens?: number;
}

const decoder = new TextDecoder();

/** vLLM by `/inference/v1/generate`; requests for several samples, which it refuses, go to `/v1/completions`. */
export function createVllmAdapter(options: VllmOptions = {}): EngineAdapter {
  const isCompletion = ({ sampling: { n = 1 } }: TokenRequest) => n > 1;
  return {
    ...READING,
    name: "vllm",
    needsContext: (request) => isCompletion(request) && lacksLimit(request, options),
    encode: (request) => isCompletion(request) ? encodeCompletion(request, options) : encodeGenerate(request),
  };
}

/** vLLM by `/v1/completions` alone, for engines without the other one. */
export function createVllmCompletionsAdapter(options: VllmOptions = {}): EngineAdapter {
  return {
    ...READING,
    name: "vllm-completions",
    needsContext: (request) => lacksLimit(request, options),
    encode: (request) => encodeCompletion(request, options),
  };
}

const READING: Omit<EngineAdapter, "name" | "encode" | "needsContext"> = {
  tellsVersions: false,
  decode: decodeReply,
  openStream: (sampleCount = 1, topLogprobs = 0) =>
    new FrameStream(new VllmFrameReader(sampleCount, topLogprobs)),
};

function encodeGenerate(request: TokenRequest): EncodedRequest {
  const { sampling: settings, stream, rid } = request;
  const extra = sortExtra(request.extra, GENERATE_EXTRA);
  const head: JsonObject = {
    ...extra.top,
    request_id: rid,
    sampling_params: {
      ...extra.sampling,
      ...vllmSampling(settings),
      ...structuredOutputs(settings.responseFormat),
      max_tokens: settings.maxTokens ?? VLLM_MAX_TOKENS_UNLIMITED,
      logprobs: logprobsOfGenerate(settings.topLogprobs ?? 0),
    },
    ...streamFields(stream),
  };
  return encodeBody("/inference/v1/generate", request, head, "token_ids");
}

/** One more than asked for: the sampled token takes a place of its own in the list. */
function logprobsOfGenerate(topLogprobs: number): number {
  return topLogprobs > 0 && topLogprobs < TOP_LOGPROBS_MAX ? topLogprobs + 1 : topLogprobs;
}

function encodeCompletion(request: TokenRequest, options: VllmOptions): EncodedRequest {
  const { sampling: settings, stream, rid } = request;
  const { responseFormat } = settings;
  const head: JsonObject = {
    ...sortExtra(request.extra, COMPLETIONS_EXTRA).top,
    request_id: rid,
    add_special_tokens: false,
    ...vllmSampling(settings),
    ...(responseFormat === undefined ? {} : { response_format: responseFormat }),
    max_tokens: settings.maxTokens ?? roomFor(request, options),
    logprobs: settings.topLogprobs ?? 0,
    return_token_ids: true,
    return_tokens_as_token_ids: true,
    ...streamFields(stream),
  };
  return encodeBody("/v1/completions", request, head, "prompt");
}

function lacksLimit({ sampling, contextTokens }: TokenRequest, options: VllmOptions): boolean {
  return (sampling.maxTokens ?? contextTokens ?? options.contextTokens) === undefined;
}

/** `/v1/completions` means 16 by no limit, fails on null, and refuses one beyond the context. */
function roomFor(request: TokenRequest, options: VllmOptions): number {
  const contextTokens = request.contextTokens ?? options.contextTokens;
  if (contextTokens === undefined) {
    throw new BadRequestError(
      "Cannot encode request: /v1/completions of vLLM needs max_tokens as long as the context length is not known " +
        "(no worker told max_model_len in /v1/models; --context-tokens says it)",
    );
  }
  return Math.max(1, contextTokens - request.inputIds.length);
}

function streamFields(stream: boolean): JsonObject {
  return stream ? { stream, stream_options: { include_usage: true } } : { stream };
}

function decodeReply(status: number, body: Uint8Array, sampleCount = 1, topLogprobs = 0): DecodedReply {
  if (status !== 200) return errorReply(status, body);
  const value = parseJson(decoder.decode(body));
  const message = messageOf(value);
  if (message !== null) return unusableReply(message);
  const reply = asObject(value);
  if (reply === null) return unusableReply("the reply is no JSON object");
  return decodeChoices(reply, sampleCount, topLogprobs);
}

function decodeChoices(reply: JsonObject, sampleCount: number, topLogprobs: number): DecodedReply {
  const count = Array.isArray(reply.choices) ? reply.choices.length : null;
  if (count !== null && count !== sampleCount) {
    return unusableReply(countMismatch(count, sampleCount).message);
  }
  try {
    const reader = new VllmFrameReader(sampleCount, topLogprobs);
    const deltas = [...reader.add(reply)];
    const ended = deltas.filter(({ finishReason }) => finishReason !== null).length;
    if (ended !== sampleCount) return unusableReply("a choice has no finish reason");
    return { kind: "outputs", outputs: reader.outputs() };
  } catch (error) {
    return unusableReply((error as Error).message);
  }
}
