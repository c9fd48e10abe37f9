/**
 * vLLM's replies, whole and streamed, of either endpoint. A whole reply is read as a stream of one chunk: there is one
 * way from choices to outputs.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { TokenDelta } from "./adapter.ts";
import type { FinishReason, SampledOutput } from "./engine.ts";
import { type EventBytes, type FrameReader, parseFrame } from "./frame_stream.ts";
import { SampleBuffer } from "./sample_buffer.ts";
import { Samples } from "./samples.ts";
import { parseChoice, type VllmChoice } from "./vllm_choice.ts";
import { parseUsage, usageContradiction, type VllmUsage } from "./vllm_usage.ts";

/**
 * vLLM streams no chunk without tokens, so a generation that it aborts between two tokens ends without a finish reason:
 * nothing else does.
 */
const UNTOLD_ABORT: FinishReason = {
  type: "abort",
  message: "the stream ended without a finish reason: the engine aborts between two tokens so",
};

/** Folds chunks. */
export class VllmFrameReader implements FrameReader {
  readonly #sampleCount: number;
  readonly #topLogprobs: number;
  readonly #samples: Samples<VllmSample>;
  #usage: VllmUsage = parseUsage(undefined);

  constructor(sampleCount: number, topLogprobs: number) {
    this.#sampleCount = sampleCount;
    this.#topLogprobs = topLogprobs;
    this.#samples = new Samples(sampleCount, (index) => new VllmSample(index));
  }

  *read(events: readonly EventBytes[]): Generator<TokenDelta> {
    for (const event of events) yield* this.add(parseFrame(event));
  }

  /** Reads a chunk, or a whole reply. @throws {Error} when it is neither */
  *add(chunk: JsonObject): Generator<TokenDelta> {
    if (!Array.isArray(chunk.choices)) throw new Error("a frame has no choices");
    if (chunk.usage !== undefined && chunk.usage !== null) this.#usage = parseUsage(chunk.usage);
    for (const value of chunk.choices) {
      const choice = parseChoice(value, this.#topLogprobs);
      const delta = this.#samples.at(choice.index).add(choice);
      if (delta !== null) yield delta;
    }
  }

  *finish(): Generator<TokenDelta> {
    for (let index = 0; index < this.#sampleCount; index++) {
      const delta = this.#samples.at(index).finish();
      if (delta !== null) yield delta;
    }
  }

  outputs(): SampledOutput[] {
    const samples = this.#samples.all();
    const tokens = samples.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    const promptTokens = samples.find((sample) => sample.promptTokens !== null)?.promptTokens ?? null;
    const contradiction = usageContradiction(this.#usage, tokens, promptTokens);
    return samples.map((sample) => ({
      ...sample.output(),
      promptTokens: this.#usage.promptTokens ?? promptTokens,
      // The engine counts all samples together.
      completionTokens: samples.length === 1 ? this.#usage.completionTokens : null,
      cachedTokens: this.#usage.cachedTokens,
      inconsistency: sample.contradiction ?? contradiction,
    }));
  }
}

/** One sample. */
class VllmSample {
  promptTokens: number | null = null;
  contradiction: string | null = null;
  readonly #index: number;
  readonly #buffer = new SampleBuffer();
  #text: string | null = "";
  #finishReason: FinishReason | null = null;

  constructor(index: number) {
    this.#index = index;
  }

  get tokenCount(): number {
    return this.#buffer.count;
  }

  add(choice: VllmChoice): TokenDelta | null {
    const { tokenIds, logprobs, topLogprobs, text, finishReason } = choice;
    if (this.#finishReason !== null && tokenIds.length > 0) {
      throw new Error(`sample ${this.#index} goes on after its finish reason`);
    }
    const isNewEnd = this.#finishReason === null && finishReason !== null;
    this.#buffer.append(tokenIds, logprobs, topLogprobs);
    this.#text = this.#text === null || text === null ? null : this.#text + text;
    this.#finishReason ??= finishReason;
    this.promptTokens ??= choice.promptTokens;
    this.contradiction ??= choice.contradiction;
    if (tokenIds.length === 0 && !isNewEnd && (text ?? "") === "") return null;
    return {
      index: this.#index,
      tokenIds,
      logprobs,
      topLogprobs,
      text,
      finishReason: isNewEnd ? finishReason : null,
    };
  }

  finish(): TokenDelta | null {
    if (this.#finishReason !== null) return null;
    this.#finishReason = UNTOLD_ABORT;
    return {
      index: this.#index,
      tokenIds: new Uint32Array(),
      logprobs: new Float64Array(),
      topLogprobs: null,
      text: null,
      finishReason: UNTOLD_ABORT,
    };
  }

  output(): Pick<
    SampledOutput,
    "text" | "tokenIds" | "logprobs" | "topLogprobs" | "finishReason" | "versions"
  > {
    const { tokenIds, logprobs, topLogprobs } = this.#buffer;
    return {
      text: this.#text,
      tokenIds: tokenIds.slice(),
      logprobs: logprobs.slice(),
      ...(topLogprobs === null ? {} : { topLogprobs }),
      finishReason: this.#finishReason,
      versions: [],
    };
  }
}
