/**
 * An OpenAI chat request, read and checked once.
 *
 * @module
 */
import type { SamplingSettings } from "../../engine/adapter.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { JsonNumber } from "../../tokenizer/json_number.ts";
import { RID_LENGTH_MAX } from "../generate_request.ts";
import { ChatRequestError } from "./chat_error.ts";
import { assertWellFormed, readMessages, readTools } from "./chat_messages.ts";
import { isObject, readBoolean, readInteger, readNumber, readObject, readString, refuse } from "./fields.ts";
import { readToolChoice, type ToolChoice } from "./tool_choice.ts";

/** Most samples of one request, as OpenAI's. */
export const SAMPLES_MAX = 128;
/** Most stop strings. Engines search each token's text for all of them. */
export const STOP_STRINGS_MAX = 256;
/** Most alternatives told for a token, as OpenAI's. */
export const TOP_LOGPROBS_MAX = 20;

/** What a client asks for. */
export interface ChatCompletionRequest {
  /** As the client named it; "default" when it named none. */
  readonly model: string;
  readonly messages: readonly JsonObject[];
  readonly tools: readonly JsonObject[] | null;
  /** Whether calls are looked for: there are tools, and `tool_choice` is not "none". */
  readonly findsCalls: boolean;
  readonly toolChoice: ToolChoice;
  readonly templateKwargs: JsonObject;
  readonly sampling: SamplingSettings;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly returnTokenIds: boolean;
  readonly logprobs: boolean;
  /** Special tokens that delimit nothing stay in the text. */
  readonly keepsSpecialTokens: boolean;
  /** `metadata.session_id`. */
  readonly sessionId: string | null;
  /** `metadata.parent_turn_id`. */
  readonly parentTurnId: string | null;
  /** The rest of `metadata`: kept with a new session. */
  readonly metadata: JsonObject;
  /** The client's own id for the engine, or null. */
  readonly rid: string | null;
  /** Fields that the router does not know. */
  readonly extra: JsonObject;
}

/** Fields that the router reads itself, or that say nothing to an engine. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...["model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options"],
  ...[
    "n",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "min_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
  ],
  ...["seed", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "repetition_penalty"],
  ...["logit_bias", "stop_token_ids", "ignore_eos", "response_format", "skip_special_tokens"],
  ...["chat_template_kwargs", "reasoning_effort", "documents", "metadata", "return_token_ids"],
  ...["rid", "user", "store", "service_tier", "safety_identifier", "prompt_cache_key"],
  ...["add_generation_prompt", "continue_final_message"],
]);

/** Fields that templates print or the engine gets: number literals stay as they were written. */
const EXACT_FIELDS: ReadonlySet<string> = new Set([
  ...[
    "messages",
    "tools",
    "chat_template_kwargs",
    "reasoning_effort",
    "documents",
    "metadata",
    "response_format",
  ],
]);

/**
 * Reads a request.
 *
 * @param exact as `parseJson` gives it, or `JSON.parse`
 * @throws {ChatRequestError} naming the first field that does not fit
 */
export function readChatRequest(exact: JsonObject): ChatCompletionRequest {
  const body = withPlainNumbers(exact);
  const messages = readMessages(body.messages);
  const tools = readTools(body.tools);
  const templateKwargs = readTemplateKwargs(body);
  assertWellFormed(messages, "messages");
  assertWellFormed(tools, "tools");
  assertWellFormed(templateKwargs, "chat_template_kwargs");
  refuseOtherTurns(body);
  const logprobs = readBoolean(body, "logprobs");
  const toolChoice = readToolChoice(body, tools);
  const { session_id: _session, parent_turn_id: _parent, ...metadata } = readObject(body, "metadata");
  return {
    model: readString(body, "model") ?? "default",
    messages,
    tools,
    findsCalls: toolChoice.kind !== "none" && tools !== null,
    toolChoice,
    templateKwargs,
    sampling: readSampling(body, logprobs),
    stream: readBoolean(body, "stream"),
    includeUsage: readBoolean(readObject(body, "stream_options"), "include_usage"),
    returnTokenIds: readBoolean(body, "return_token_ids"),
    logprobs,
    keepsSpecialTokens: body.skip_special_tokens === false,
    sessionId: readString(readObject(body, "metadata"), "session_id", "metadata.session_id") || null,
    parentTurnId: readString(readObject(body, "metadata"), "parent_turn_id", "metadata.parent_turn_id"),
    metadata,
    rid: readRid(body),
    extra: Object.fromEntries(Object.entries(body).filter(([name]) => !KNOWN_FIELDS.has(name))),
  };
}

