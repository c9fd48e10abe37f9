/**
 * Fields on sampling, the same in OpenAI's chat and completions.
 *
 * @module
 */
import type { SamplingSettings } from "../../engine/adapter.ts";
import { JsonNumber } from "../../tokenizer/json_number.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { RID_LENGTH_MAX } from "../generate_request.ts";
import { isObject, readBoolean, readInteger, readNumber, readString, refuse } from "./fields.ts";

/** Most samples of one request, as OpenAI's. */
export const SAMPLES_MAX = 128;
/** Most stop strings. Engines search each token's text for all of them. */
export const STOP_STRINGS_MAX = 256;
/** Most alternatives told for a token, as OpenAI's. */
export const TOP_LOGPROBS_MAX = 20;

/** Engines have token ids of 32 bits at most. */
const TOKEN_ID_MAX = 2 ** 32 - 1;

/** Numbers as JavaScript has them, in place of their literals. */
export function plainNumbers(value: JsonValue): JsonValue {
  if (value instanceof JsonNumber) return value.valueOf();
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainNumbers(member)]));
}

/**
 * The sampling settings of a request.
 *
 * @param topLogprobs how many likely tokens to tell at each place; undefined: none
 * @throws {ChatRequestError} naming the first field that does not fit
 */
export function readSampling(body: JsonObject, topLogprobs: number | undefined): SamplingSettings {
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
    topLogprobs,
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
  if (!Array.isArray(ids)) return refuse("stop_token_ids", "a list of token ids", ids);
  const bad = ids.findIndex((id) => !isTokenId(id));
  if (bad < 0) return ids as number[];
  return refuse("stop_token_ids", `a list of integers from 0 to ${TOKEN_ID_MAX}`, ids[bad]);
}

function readLogitBias(body: JsonObject): Record<string, number> | undefined {
  const bias = body.logit_bias ?? undefined;
  if (bias === undefined) return undefined;
  if (!isObject(bias)) return refuse("logit_bias", "numbers by token id", bias);
  for (const [id, value] of Object.entries(bias)) {
    const isId = /^\d+$/.test(id) && isTokenId(Number(id));
    if (!isId) refuse("logit_bias", `numbers by token id, from 0 to ${TOKEN_ID_MAX}`, id);
    if (!Number.isFinite(value)) refuse(`logit_bias.${id}`, "a number", value);
  }
  return bias as Record<string, number>;
}

function isTokenId(value: JsonValue): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TOKEN_ID_MAX;
}

/** The client's own id for the engine; null: none. */
export function readRid(body: JsonObject): string | null {
  const rid = readString(body, "rid");
  if (rid === null || (rid !== "" && rid.length <= RID_LENGTH_MAX)) return rid;
  return refuse("rid", `a string of 1 to ${RID_LENGTH_MAX} characters`, rid);
}
