/**
 * One choice of a vLLM reply or chunk, in the form of `/inference/v1/generate` or of `/v1/completions`.
 *
 * Source of the format: vLLM's public sources, mid-2026. The traps this file minds:
 * - logprobs carry their token as `"token_id:N"`, in newer engines as `token_id`: held against `token_ids`;
 * - -9999 stands for a logprob that is missing, NaN or minus infinity: it is no number to train on;
 * - `stop_reason` is missing, or null for the model's own end of sequence.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import type { FinishReason, TopLogprob } from "./engine.ts";
import { asCount, asObject, asString, asTokenId, asTokenIds, brief, tokenIdFault } from "./json_fields.ts";
import { likeliest } from "./top_logprobs.ts";

/** vLLM's stand-in for a logprob it cannot write. */
export const VLLM_NO_LOGPROB = -9_999;
/** Status of a generation that failed within a reply of 200. */
const FAILED_STATUS = 500;
/** With it a token is told by its id instead of its text. */
const ID_PREFIX = "token_id:";

/** What one choice says. */
export interface VllmChoice {
  readonly index: number;
  readonly tokenIds: Uint32Array;
  readonly logprobs: Float64Array;
  readonly topLogprobs: readonly (readonly TopLogprob[])[] | null;
  readonly text: string | null;
  readonly finishReason: FinishReason | null;
  /** `prompt_token_ids`, counted, or null. */
  readonly promptTokens: number | null;
  /** Ids and logprobs that contradict one another, in words. */
  readonly contradiction: string | null;
}

/** One token as the logprobs tell it. */
interface TokenLogprob {
  /** Null when the token is told as text. */
  readonly tokenId: number | null;
  readonly logprob: number;
  readonly top: readonly TopLogprob[];
}

/**
 * Reads a choice.
 *
 * @param topLogprobs likeliest tokens to keep at each place; 0: none
 * @throws {Error} when it is no choice, tells tokens without ids, or ids that are none
 */
export function parseChoice(value: JsonValue, topLogprobs: number): VllmChoice {
  const choice = asObject(value);
  const index = asCount(choice?.index);
  if (choice === null || index === null) throw new Error("a choice has no index");
  const fault = tokenIdFault(choice.token_ids, "token_ids") ??
    tokenIdFault(choice.prompt_token_ids, "prompt_token_ids");
  if (fault !== null) throw new Error(fault);
  const told = parseLogprobs(choice.logprobs, topLogprobs);
  const tokenIds = idsOf(choice, told);
  return {
    index,
    tokenIds,
    logprobs: Float64Array.from(tokenIds, (_, i) => told?.[i]?.logprob ?? NaN),
    topLogprobs: topLogprobs === 0 || told === null
      ? null
      : Array.from(tokenIds, (_, i) => likeliest(told[i]?.top ?? [], topLogprobs)),
    text: asString(choice.text),
    finishReason: finishReasonOf(choice),
    promptTokens: Array.isArray(choice.prompt_token_ids) ? choice.prompt_token_ids.length : null,
    contradiction: contradictionOf(tokenIds, told),
  };
}

/** `token_ids`, or, from engines that send none, the ids within the logprobs. */
function idsOf(choice: JsonObject, told: readonly TokenLogprob[] | null): Uint32Array {
  const ids = asTokenIds(choice.token_ids);
  if (ids !== null) return ids;
  const isEmpty = (choice.text ?? "") === "" && (told === null || told.length === 0);
  const fromLogprobs = told?.map(({ tokenId }) => tokenId) ?? [];
  if ((!isEmpty && told === null) || fromLogprobs.includes(null)) {
    throw new Error("a choice tells tokens without their ids: does the engine know return_token_ids?");
  }
  return Uint32Array.from(fromLogprobs as number[]);
}

