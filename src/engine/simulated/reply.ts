/**
 * Replies of `/generate` as SGLang writes them: whole, cumulative so far, or the part since the frame before.
 *
 * @module
 */
import type { Generation, WireFinishReason } from "./generation.ts";
import { hashPair } from "./random.ts";
import type { Sampler } from "./sampler.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** `[logprob, token id, text]`; the first prompt token has no log-probability. */
export type LogprobTriple = readonly [number | null, number, string | null];

/** `meta_info` of a reply. */
export interface WireMetaInfo {
  readonly id: string;
  readonly finish_reason: WireFinishReason | null;
  readonly prompt_tokens: number;
  readonly weight_version: string;
  readonly num_retractions: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly weight_versions?: readonly { version: string; start: number; end: number }[];
  readonly input_token_logprobs?: readonly LogprobTriple[];
  readonly output_token_logprobs?: readonly LogprobTriple[];
  readonly input_top_logprobs?: readonly (readonly LogprobTriple[] | null)[];
  readonly output_top_logprobs?: readonly (readonly LogprobTriple[])[];
  /** Seconds, in the last frame only. */
  readonly e2e_latency?: number;
}

/** One reply, or one frame of it. */
export interface WireReply {
  readonly text: string;
  readonly output_ids: readonly number[];
  readonly meta_info: WireMetaInfo;
  readonly prompt_token_ids?: readonly number[];
  /** Which generation of a batch a frame belongs to; plain replies are in order instead. */
  readonly index?: number;
}

/** What is written besides the generation itself. */
export interface ReplyOptions {
  readonly vocabulary: Vocabulary;
  readonly sampler: Sampler;
  readonly seed: number;
  readonly weightVersion: string;
  /** Newer engines tell which tokens were sampled under which version. */
  readonly reportVersionSpans: boolean;
  readonly nowMs: number;
}

/** What the frames before have carried; a delta starts there. */
export interface FrameOffset {
  readonly tokens: number;
  readonly textUnits: number;
}

/** Nothing sent yet: the frame carries all. */
export const FROM_START: FrameOffset = { tokens: 0, textUnits: 0 };

/** The reply of `generation` as it stands, from `offset` on. O(tokens since the offset). */
export function buildReply(generation: Generation, options: ReplyOptions, offset = FROM_START): WireReply {
  const { item, sample, revealed } = generation;
  return {
    text: generation.text.slice(offset.textUnits),
    output_ids: outputIds(sample.ids, generation, offset.tokens, revealed),
    meta_info: buildMetaInfo(generation, options, offset.tokens),
    ...(item.returnPromptTokenIds ? { prompt_token_ids: Array.from(item.promptIds) } : {}),
    ...(item.stream && item.index !== null ? { index: item.index } : {}),
  };
}

function outputIds(
  ids: readonly number[],
  generation: Generation,
  from: number,
  to: number,
): readonly number[] {
  const { faults, finish, item } = generation;
  // Streamed, an abort in the waiting queue carries the last id only.
  const lastOnly = item.stream && faults.abortRetracted !== undefined && finish?.type === "abort";
  return ids.slice(lastOnly ? Math.max(from, to - 1) : from, to);
}

function buildMetaInfo(generation: Generation, options: ReplyOptions, from: number): WireMetaInfo {
  const { item, revealed, finish, spans } = generation;
  return {
    id: item.rid,
    finish_reason: finish,
    prompt_tokens: item.promptIds.length,
    weight_version: options.weightVersion,
    num_retractions: generation.retractions,
    ...(item.returnLogprob ? logprobFields(generation, options, from) : {}),
    completion_tokens: revealed,
    cached_tokens: generation.cachedTokens,
    ...(options.reportVersionSpans ? { weight_versions: spans } : {}),
    ...(finish === null ? {} : { e2e_latency: Math.max(0, options.nowMs - generation.startedMs) / 1_000 }),
  };
}

function logprobFields(generation: Generation, options: ReplyOptions, from: number): Partial<WireMetaInfo> {
  const { item, sample, revealed } = generation;
  const triples: LogprobTriple[] = [];
  for (let at = from; at < revealed; at++) {
    triples.push([
      sample.logprobs[at]!,
      sample.ids[at]!,
      textInLogprob(generation, options, sample.ids[at]!),
    ]);
  }
  const inputs = promptTriples(generation, options);
  const top = item.topLogprobsNum;
  return {
    input_token_logprobs: inputs,
    output_token_logprobs: triples,
    ...(top === 0 ? {} : {
      input_top_logprobs: inputs.map((each, at) => at === 0 ? null : topOf(each, top, options)),
      output_top_logprobs: triples.map((each) => topOf(each, top, options)),
    }),
  };
}

function promptTriples(generation: Generation, options: ReplyOptions): LogprobTriple[] {
  const { promptIds, logprobStartLen } = generation.item;
  if (logprobStartLen < 0) return [];
  return Array.from(promptIds.subarray(logprobStartLen), (id, at) => {
    const position = logprobStartLen + at;
    const logprob = at === 0 ? null : options.sampler.promptLogprob(options.seed, position, id);
    return [logprob, id, textInLogprob(generation, options, id)];
  });
}

function textInLogprob(generation: Generation, options: ReplyOptions, id: number): string | null {
  return generation.item.returnTextInLogprobs ? options.vocabulary.textOf(id) : null;
}

/** The token itself, then less likely ones that follow from it. */
function topOf(triple: LogprobTriple, count: number, { vocabulary }: ReplyOptions): LogprobTriple[] {
  const [logprob, id] = triple;
  const top: LogprobTriple[] = [triple];
  for (let tries = 1; top.length < count && tries < count * 8; tries++) {
    const other = hashPair(id, tries) % vocabulary.tokenizer.vocabSize;
    if (!vocabulary.has(other) || top.some(([, known]) => known === other)) continue;
    const text = triple[2] === null ? null : vocabulary.textOf(other);
    top.push([Math.fround((logprob ?? 0) - 0.5 * top.length), other, text]);
  }
  return top;
}
