/**
 * A request of OpenAI's text completions, read and checked once.
 *
 * @module
 */
import type { SamplingSettings } from "../../engine/adapter.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { ChatRequestError } from "../chat/chat_error.ts";
import { assertWellFormed } from "../chat/chat_messages.ts";
import { readBoolean, readInteger, readObject, readString, refuse } from "../chat/fields.ts";
import { plainNumbers, readRid, readSampling, TOP_LOGPROBS_MAX } from "../chat/sampling_fields.ts";

/** Most prompts of one request. */
export const PROMPTS_MAX = 128;
/** Most choices of one request: prompts times `n`. */
export const CHOICES_MAX = 1024;
/** `max_tokens` of a request that names none, as OpenAI's. */
export const COMPLETION_MAX_TOKENS_DEFAULT = 16;

/** One prompt: text, or its ids. */
export type CompletionPrompt = string | Uint32Array;

/** What a client asks for. */
export interface CompletionRequest {
  /** As the client named it; "default" when it named none. */
  readonly model: string;
  /** One or more. */
  readonly prompts: readonly CompletionPrompt[];
  readonly sampling: SamplingSettings;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly returnTokenIds: boolean;
  /** Likeliest tokens to tell at each place besides the sampled one; null: no log-probabilities at all. */
  readonly logprobs: number | null;
  /** Special tokens stay in the text. */
  readonly keepsSpecialTokens: boolean;
  /** The client's own id for the engine, or null. */
  readonly rid: string | null;
  /** Fields that the router does not know. */
  readonly extra: JsonObject;
}

/** Fields that the router reads itself, or that say nothing to an engine. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...["model", "prompt", "stream", "stream_options", "n", "best_of", "stop", "max_tokens", "min_tokens"],
  ...["temperature", "top_p", "top_k", "min_p", "seed", "logprobs", "frequency_penalty", "presence_penalty"],
  ...["repetition_penalty", "logit_bias", "stop_token_ids", "ignore_eos", "response_format"],
  ...["skip_special_tokens", "return_token_ids", "rid", "user", "echo", "suffix", "add_special_tokens"],
]);

/**
 * Reads a request.
 *
 * @param exact as `parseJson` gives it, or `JSON.parse`
 * @throws {ChatRequestError} naming the first field that does not fit
 */
export function readCompletionRequest(exact: JsonObject): CompletionRequest {
  const body = Object.fromEntries(
    Object.entries(exact).map(([name, value]) => [
      name,
      KNOWN_FIELDS.has(name) && name !== "response_format" ? plainNumbers(value) : value,
    ]),
  );
  const prompts = readPrompts(body.prompt);
  refuseOthers(body);
  const logprobs = readInteger(body, "logprobs", { min: 0, max: TOP_LOGPROBS_MAX }) ?? null;
  const sampling = readSampling(body, logprobs ?? undefined);
  checkChoices(body, sampling.n ?? 1, prompts.length);
  return {
    model: readString(body, "model") ?? "default",
    prompts,
    sampling: { maxTokens: COMPLETION_MAX_TOKENS_DEFAULT, ...sampling },
    stream: readBoolean(body, "stream"),
    includeUsage: readBoolean(readObject(body, "stream_options"), "include_usage"),
    returnTokenIds: readBoolean(body, "return_token_ids"),
    logprobs,
    keepsSpecialTokens: body.skip_special_tokens === false,
    rid: readRid(body),
    extra: Object.fromEntries(Object.entries(body).filter(([name]) => !KNOWN_FIELDS.has(name))),
  };
}

function readPrompts(prompt: JsonValue | undefined): CompletionPrompt[] {
  if (!Array.isArray(prompt)) return [readPrompt(prompt, "prompt")];
  if (typeof prompt[0] === "number") return [readPrompt(prompt, "prompt")];
  if (prompt.length === 0 || prompt.length > PROMPTS_MAX) {
    return refuse("prompt", `1 to ${PROMPTS_MAX} prompts`, prompt);
  }
  return prompt.map((each, index) => readPrompt(each, `prompt[${index}]`));
}

function readPrompt(prompt: JsonValue | undefined, at: string): CompletionPrompt {
  if (typeof prompt === "string" && prompt !== "") {
    assertWellFormed(prompt, at);
    return prompt;
  }
  if (!Array.isArray(prompt) || prompt.length === 0) {
    return refuse(at, "a text or a list of token ids, not empty", prompt);
  }
  const bad = prompt.findIndex((id) =>
    !Number.isInteger(id) || (id as number) < 0 || (id as number) > 0xffff_ffff
  );
  if (bad >= 0) refuse(`${at}[${bad}]`, "a token id", prompt[bad]);
  return Uint32Array.from(prompt as number[]);
}

/** What would make the reply something else than what follows the prompt. */
function refuseOthers(body: JsonObject): void {
  if (readBoolean(body, "echo")) {
    throw new ChatRequestError(
      "echo",
      "echo is not served: the prompt is the client's already, and is not scored",
    );
  }
  if (readString(body, "suffix")) {
    throw new ChatRequestError("suffix", "suffix is not served: only what follows a prompt is");
  }
  if (readBoolean(body, "add_special_tokens")) {
    throw new ChatRequestError(
      "add_special_tokens",
      "add_special_tokens is not served: a prompt is exactly its text, write the tokens into it",
    );
  }
}

function checkChoices(body: JsonObject, n: number, promptCount: number): void {
  const bestOf = readInteger(body, "best_of", { min: 1 }) ?? n;
  if (bestOf !== n) refuse("best_of", `n, which is ${n}`, bestOf);
  if (n * promptCount > CHOICES_MAX) refuse("n", `such that there are at most ${CHOICES_MAX} choices`, n);
}
