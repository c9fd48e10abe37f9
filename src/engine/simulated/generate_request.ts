/**
 * `/generate` bodies, checked: JSON in, one item a generation out.
 *
 * @module
 */
import { brief } from "../json_fields.ts";
import { BadRequestError } from "../../errors.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { constrainedText } from "./constrained_text.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** SGLang's default of `max_new_tokens`. */
export const MAX_NEW_TOKENS_DEFAULT = 128;
/** Most generations of one request, `n` times the batch. */
export const ITEMS_MAX = 4_096;
/** Most stop strings of one request. */
export const STOP_STRINGS_MAX = 256;

/** One generation to do. */
export interface GenerateItem {
  /** Place in a batched reply; null for a request that is answered with one object. */
  readonly index: number | null;
  readonly rid: string;
  readonly stream: boolean;
  /** The prompt's text, or null when it came as ids. */
  readonly promptText: string | null;
  readonly promptIds: Uint32Array;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  readonly ignoreEos: boolean;
  readonly skipSpecialTokens: boolean;
  readonly noStopTrim: boolean;
  /** Seed of the request; null: each request samples anew, unless `temperature` is 0. */
  readonly seed: number | null;
  readonly temperature: number;
  /** A text that obeys the request's grammar; null: it has none. */
  readonly constrained: string | null;
  readonly returnLogprob: boolean;
  /** First prompt token whose log-probability is reported; -1 for none. */
  readonly logprobStartLen: number;
  readonly topLogprobsNum: number;
  readonly returnTextInLogprobs: boolean;
  readonly returnPromptTokenIds: boolean;
}

/** A checked request. */
export interface GenerateRequest {
  readonly stream: boolean;
  readonly items: readonly GenerateItem[];
}

/** What reading a request needs. */
export interface RequestContext {
  readonly vocabulary: Vocabulary;
  /** Longest prompt, and prompt with output, in tokens. */
  readonly contextLength: number;
  /** Makes an id for a request that names none. */
  readonly newRid: () => string;
  /** Leaves the encoding of a long text before it ends. */
  readonly signal?: AbortSignal;
}

/**
 * Checks a body and encodes its prompts.
 *
 * @throws {BadRequestError} naming the field and what was received
 */
export async function readGenerateRequest(
  body: JsonObject,
  context: RequestContext,
): Promise<GenerateRequest> {
  const prompts = readPrompts(body);
  const isBatch = isBatched(body);
  const rids = readRids(body, prompts.length, isBatch);
  const items: GenerateItem[] = [];
  for (let at = 0; at < prompts.length; at++) {
    const params = paramsAt(body, at);
    const n = integer(params, "n", 1, { min: 1 });
    if (items.length + n > ITEMS_MAX) {
      throw new BadRequestError(`Cannot generate: over ${ITEMS_MAX} generations`);
    }
    const prompt = await encodePrompt(prompts[at]!, context);
    const parsed = readItem(body, params, at, prompt, context);
    for (let copy = 0; copy < n; copy++) {
      const index = isBatch || n > 1 ? items.length : null;
      // The engine names the copies of one prompt itself: their rids never collide.
      const rid = n > 1 ? context.newRid() : rids[at] ?? context.newRid();
      items.push({ ...parsed, index, rid });
    }
  }
  return { stream: flag(body, "stream", false), items };
}

function isBatched(body: JsonObject): boolean {
  if (typeof body["text"] === "string") return false;
  return Array.isArray(body["text"]) || Array.isArray((body["input_ids"] as JsonValue[] | undefined)?.[0]);
}

function readPrompts(body: JsonObject): (string | JsonValue[])[] {
  const { text = null, input_ids: ids = null } = body;
  if (body["input_embeds"] !== undefined && body["input_embeds"] !== null) {
    throw new BadRequestError("Cannot generate: the simulated engine takes no input_embeds");
  }
  if ((text === null) === (ids === null)) {
    throw new BadRequestError("Cannot generate: exactly one of text and input_ids must be given");
  }
  if (text !== null) return readTexts(text);
  if (!Array.isArray(ids) || ids.length === 0) {
    throw new BadRequestError(`Cannot generate: input_ids must be a list of ids, received ${brief(ids)}`);
  }
  return Array.isArray(ids[0]) ? ids.map(idList) : [ids];
}

function readTexts(text: JsonValue): string[] {
  const texts = Array.isArray(text) ? text : [text];
  if (texts.length > 0 && texts.every((each) => typeof each === "string")) return texts;
  throw new BadRequestError(
    `Cannot generate: text must be a string or a list of strings, received ${brief(text)}`,
  );
}

function idList(ids: JsonValue): JsonValue[] {
  if (Array.isArray(ids)) return ids;
  throw new BadRequestError(`Cannot generate: input_ids must not mix lists and ids, received ${brief(ids)}`);
}

function readRids(body: JsonObject, count: number, isBatch: boolean): (string | undefined)[] {
  const rid = body["rid"] ?? null;
  if (rid === null) return [];
  if (typeof rid === "string" && rid !== "") {
    return isBatch ? Array.from({ length: count }, (_, at) => `${rid}_${at}`) : [rid];
  }
  const isList = Array.isArray(rid) && rid.length === count &&
    rid.every((each) => typeof each === "string" && each);
  if (isList && new Set(rid).size === count) return rid as string[];
  throw new BadRequestError(`Cannot generate: rid must be a string or one a prompt, received ${brief(rid)}`);
}

