/**
 * Collects what a streamed `/generate` reply sampled, while its bytes pass through elsewhere.
 *
 * Frames are cumulative by default: frame k holds all that frames 1..k-1 hold, so the bytes of a reply grow with the
 * square of its length. Once two frames have shown that a stream is cumulative, only the bytes of the newest frame are
 * kept, and only the last one is parsed. Delta frames are parsed one by one. Replies with several samples (`n` > 1)
 * interleave frames by `index`, and each is parsed. An engine that does not count its tokens is read to the end before
 * its frames are taken for the one or the other.
 *
 * A stream is complete with `[DONE]`, or as soon as the newest frame of every sample has a finish reason: an engine may
 * close the connection without the mark, and a client may act before the mark comes.
 *
 * @module
 */
import type { JsonObject, WeightVersion } from "../types.ts";
import type { FinishReason, SampledOutput } from "./engine.ts";
import { asCount, asObject, asString } from "./json_fields.ts";
import { parseJson } from "./read_json.ts";
import { parseReplyFrame, type ReplyFrame, toSampledOutput } from "./sglang.ts";
import { eventData, hasData, isDoneEvent, mentionsFinishReason, SseSplitter } from "./sse_frames.ts";

type StreamMode = "unknown" | "cumulative" | "delta";

/** Reader of one streamed reply. Feed it every chunk; ask for `outputs()` once `isComplete`. */
export class GenerateStreamReader {
  readonly #splitter = new SseSplitter();
  readonly #samples = new Map<number, SampleFrames>();
  #newestEvent: Uint8Array[] | null = null;
  #done = false;
  #failure: string | null = null;
  readonly #sampleCount: number;

  /** @param sampleCount `sampling_params.n` of the request */
  constructor(sampleCount = 1) {
    this.#sampleCount = sampleCount;
  }

