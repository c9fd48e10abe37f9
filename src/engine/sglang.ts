/**
 * SGLang's native `/generate` replies, read into {@link SampledOutput}s.
 *
 * Source of the format: SGLang's public sources, mid-2026. The traps this file minds:
 * - `text` leaves out stop and special tokens while `output_ids` has them: ids are the truth;
 * - an id that is none is never left out, nor is another source taken instead: the reply has a fault, and is not used;
 * - an abort in the waiting queue may carry the last id only: the logprob triples decide, other contradictions are told;
 * - `weight_versions` of newer engines gives a version per span, `weight_version` of older ones one per reply.
 *
 * @module
 */
import type { JsonValue, WeightVersion } from "../types.ts";
import { asCount, asObject, asString, asTokenId, asTokenIds, tokenIdFault } from "./json_fields.ts";
import type { FinishReason, SampledOutput } from "./engine.ts";

type VersionRuns = SampledOutput["versions"];

/** `output_token_logprobs` as arrays. */
export interface Triples {
  readonly tokenIds: Uint32Array;
  /** NaN where there is none. */
  readonly logprobs: Float64Array;
}

/** Arrays of a reply that were read before: where they stood in the JSON, their index stands. */
export interface ReplyArrays {
  /** Of `output_ids`. */
  readonly ids: readonly Uint32Array[];
  /** Of `output_token_logprobs`. */
  readonly triples: readonly Triples[];
}

const NO_ARRAYS: ReplyArrays = { ids: [], triples: [] };

/** What one reply object says, before its parts are held against one another. A delta frame is such a part. */
export interface ReplyFrame {
  readonly text: string | null;
  readonly tokenIds: Uint32Array;
  readonly logprobs: Float64Array;
  /** `output_ids` as sent, or null; `tokenIds` prefers the logprob triples. */
  readonly outputIds: Uint32Array | null;
  readonly finishReason: FinishReason | null;
  /** There is a `finish_reason`, of whatever shape. */
  readonly isFinished: boolean;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly cachedTokens: number | null;
  readonly version: WeightVersion | null;
  readonly versionSpans: readonly JsonValue[] | null;
  /** What is told as token ids and is none, in words; null when all are. The frame is not to be used otherwise. */
  readonly fault: string | null;
}

/**
 * Reads one reply object (a whole reply, or a cumulative SSE frame).
 *
 * @param arrays read before, if any were
 * @returns null when the value is no generate reply (an error object, an embedding)
 * @example
 * ```ts
 * import { parseGenerateReply } from "./sglang.ts";
 * const output = parseGenerateReply({
 *   text: " World",
 *   output_ids: [4, 5],
 *   meta_info: { finish_reason: { type: "stop" }, weight_version: 10, output_token_logprobs: [[-0.4, 4], [-0.5, 5]] },
 * });
 * if (output?.logprobs[1] !== -0.5) throw new Error("logprobs are kept as sent");
 * ```
 */
export function parseGenerateReply(
  reply: JsonValue | undefined,
  arrays: ReplyArrays = NO_ARRAYS,
): SampledOutput | null {
  const frame = parseReplyFrame(reply, arrays);
  return frame === null ? null : outputOfFrame(frame);
}

/** What a whole reply sampled. */
export function outputOfFrame(frame: ReplyFrame): SampledOutput {
  const version = frame.version;
  const count = frame.tokenIds.length;
  return toSampledOutput(frame, version === null || count === 0 ? [] : [{ tokens: count, version }]);
}

/** Reads the fields of one reply object; null when it is no generate reply. */
export function parseReplyFrame(
  reply: JsonValue | undefined,
  arrays: ReplyArrays = NO_ARRAYS,
): ReplyFrame | null {
  const body = asObject(reply);
  const meta = asObject(body?.meta_info);
  if (body === null || meta === null) return null;
  const triples = taken(arrays.triples, meta.output_token_logprobs) ??
    parseTriples(meta.output_token_logprobs);
  const outputIds = taken(arrays.ids, body.output_ids) ?? asTokenIds(body.output_ids);
  const fault = (triples === null ? triplesFault(meta.output_token_logprobs) : null) ??
    (outputIds === null ? tokenIdFault(body.output_ids, "output_ids") : null);
  if (triples === null && outputIds === null && fault === null) return null;
  const tokenIds = triples?.tokenIds ?? outputIds ?? new Uint32Array();
  return {
    text: asString(body.text),
    tokenIds,
    logprobs: triples?.logprobs ?? new Float64Array(tokenIds.length).fill(NaN),
    outputIds,
    finishReason: parseFinishReason(meta.finish_reason),
    isFinished: meta.finish_reason !== undefined && meta.finish_reason !== null,
    promptTokens: asCount(meta.prompt_tokens),
    completionTokens: asCount(meta.completion_tokens),
    cachedTokens: asCount(meta.cached_tokens),
    version: asVersion(meta.weight_version),
    versionSpans: Array.isArray(meta.weight_versions) && meta.weight_versions.length > 0
      ? meta.weight_versions
      : null,
    fault,
  };
}