/** The fields that the router reads itself, with numbers as JavaScript has them. */
function withPlainNumbers(exact: JsonObject): JsonObject {
  const entries = Object.entries(exact).map(([name, value]) => {
    const isOwn = KNOWN_FIELDS.has(name) && !EXACT_FIELDS.has(name);
    return [name, isOwn ? plainNumbers(value) : value];
  });
  return Object.fromEntries(entries);
}

function plainNumbers(value: JsonValue): JsonValue {
  if (value instanceof JsonNumber) return value.valueOf();
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainNumbers(member)]));
}

function readSampling(body: JsonObject, logprobs: boolean): SamplingSettings {
  const penalty = { min: -2, max: 2 };
  const settings: { readonly [Name in keyof SamplingSettings]: SamplingSettings[Name] | undefined } = {
    maxTokens: readInteger(body, "max_completion_tokens", { min: 1 }) ??
      readInteger(body, "max_tokens", { min: 1 }),
    minTokens: readInteger(body, "min_tokens", { min: 0 }),
    temperature: readNumber(body, "temperature", { min: 0 }),
    topP: readNumber(body, "top_p", { min: 0, max: 1 }),
    topK: readInteger(body, "top_k", { min: -1 }),
    minP: readNumber(body, "min_p", { min: 0, max: 1 }),
    seed: readInteger(body, "seed"),
    n: readInteger(body, "n", { min: 1, max: SAMPLES_MAX }),
    stop: readStop(body.stop),
    stopTokenIds: readStopTokenIds(body.stop_token_ids),
    ignoreEos: readBoolean(body, "ignore_eos") || undefined,
    frequencyPenalty: readNumber(body, "frequency_penalty", penalty),
    presencePenalty: readNumber(body, "presence_penalty", penalty),
    repetitionPenalty: readNumber(body, "repetition_penalty", { min: 0 }),
    logitBias: readLogitBias(body),
    topLogprobs: readTopLogprobs(body, logprobs),
    responseFormat: body.response_format ?? undefined,
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as SamplingSettings;
}

function readStop(stop: JsonValue | undefined): string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  const list = Array.isArray(stop) ? stop : [stop];
  if (list.length > STOP_STRINGS_MAX) refuse("stop", `at most ${STOP_STRINGS_MAX} strings`, stop);
  const bad = list.find((each) => typeof each !== "string" || each === "");
  if (bad !== undefined) return refuse("stop", "a string or a list of strings, none empty", bad);
  return list.length === 0 ? undefined : list as string[];
}

function readStopTokenIds(ids: JsonValue | undefined): number[] | undefined {
  if (ids === undefined || ids === null) return undefined;
  const isList = Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
  return isList ? ids as number[] : refuse("stop_token_ids", "a list of token ids", ids);
}

function readLogitBias(body: JsonObject): Record<string, number> | undefined {
  const bias = body.logit_bias ?? undefined;
  if (bias === undefined) return undefined;
  const isBias = isObject(bias) &&
    Object.entries(bias).every(([id, value]) => /^\d+$/.test(id) && typeof value === "number");
  return isBias ? bias as Record<string, number> : refuse("logit_bias", "numbers by token id", bias);
}

function readTopLogprobs(body: JsonObject, logprobs: boolean): number | undefined {
  const count = readInteger(body, "top_logprobs", { min: 0, max: TOP_LOGPROBS_MAX });
  if (count === undefined || logprobs) return count;
  throw new ChatRequestError("top_logprobs", "top_logprobs needs logprobs: true");
}

/** Variables of the template; some have a field of their own. */
function readTemplateKwargs(body: JsonObject): JsonObject {
  const { reasoning_effort: effort, documents } = body;
  const kwargs = readObject(body, "chat_template_kwargs");
  for (const name of ["messages", "tools", "add_generation_prompt"]) {
    if (kwargs[name] !== undefined) {
      throw new ChatRequestError(
        `chat_template_kwargs.${name}`,
        `chat_template_kwargs must not hold ${name}: the request gives it`,
      );
    }
  }
  return {
    ...(effort === undefined || effort === null ? {} : { reasoning_effort: effort }),
    ...(documents === undefined || documents === null ? {} : { documents }),
    ...kwargs,
  };
}

/** A turn that is not a new one of the assistant's would have no place in the ledger. */
function refuseOtherTurns(body: JsonObject): void {
  if (body.continue_final_message === true || body.add_generation_prompt === false) {
    const name = body.continue_final_message === true ? "continue_final_message" : "add_generation_prompt";
    throw new ChatRequestError(name, `${name} is not served: every reply is a new turn of the assistant`);
  }
}

function readRid(body: JsonObject): string | null {
  const rid = readString(body, "rid");
  if (rid === null || (rid !== "" && rid.length <= RID_LENGTH_MAX)) return rid;
  return refuse("rid", `a string of 1 to ${RID_LENGTH_MAX} characters`, rid);
}
