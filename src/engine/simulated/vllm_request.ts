/**
 * vLLM's request bodies, turned into the `/generate` body that they come to: both protocols share one engine.
 *
 * @module
 */
import { BadRequestError, RouterError } from "../../errors.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { grammarParams } from "./constrained_text.ts";
import { brief } from "../json_fields.ts";

/** `max_tokens` of a completion that names none. */
const COMPLETION_MAX_TOKENS_DEFAULT = 16;
/** vLLM's default of `--max-logprobs`. */
const LOGPROBS_MAX = 20;

/** How a request wants its reply. */
export interface VllmReplyOptions {
  /** Likeliest tokens a place; null: no logprobs at all. */
  readonly logprobs: number | null;
  readonly returnTokenIds: boolean;
  /** Tokens within logprobs as `token_id:N`. */
  readonly tokensAsIds: boolean;
  readonly includeUsage: boolean;
}

/** A request, ready for the engine. */
export interface VllmRequest {
  readonly generate: JsonObject;
  readonly reply: VllmReplyOptions;
}

/** Reads a body of `/inference/v1/generate`. @throws {BadRequestError} naming the field and what was received */
export function readGenerate(body: JsonObject, contextLength: number): VllmRequest {
  const ids = body["token_ids"];
  if (!Array.isArray(ids) || ids.length === 0 || Array.isArray(ids[0])) {
    throw new BadRequestError(`token_ids must be a list of ids, received ${brief(ids)}`);
  }
  const params = body["sampling_params"];
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new BadRequestError(`sampling_params must be an object, received ${brief(params)}`);
  }
  if ((params["n"] ?? 1) !== 1) {
    throw new BadRequestError(`sampling_params.n must be 1, received ${brief(params["n"])}`);
  }
  // Without a limit the context is the limit.
  const limit = params["max_tokens"] ?? contextLength;
  return toRequest(body, params, { input_ids: ids }, limit);
}

/**
 * Reads a body of `/v1/completions`.
 *
 * @throws {BadRequestError} naming the field and what was received
 * @throws {RouterError} 500 for `max_tokens: null`, as vLLM, which asserts a number
 */
export function readCompletion(body: JsonObject, contextLength: number): VllmRequest {
  const prompt = body["prompt"];
  const limit = body["max_tokens"] === undefined ? COMPLETION_MAX_TOKENS_DEFAULT : body["max_tokens"];
  if (limit === null) throw new RouterError("Internal server error", "assertion", 500);
  if (Array.isArray(prompt) && typeof limit === "number" && prompt.length + limit > contextLength) {
    throw new BadRequestError(
      `the context is ${contextLength} tokens: the prompt has ${prompt.length}, ${limit} were requested`,
    );
  }
  if (body["echo"] === true) throw new BadRequestError("the simulated engine does not echo");
  const isIds = Array.isArray(prompt) && typeof prompt[0] === "number";
  if (!isIds && typeof prompt !== "string") {
    throw new BadRequestError(`prompt must be a string or a list of ids, received ${brief(prompt)}`);
  }
  return toRequest(body, body, isIds ? { input_ids: prompt } : { text: prompt }, limit);
}

/** `logprobs` of a request, which is a number here. */
export function readLogprobs(value: JsonValue | undefined): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LOGPROBS_MAX) {
    return value;
  }
  throw new BadRequestError(`logprobs must be at most ${LOGPROBS_MAX}, received ${brief(value)}`);
}

/** Whether a stream is to end with its usage. */
function wantsUsage(body: JsonObject): boolean {
  const options = body["stream_options"];
  return typeof options === "object" && options !== null && !Array.isArray(options) &&
    options["include_usage"] === true;
}

function toRequest(body: JsonObject, params: JsonObject, prompt: JsonObject, limit: JsonValue): VllmRequest {
  const logprobs = readLogprobs(params["logprobs"]);
  return {
    generate: {
      ...prompt,
      sampling_params: {
        max_new_tokens: limit,
        min_new_tokens: params["min_tokens"] ?? null,
        temperature: params["temperature"] ?? null,
        n: params["n"] ?? null,
        seed: params["seed"] ?? null,
        stop: params["stop"] ?? null,
        stop_token_ids: params["stop_token_ids"] ?? null,
        ignore_eos: params["ignore_eos"] ?? null,
        skip_special_tokens: params["skip_special_tokens"] ?? null,
        no_stop_trim: params["include_stop_str_in_output"] ?? null,
        ...grammarParams(params["structured_outputs"], body["response_format"]),
      },
      stream: body["stream"] ?? null,
      rid: body["request_id"] ?? null,
      // Ids are read from the triples, whether or not logprobs are told.
      return_logprob: true,
      return_text_in_logprobs: true,
      top_logprobs_num: logprobs ?? 0,
    },
    reply: replyOptions(body, logprobs),
  };
}

/** What a request wants of its reply. */
export function replyOptions(body: JsonObject, logprobs: number | null): VllmReplyOptions {
  return {
    logprobs,
    returnTokenIds: body["return_token_ids"] === true,
    tokensAsIds: body["return_tokens_as_token_ids"] === true,
    includeUsage: wantsUsage(body),
  };
}
