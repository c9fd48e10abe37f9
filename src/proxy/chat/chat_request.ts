/**
 * An OpenAI chat request, read and checked once.
 *
 * @module
 */
import type { SamplingSettings } from "../../engine/adapter.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { assertWellFormed, readMessages, readTools } from "./chat_messages.ts";
import { readContinuesLast } from "./continue_last.ts";
import { readBoolean, readInteger, readObject, readString } from "./fields.ts";
import { plainNumbers, readRid, readSampling, TOP_LOGPROBS_MAX } from "./sampling_fields.ts";
import { readToolChoice, type ToolChoice } from "./tool_choice.ts";

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
  /** What is sampled goes on with the last message, an assistant's. */
  readonly continuesLast: boolean;
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
  ...["add_generation_prompt", "continue_final_message", "echo", "add_special_tokens", "chat_template"],
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
  const toolChoice = readToolChoice(body, tools);
  const continuesLast = readContinuesLast(body, messages, toolChoice);
  refuseOtherTurns(body, continuesLast);
  const logprobs = readBoolean(body, "logprobs");
  const { session_id: _session, parent_turn_id: _parent, ...metadata } = readObject(body, "metadata");
  return {
    model: readString(body, "model") ?? "default",
    messages,
    tools,
    findsCalls: toolChoice.kind !== "none" && tools !== null,
    toolChoice,
    templateKwargs,
    continuesLast,
    sampling: readSampling(body, readTopLogprobs(body, logprobs)),
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

/** Variables of the template; some have a field of their own. */
function readTemplateKwargs(body: JsonObject): JsonObject {
  const { reasoning_effort: effort, documents } = body;
  const kwargs = readObject(body, "chat_template_kwargs");
  for (
    const name of ["messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template"]
  ) {
    if (kwargs[name] !== undefined) {
      throw new ChatRequestError(
        `chat_template_kwargs.${name}`,
        `chat_template_kwargs must not hold ${name}: it is no variable of the template`,
      );
    }
  }
  return {
    ...(effort === undefined || effort === null ? {} : { reasoning_effort: effort }),
    ...(documents === undefined || documents === null ? {} : { documents }),
    ...kwargs,
  };
}

/** What is neither a turn of the assistant's nor the end of one would have no place in the ledger. */
function refuseOtherTurns(body: JsonObject, continuesLast: boolean): void {
  const generates = readBoolean(
    { add_generation_prompt: true, ...withoutNulls(body) },
    "add_generation_prompt",
  );
  const refused = [
    !generates && !continuesLast && "add_generation_prompt",
    readBoolean(body, "echo") && "echo",
  ].find((name) => name !== false);
  if (refused !== undefined) {
    const problem = `${refused} is not served: every reply is the assistant's, and nothing but that`;
    throw new ChatRequestError(refused, problem);
  }
  if (readBoolean(body, "add_special_tokens")) {
    throw new ChatRequestError(
      "add_special_tokens",
      "add_special_tokens is not served: the chat template writes them",
    );
  }
  if (withoutNulls(body).chat_template !== undefined) {
    throw new ChatRequestError(
      "chat_template",
      "chat_template is not served: the router has one (--chat-template)",
    );
  }
}

function withoutNulls(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function readTopLogprobs(body: JsonObject, logprobs: boolean): number | undefined {
  const count = readInteger(body, "top_logprobs", { min: 0, max: TOP_LOGPROBS_MAX });
  if (count === undefined || logprobs) return count;
  throw new ChatRequestError("top_logprobs", "top_logprobs needs logprobs: true");
}
