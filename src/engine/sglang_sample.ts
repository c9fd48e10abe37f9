/**
 * One sample of a streamed SGLang reply, folded from its frames.
 *
 * @module
 */
import type { JsonObject, WeightVersion } from "../types.ts";
import type { TokenDelta } from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";
import { SampleBuffer } from "./sample_buffer.ts";
import { parseTopLogprobs } from "./sglang_top_logprobs.ts";
import { type ReplyFrame, toSampledOutput } from "./sglang.ts";

interface VersionRun {
  tokens: number;
  readonly version: WeightVersion | null;
}

interface Held {
  readonly frame: ReplyFrame;
  readonly meta: JsonObject | null;
}

/** Folds frames; throws where they contradict one another. */
export class SglangSample {
  readonly #index: number;
  readonly #topLogprobs: number;
  readonly #buffer = new SampleBuffer();
  readonly #runs: VersionRun[] = [];
  #newest: ReplyFrame | null = null;
  #mode: "unknown" | "cumulative" | "delta" = "unknown";
  /** `output_ids` of the newest frame, when it held all. */
  #wholeIds: Uint32Array | null = null;
  #contradiction: string | null = null;
  #text: string | null = "";
  /** Frames that may be cumulative or deltas, the first of them counted among the tokens already. */
  #held: Held[] = [];

  constructor(index: number, topLogprobs: number) {
    this.#index = index;
    this.#topLogprobs = topLogprobs;
  }

  /** Tokens so far. */
  get count(): number {
    return this.#buffer.count;
  }

  /** A frame that held all tokens so far, cut to those that are new; its text is whole. */
  *addRest(frame: ReplyFrame, meta: JsonObject | null): Generator<TokenDelta> {
    this.#mode = "cumulative";
    this.#checkIds(frame);
    yield* this.#append(frame, 0, 0, this.#grownText(frame.text), meta);
  }