  /** All was sampled: the stream came to `[DONE]`, or every sample to its finish reason. */
  get isComplete(): boolean {
    if (this.#done) return true;
    if (this.#newestEvent !== null || this.#samples.size < this.#sampleCount) return false;
    for (const sample of this.#samples.values()) if (!sample.isFinished) return false;
    return true;
  }

  /** Whether any event has come whole. */
  get hasEvent(): boolean {
    return this.#done || this.#failure !== null || this.#newestEvent !== null || this.#samples.size > 0;
  }

  /** `finish_reason` of the first event of the first sample; null while it runs on. */
  get firstFinishReason(): FinishReason | null {
    return this.#samples.get(0)?.firstFinishReason ?? null;
  }

  /** Why the stream cannot be recorded, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Reads one chunk of the reply, cut anywhere. */
  push(chunk: Uint8Array): void {
    if (this.#failure !== null) return;
    try {
      this.#splitter.push(chunk, (event) => this.#onEvent(event));
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** What was sampled, in order of index; null unless the stream is complete and well-formed. */
  outputs(): SampledOutput[] | null {
    if (!this.isComplete || this.#failure !== null) return null;
    this.#parseNewest();
    if (this.#failure !== null || this.#samples.size === 0) return null;
    const outputs: SampledOutput[] = [];
    for (const [, sample] of [...this.#samples].sort(([a], [b]) => a - b)) outputs.push(sample.result());
    return outputs;
  }

  #onEvent(event: Uint8Array[]): void {
    if (isDoneEvent(event)) {
      this.#done = true;
      return;
    }
    if (!hasData(event)) return;
    this.#newestEvent = event;
    const isHeld = this.#sampleCount === 1 && this.#samples.get(0)?.mode === "cumulative";
    if (!isHeld || mentionsFinishReason(event)) this.#parseNewest();
  }

  #parseNewest(): void {
    if (this.#newestEvent === null) return;
    const data = eventData(this.#newestEvent);
    this.#newestEvent = null;
    const value = asObject(parseJson(data ?? ""));
    const frame = parseReplyFrame(value ?? undefined);
    if (frame === null) {
      this.#failure = describeError(value) ?? "an event is no generate reply";
      return;
    }
    if (frame.fault !== null) {
      this.#failure = frame.fault;
      return;
    }
    const index = asCount(value?.index) ?? 0;
    const sample = this.#samples.get(index);
    if (sample === undefined) this.#samples.set(index, new SampleFrames(frame));
    else sample.add(frame);
  }
}

/** The frames of one sample, folded. */
class SampleFrames {
  mode: StreamMode = "unknown";
  readonly firstFinishReason: FinishReason | null;
  #newest: ReplyFrame;
  #deltas: ReplyFrame[];

  constructor(first: ReplyFrame) {
    this.firstFinishReason = first.finishReason;
    this.#newest = first;
    this.#deltas = [first];
    if (isDelta(first)) this.mode = "delta";
  }

  /** The newest frame says why the generation ended. */
  get isFinished(): boolean {
    return this.#newest.isFinished;
  }

  add(frame: ReplyFrame): void {
    if (this.mode === "unknown") this.mode = decideMode(this.#newest, frame);
    if (this.mode !== "cumulative") this.#deltas.push(frame);
    else this.#deltas = [];
    this.#newest = frame;
  }

  result(): SampledOutput {
    const mode = this.mode === "unknown" ? modeOf(this.#deltas) : this.mode;
    const frames = mode === "delta" ? this.#deltas : [this.#newest];
    const output = toSampledOutput(
      mode === "delta" ? concatFrames(frames) : this.#newest,
      versionRuns(frames),
    );
    return mode === "unknown" ? { ...output, inconsistency: UNKNOWN_MODE } : output;
  }
}

const UNKNOWN_MODE = "frames without completion_tokens repeat one another: they may be cumulative or deltas";

/** A frame that counts more tokens than it holds. */
function isDelta(frame: ReplyFrame): boolean {
  return frame.completionTokens !== null && frame.tokenIds.length < frame.completionTokens;
}

function decideMode(previous: ReplyFrame, frame: ReplyFrame): StreamMode {
  if (isDelta(frame)) return "delta";
  if (previous.tokenIds.length === 0 || frame.completionTokens === null) return "unknown";
  return "cumulative";
}

/** By all frames of a finished stream: cumulative ones begin with one another, and grow. */
function modeOf(frames: readonly ReplyFrame[]): StreamMode {
  let hasGrown = false;
  let previous: Uint32Array = new Uint32Array();
  for (const { tokenIds } of frames) {
    if (!previous.every((id, i) => tokenIds[i] === id)) return "delta";
    hasGrown ||= previous.length > 0 && tokenIds.length > previous.length;
    previous = tokenIds;
  }
  const spoke = frames.filter(({ tokenIds }) => tokenIds.length > 0).length;
  return hasGrown || spoke <= 1 ? "cumulative" : "unknown";
}

function concatFrames(frames: readonly ReplyFrame[]): ReplyFrame {
  const newest = frames[frames.length - 1] as ReplyFrame;
  const count = frames.reduce((sum, frame) => sum + frame.tokenIds.length, 0);
  const tokenIds = new Uint32Array(count);
  const logprobs = new Float64Array(count);
  let position = 0;
  for (const frame of frames) {
    tokenIds.set(frame.tokenIds, position);
    logprobs.set(frame.logprobs, position);
    position += frame.tokenIds.length;
  }
  const text = frames.every((frame) => frame.text !== null)
    ? frames.map((frame) => frame.text).join("")
    : null;
  const contradiction = frames.find(({ outputIds, tokenIds }) =>
    outputIds !== null &&
    (outputIds.length !== tokenIds.length || outputIds.some((id, i) => id !== tokenIds[i]))
  );
  return { ...newest, text, tokenIds, logprobs, outputIds: contradiction?.outputIds ?? null };
}

/** Neighbouring frames of one version are one run. */
function versionRuns(frames: readonly ReplyFrame[]): { tokens: number; version: WeightVersion | null }[] {
  const runs: { tokens: number; version: WeightVersion | null }[] = [];
  for (const { version, tokenIds } of frames) {
    if (tokenIds.length === 0) continue;
    const last = runs[runs.length - 1];
    if (last !== undefined && last.version === version) last.tokens += tokenIds.length;
    else runs.push({ tokens: tokenIds.length, version });
  }
  return runs;
}

function describeError(value: JsonObject | null): string | null {
  const error = value?.error;
  if (error === undefined) return null;
  return `the engine reported an error: ${
    asString(asObject(error)?.message) ?? asString(error) ?? "without a message"
  }`;
}