function paramsAt(body: JsonObject, at: number): JsonObject {
  const given = body["sampling_params"] ?? {};
  const params = Array.isArray(given) ? given[at] : given;
  if (typeof params === "object" && params !== null && !Array.isArray(params)) return params;
  throw new BadRequestError(`Cannot generate: sampling_params must be an object, received ${brief(given)}`);
}

interface Prompt {
  readonly text: string | null;
  readonly ids: Uint32Array;
}

async function encodePrompt(prompt: string | JsonValue[], context: RequestContext): Promise<Prompt> {
  const { vocabulary, contextLength, signal } = context;
  let ids: Uint32Array;
  if (typeof prompt === "string") {
    ids = await vocabulary.tokenizer.encodeAsync(prompt, signal === undefined ? {} : { signal });
  } else {
    ids = Uint32Array.from(prompt as number[]);
    const wrong = prompt.find((id) => typeof id !== "number" || !vocabulary.has(id));
    if (wrong !== undefined) {
      throw new BadRequestError(`Cannot generate: ${brief(wrong)} in input_ids names no token`);
    }
  }
  if (ids.length === 0) throw new BadRequestError("Cannot generate: the prompt is empty");
  if (ids.length >= contextLength) {
    const limit = `the context of ${contextLength} tokens`;
    throw new BadRequestError(`Cannot generate: the prompt of ${ids.length} tokens is longer than ${limit}`);
  }
  return { text: typeof prompt === "string" ? prompt : null, ids };
}

function readItem(
  body: JsonObject,
  params: JsonObject,
  at: number,
  prompt: Prompt,
  context: RequestContext,
): Omit<GenerateItem, "index" | "rid"> {
  const room = context.contextLength - prompt.ids.length;
  const maxNewTokens = Math.min(room, integer(params, "max_new_tokens", MAX_NEW_TOKENS_DEFAULT, { min: 0 }));
  const minNewTokens = integer(params, "min_new_tokens", 0, { min: 0 });
  if (minNewTokens > maxNewTokens) {
    throw new BadRequestError(
      `Cannot generate: min_new_tokens must be at most ${maxNewTokens}, received ${minNewTokens}`,
    );
  }
  const seeded = params["sampling_seed"] !== undefined ? "sampling_seed" : "seed";
  return {
    stream: flag(body, "stream", false),
    promptText: prompt.text,
    promptIds: prompt.ids,
    maxNewTokens,
    minNewTokens,
    stop: readStops(params),
    stopTokenIds: readStopIds(params),
    ignoreEos: flag(params, "ignore_eos", false),
    skipSpecialTokens: flag(params, "skip_special_tokens", true),
    noStopTrim: flag(params, "no_stop_trim", false),
    seed: (params[seeded] ?? null) === null ? null : integer(params, seeded, 0, {}),
    temperature: number(params, "temperature", 1, { min: 0 }),
    constrained: constrainedText(params),
    returnLogprob: flag(each(body, "return_logprob", at), "return_logprob", false),
    logprobStartLen: integer(each(body, "logprob_start_len", at), "logprob_start_len", -1, {
      min: -1,
      max: prompt.ids.length,
    }),
    topLogprobsNum: integer(each(body, "top_logprobs_num", at), "top_logprobs_num", 0, { min: 0, max: 64 }),
    returnTextInLogprobs: flag(body, "return_text_in_logprobs", false),
    returnPromptTokenIds: flag(body, "return_prompt_token_ids", false),
  };
}

/** Batched requests may give these fields as one value or as one a prompt. */
function each(body: JsonObject, name: string, at: number): JsonObject {
  const value = body[name];
  return Array.isArray(value) ? { [name]: value[at] ?? null } : body;
}

function readStops(params: JsonObject): string[] {
  const stop = params["stop"] ?? [];
  const stops = Array.isArray(stop) ? stop : [stop];
  const isRight = stops.length <= STOP_STRINGS_MAX &&
    stops.every((one) => typeof one === "string" && one !== "");
  if (isRight) return stops as string[];
  throw new BadRequestError(
    `Cannot generate: stop must be a string or a list of them, received ${brief(stop)}`,
  );
}

function readStopIds(params: JsonObject): number[] {
  const ids = params["stop_token_ids"] ?? [];
  if (Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id))) return ids as number[];
  throw new BadRequestError(`Cannot generate: stop_token_ids must be a list of ids, received ${brief(ids)}`);
}

function flag(object: JsonObject, name: string, otherwise: boolean): boolean {
  const value = object[name] ?? otherwise;
  if (typeof value === "boolean") return value;
  throw new BadRequestError(`Cannot generate: ${name} must be true or false, received ${brief(value)}`);
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

function number(object: JsonObject, name: string, otherwise: number, range: Range): number {
  const { min = -Infinity, max = Infinity } = range;
  const value = object[name] ?? otherwise;
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw new BadRequestError(`Cannot generate: ${name} must be a number in range, received ${brief(value)}`);
}

function integer(object: JsonObject, name: string, otherwise: number, range: Range): number {
  const value = number(object, name, otherwise, range);
  if (Number.isSafeInteger(value)) return value;
  throw new BadRequestError(`Cannot generate: ${name} must be a whole number, received ${value}`);
}