/**
 * Holds the parts of a whole reply against one another.
 *
 * @param runs versions by the frames' own `weight_version`; `weight_versions` overrules them
 */
export function toSampledOutput(frame: ReplyFrame, runs: VersionRuns): SampledOutput {
  const { text, tokenIds, logprobs, finishReason, promptTokens, completionTokens, cachedTokens } = frame;
  const spans = frame.versionSpans === null ? runs : parseVersionSpans(frame.versionSpans, tokenIds.length);
  const inconsistency = frame.fault ?? findInconsistency(frame) ??
    (spans === null ? "weight_versions do not partition the output" : null);
  return {
    text,
    tokenIds,
    logprobs,
    finishReason,
    versions: spans ?? [],
    promptTokens,
    completionTokens,
    cachedTokens,
    inconsistency,
  };
}

/** `finish_reason` as an object; null while running or when it is of another shape. */
export function parseFinishReason(value: JsonValue | undefined): FinishReason | null {
  const reason = asObject(value);
  const type = asString(reason?.type);
  if (reason === null || type === null) return null;
  const matched = typeof reason.matched === "number" || typeof reason.matched === "string"
    ? { matched: reason.matched }
    : {};
  const message = typeof reason.message === "string" ? { message: reason.message } : {};
  const statusCode = typeof reason.status_code === "number" ? { statusCode: reason.status_code } : {};
  return { type, ...matched, ...message, ...statusCode };
}

/** Whether the engine was paused in mid-generation: an abort that is no error. */
export function isPauseAbort(reason: FinishReason | null): boolean {
  return reason?.type === "abort" && reason.statusCode === undefined;
}

/** The array whose index stands for it. */
function taken<T>(arrays: readonly T[], value: JsonValue | undefined): T | null {
  return typeof value === "number" ? arrays[value] ?? null : null;
}

function parseTriples(value: JsonValue | undefined): Triples | null {
  if (!Array.isArray(value)) return null;
  const tokenIds = new Uint32Array(value.length);
  const logprobs = new Float64Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const triple = value[i];
    const id = asTokenId(idOfTriple(triple as JsonValue));
    if (id === null) return null;
    const logprob = (triple as JsonValue[])[0];
    tokenIds[i] = id;
    logprobs[i] = typeof logprob === "number" ? logprob : NaN;
  }
  return { tokenIds, logprobs };
}

function idOfTriple(triple: JsonValue): JsonValue | undefined {
  return Array.isArray(triple) ? triple[1] : undefined;
}

function triplesFault(value: JsonValue | undefined): string | null {
  return tokenIdFault(value, "output_token_logprobs", idOfTriple);
}

/** Runs by `weight_versions`; null when its spans do not partition the output. */
function parseVersionSpans(spans: readonly JsonValue[], tokenCount: number): VersionRuns | null {
  const runs: { tokens: number; version: WeightVersion | null }[] = [];
  let position = 0;
  for (const span of spans) {
    const fields = asObject(span);
    const start = asCount(fields?.start);
    const end = asCount(fields?.end);
    if (start !== position || end === null || end < start || end > tokenCount) return null;
    if (end > start) runs.push({ tokens: end - start, version: asVersion(fields?.version) });
    position = end;
  }
  return position === tokenCount ? runs : null;
}

/** Integer-like strings become integers; other strings stay labels. */
function asVersion(value: JsonValue | undefined): WeightVersion | null {
  if (Number.isSafeInteger(value)) return value as number;
  if (typeof value !== "string" || value === "") return null;
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

function findInconsistency(
  { tokenIds, outputIds, completionTokens, finishReason }: ReplyFrame,
): string | null {
  if (completionTokens !== null && completionTokens !== tokenIds.length) {
    return `completion_tokens is ${completionTokens}, ids are ${tokenIds.length}`;
  }
  if (outputIds === null || outputIds === tokenIds) return null;
  if (finishReason?.type === "abort" && endsWith(tokenIds, outputIds)) return null;
  if (outputIds.length !== tokenIds.length) {
    return `output_ids are ${outputIds.length}, output_token_logprobs ${tokenIds.length}`;
  }
  for (let at = 0; at < outputIds.length; at++) {
    if (outputIds[at] !== tokenIds[at]) return `output_ids and output_token_logprobs differ at token ${at}`;
  }
  return null;
}

/** Whether `ids` end with `tail`, which is not empty. */
function endsWith(ids: Uint32Array, tail: Uint32Array): boolean {
  const skipped = ids.length - tail.length;
  return tail.length > 0 && skipped >= 0 && tail.every((id, i) => ids[skipped + i] === id);
}