  *add(frame: ReplyFrame, meta: JsonObject | null): Generator<TokenDelta> {
    if (frame.completionTokens === null) return yield* this.#addUncounted(frame, meta);
    const before = this.#buffer.count;
    const size = frame.tokenIds.length;
    if (size === frame.completionTokens) yield* this.#addWhole(frame, meta);
    else if (before + size === frame.completionTokens) yield* this.#addDelta(frame, meta);
    else if (this.#endsWith(frame)) yield* this.#append(frame, size, size, this.#newText(frame.text), meta);
    else {
      throw new Error(
        `completion_tokens is ${frame.completionTokens}, ${before} ids came before and ${size} in this frame`,
      );
    }
  }

  /** The end mark: held frames are cumulative if each begins with the one before and some grew, deltas if not. */
  *finish(): Generator<TokenDelta> {
    const newest = this.#held.at(-1);
    if (this.#held.length < 2 || newest === undefined) return;
    const sizes = this.#held.map(({ frame }) => frame.tokenIds.length).filter((size) => size > 0);
    if (sizes.length > 1 && sizes[0] === sizes[sizes.length - 1]) {
      throw new Error(
        "frames without completion_tokens repeat one another: they may be cumulative or deltas",
      );
    }
    yield* this.#addWhole(newest.frame, newest.meta);
  }

  /** What was sampled, the parts of the reply held against one another. */
  output(): SampledOutput {
    const newest = this.#newest as ReplyFrame;
    const topLogprobs = this.#buffer.topLogprobs;
    const output = toSampledOutput({
      ...newest,
      text: this.#text,
      tokenIds: this.#buffer.tokenIds.slice(),
      logprobs: this.#buffer.logprobs.slice(),
      outputIds: this.#wholeIds,
    }, this.#runs.some(({ version }) => version !== null) ? this.#runs : []);
    return {
      ...output,
      ...(topLogprobs === null ? {} : { topLogprobs }),
      inconsistency: this.#contradiction ?? output.inconsistency,
    };
  }

  /** A frame that holds all tokens so far. */
  *#addWhole(frame: ReplyFrame, meta: JsonObject | null): Generator<TokenDelta> {
    const from = this.#buffer.count;
    this.#checkPrefix(frame);
    if (from > 0) this.#mode = "cumulative";
    yield* this.#append(frame, from, from, this.#grownText(frame.text), meta);
    this.#wholeIds = frame.outputIds;
  }

  /** A frame that holds what is new. */
  *#addDelta(frame: ReplyFrame, meta: JsonObject | null): Generator<TokenDelta> {
    const isAbort = frame.finishReason?.type === "abort";
    if (this.#mode === "unknown" && !isAbort) this.#mode = "delta";
    this.#checkIds(frame);
    yield* this.#append(frame, 0, 0, this.#newText(frame.text), meta);
  }

  /** Notes ids that are told in two ways. */
  #checkIds({ outputIds, tokenIds, finishReason }: ReplyFrame): void {
    const isTail = finishReason?.type === "abort" && tokenIds.length === 0;
    if (outputIds === null || isTail || sameIds(outputIds, tokenIds)) return;
    this.#contradiction ??= `output_ids and output_token_logprobs differ behind token ${this.#buffer.count}`;
  }

  /** Text of a frame that may hold the whole text, if only its last id. */
  #newText(text: string | null): string | null {
    if (this.#mode === "cumulative") return this.#grownText(text);
    // Nobody can tell which of the two an abort behind a single frame is.
    if (this.#mode === "unknown" && this.#buffer.count > 0) text = null;
    this.#text = this.#text === null || text === null ? null : this.#text + text;
    return text;
  }

  /** What a whole text adds to the text before; null when the engine took something back. */
  #grownText(text: string | null): string | null {
    const before = this.#text;
    this.#text = text;
    return before === null || text === null || !text.startsWith(before) ? null : text.slice(before.length);
  }

  /** Takes a frame's tokens from `from` on; its lists of likely tokens begin at `topFrom`. */
  *#append(
    frame: ReplyFrame,
    from: number,
    topFrom: number,
    text: string | null,
    meta: JsonObject | null,
  ): Generator<TokenDelta> {
    const tokenIds = frame.tokenIds.subarray(from);
    const logprobs = frame.logprobs.subarray(from);
    const topLogprobs = this.#topLogprobs === 0
      ? null
      : parseTopLogprobs(meta?.output_top_logprobs, topFrom, topFrom + tokenIds.length, this.#topLogprobs);
    const hasEnded = this.#newest !== null && this.#newest.finishReason !== null;
    const finishReason = hasEnded ? null : frame.finishReason;
    this.#wholeIds = null;
    this.#buffer.append(tokenIds, logprobs, topLogprobs);
    this.#noteVersion(tokenIds.length, frame.version);
    this.#newest = frame;
    if (tokenIds.length === 0 && finishReason === null && (text === null || text === "")) return;
    yield { index: this.#index, tokenIds, logprobs, topLogprobs, text, finishReason };
  }

  *#addUncounted(frame: ReplyFrame, meta: JsonObject | null): Generator<TokenDelta> {
    if (this.#held.length === 0 && this.#buffer.count > 0) return yield* this.#addDelta(frame, meta);
    this.#held.push({ frame, meta });
    // The first tokens are the same either way.
    if (this.#buffer.count === 0) return yield* this.#addWhole(frame, meta);
    const [before, newest] = this.#held.slice(-2) as [Held, Held];
    if (isPrefix(before.frame.tokenIds, newest.frame.tokenIds)) return;
    const held = this.#held.slice(this.#held.findIndex(({ frame }) => frame.tokenIds.length > 0) + 1);
    this.#held = [];
    for (const each of held) yield* this.#addDelta(each.frame, each.meta);
  }

  #noteVersion(tokens: number, version: WeightVersion | null): void {
    const last = this.#runs.at(-1);
    if (tokens === 0) return;
    if (last?.version === version) last.tokens += tokens;
    else this.#runs.push({ tokens, version });
  }

  /** What was told once is told again. */
  #checkPrefix({ tokenIds, logprobs }: ReplyFrame): void {
    const { count, tokenIds: ids, logprobs: told } = this.#buffer;
    if (tokenIds.length < count) {
      throw new Error(`a frame holds ${tokenIds.length} tokens, ${count} came before`);
    }
    for (let i = 0; i < count; i++) {
      if (ids[i] === tokenIds[i] && Object.is(told[i], logprobs[i])) continue;
      throw new Error(`frames contradict one another at token ${i}: id or logprob changed`);
    }
  }

  /** An abort may carry the last id only; all of them came before. */
  #endsWith({ tokenIds, completionTokens, finishReason }: ReplyFrame): boolean {
    const { count, tokenIds: ids } = this.#buffer;
    return finishReason?.type === "abort" && completionTokens === count && tokenIds.length <= count &&
      sameIds(ids.subarray(count - tokenIds.length), tokenIds);
  }
}

function sameIds(left: Uint32Array, right: Uint32Array): boolean {
  return left.length === right.length && isPrefix(left, right);
}

function isPrefix(prefix: Uint32Array, ids: Uint32Array): boolean {
  return prefix.length <= ids.length && prefix.every((id, i) => ids[i] === id);
}