function contradictionOf(ids: Uint32Array, told: readonly TokenLogprob[] | null): string | null {
  if (told === null) return null;
  if (told.length !== ids.length) return `token_ids are ${ids.length}, logprobs ${told.length}`;
  const at = told.findIndex(({ tokenId }, i) => tokenId !== null && tokenId !== ids[i]);
  return at < 0 ? null : `token_ids and logprobs differ at token ${at}`;
}

/** Null when the engine told none. */
function parseLogprobs(value: JsonValue | undefined, topLogprobs: number): TokenLogprob[] | null {
  const logprobs = asObject(value);
  if (logprobs === null) return null;
  if (Array.isArray(logprobs.content)) {
    return logprobs.content.map((entry, i) => parseContent(entry, i, topLogprobs > 0));
  }
  const { token_logprobs: values, tokens, top_logprobs: tops } = logprobs;
  if (!Array.isArray(values)) return null;
  return values.map((logprob, i) => ({
    tokenId: Array.isArray(tokens) ? toldId(undefined, tokens[i], i) : null,
    logprob: asLogprob(logprob),
    top: topLogprobs > 0 && Array.isArray(tops) ? parseTopObject(tops[i], i) : [],
  }));
}

/** Chat's form: `{token, logprob, top_logprobs: [{token, logprob}]}`. */
function parseContent(value: JsonValue, at: number, withTop: boolean): TokenLogprob {
  const entry = asObject(value) ?? {};
  const top = withTop && Array.isArray(entry.top_logprobs) ? entry.top_logprobs : [];
  return {
    tokenId: toldId(entry.token_id, entry.token, at),
    logprob: asLogprob(entry.logprob),
    top: top.flatMap((each) => {
      const { token_id: id, token, logprob } = asObject(each) ?? {};
      return topLogprob(id, token, logprob, at);
    }),
  };
}

/** The id that the logprobs tell of a token; null when they tell its text. @throws {Error} when it is none */
function toldId(id: JsonValue | undefined, token: JsonValue | undefined, at: number): number | null {
  const told = id ?? token;
  const tokenId = told === token ? idOfToken(token) : asTokenId(id);
  const isText = told === token && !(typeof token === "string" && token.startsWith(ID_PREFIX));
  if (tokenId !== null || isText) return tokenId;
  throw new Error(`logprobs tell no token id at token ${at}, received ${brief(told)}`);
}

/** Completions' form: `{"token_id:5": -0.1}`. */
function parseTopObject(value: JsonValue | undefined, at: number): TopLogprob[] {
  return Object.entries(asObject(value) ?? {}).flatMap(([token, logprob]) =>
    topLogprob(undefined, token, logprob, at)
  );
}

/** A likely token, in a list; an empty one when nobody tells how likely. @throws {Error} when it has no id, nor a text */
function topLogprob(
  id: JsonValue | undefined,
  token: JsonValue | undefined,
  told: JsonValue | undefined,
  at: number,
): TopLogprob[] {
  const tokenId = toldId(id, token, at);
  const logprob = asLogprob(told);
  if (Number.isNaN(logprob)) return [];
  if (tokenId !== null) return [{ tokenId, logprob }];
  if (typeof token === "string") return [{ text: token, logprob }];
  throw new Error(`logprobs tell no likely token at token ${at}, received ${brief(token)}`);
}

function idOfToken(token: JsonValue | undefined): number | null {
  const digits = typeof token === "string" ? /^token_id:(\d+)$/.exec(token)?.[1] : undefined;
  return digits === undefined ? null : asTokenId(Number(digits));
}

function asLogprob(value: JsonValue | undefined): number {
  return typeof value === "number" && value > VLLM_NO_LOGPROB ? value : NaN;
}

function finishReasonOf({ finish_reason: reason, stop_reason: stop }: JsonObject): FinishReason | null {
  const type = asString(reason);
  if (type === null) return null;
  if (type === "error") {
    return { type: "abort", message: "the engine failed while it generated", statusCode: FAILED_STATUS };
  }
  const isTold = typeof stop === "number" || typeof stop === "string";
  return type === "stop" && isTold ? { type, matched: stop } : { type };
}
