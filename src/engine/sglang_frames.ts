/**
 * SGLang's frames as deltas, whether the engine sends all so far in each frame or only what is new.
 *
 * A frame counts the tokens so far (`completion_tokens`): one that holds them all is cumulative, one that continues where
 * the frame before ended is a delta. Frames that do not count wait until a later one, or the end, shows which they are.
 *
 * A stream of cumulative frames grows with the square of its length. Two things keep the cost down: of several frames in
 * one chunk only the newest is read, and of a frame only what it adds is parsed. The first is left out where it would
 * lose something, with engines that tell one version a frame instead of one a token; both with several samples.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { TokenDelta } from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";
import { type EventBytes, frameOf, type FrameReader } from "./frame_stream.ts";
import { asCount, asObject } from "./json_fields.ts";
import { Samples } from "./samples.ts";
import { SglangSample } from "./sglang_sample.ts";
import { parseReplyFrame, type ReplyFrame } from "./sglang.ts";
import { FrameShrinker } from "./shrink_frame.ts";
import { eventData } from "./sse_frames.ts";

interface ParsedFrame {
  readonly index: number;
  readonly frame: ReplyFrame;
  readonly meta: JsonObject | null;
  /** The frame was cut to what it adds. */
  readonly isRest: boolean;
}

/** Reads the frames of one reply. */
export class SglangFrameReader implements FrameReader {
  readonly #samples: Samples<SglangSample>;
  readonly #shrinker = new FrameShrinker();
  /** As far as is known; several samples interleave, and are not looked at. */
  #mayBeCumulative: boolean;

  constructor(sampleCount: number, topLogprobs: number) {
    this.#mayBeCumulative = sampleCount === 1;
    this.#samples = new Samples(sampleCount, (index) => new SglangSample(index, topLogprobs));
  }

  *read(events: readonly EventBytes[]): Generator<TokenDelta> {
    const newest = events.length > 1 && this.#mayBeCumulative ? this.#standsAlone(events) : null;
    if (newest !== null) return yield* this.#take(newest);
    for (const event of events) yield* this.#take(this.#parse(event));
  }

  *finish(): Generator<TokenDelta> {
    for (const sample of this.#samples.all()) yield* sample.finish();
  }

  outputs(): SampledOutput[] {
    return this.#samples.all().map((sample) => sample.output());
  }

  /** The newest frame when it holds all that the frames before it hold. */
  #standsAlone(events: readonly EventBytes[]): ParsedFrame | null {
    let newest: ParsedFrame;
    try {
      newest = this.#parse(events[events.length - 1] as EventBytes);
    } catch {
      return null; // What came before it is read first, and it fails then.
    }
    const { isRest, frame: { tokenIds, completionTokens, version, versionSpans } } = newest;
    const isWhole = isRest || completionTokens === tokenIds.length;
    return isWhole && (versionSpans !== null || version === null) ? newest : null;
  }

  #parse(event: EventBytes): ParsedFrame {
    const json = eventData(event) ?? "";
    const short = this.#mayBeCumulative ? this.#shrinker.shrink(json) : null;
    const rest = short === null ? null : this.#parseRest(short);
    if (rest !== null) return rest;
    const parsed = parseReply(json);
    const { tokenIds, completionTokens } = parsed.frame;
    if (completionTokens !== null && tokenIds.length < completionTokens) this.#mayBeCumulative = false;
    return parsed;
  }

  /** Null when the engine counts otherwise: the frame is a delta that begins as the one before did. */
  #parseRest(short: string): ParsedFrame | null {
    const parsed = parseReply(short);
    const { tokenIds, completionTokens } = parsed.frame;
    const told = this.#samples.at(parsed.index).count;
    return completionTokens === told + tokenIds.length ? { ...parsed, isRest: true } : null;
  }

  #take({ index, frame, meta, isRest }: ParsedFrame): Iterable<TokenDelta> {
    const sample = this.#samples.at(index);
    return isRest ? sample.addRest(frame, meta) : sample.add(frame, meta);
  }
}

function parseReply(json: string): ParsedFrame {
  const value = frameOf(json);
  const frame = parseReplyFrame(value);
  if (frame === null) throw new Error("a frame is no generate reply");
  if (frame.fault !== null) throw new Error(frame.fault);
  return { index: asCount(value.index) ?? 0, frame, meta: asObject(value.meta_info), isRest: false };
}
