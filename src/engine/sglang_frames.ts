/**
 * SGLang's frames as deltas, whether the engine sends all so far in each frame or only what is new.
 *
 * A frame counts the tokens so far (`completion_tokens`): one that holds them all is cumulative, one that continues where
 * the frame before ended is a delta. Frames that do not count wait until a later one, or the end, shows which they are.
 *
 * A cumulative frame is parsed whole, so a stream costs the square of its length, unless several frames come in one
 * chunk: then only the newest is. That is left out where it would lose something: with several samples, and with engines
 * that tell one version a frame instead of one a token.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { TokenDelta } from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";
import { type EventBytes, type FrameReader, parseFrame } from "./frame_stream.ts";
import { asCount, asObject } from "./json_fields.ts";
import { Samples } from "./samples.ts";
import { SglangSample } from "./sglang_sample.ts";
import { parseReplyFrame, type ReplyFrame } from "./sglang.ts";

interface ParsedFrame {
  readonly index: number;
  readonly frame: ReplyFrame;
  readonly meta: JsonObject | null;
}

/** Reads the frames of one reply. */
export class SglangFrameReader implements FrameReader {
  readonly #samples: Samples<SglangSample>;
  /** As far as is known; several samples interleave, and are not looked at. */
  #mayBeCumulative: boolean;

  constructor(sampleCount: number, topLogprobs: number) {
    this.#mayBeCumulative = sampleCount === 1;
    this.#samples = new Samples(sampleCount, (index) => new SglangSample(index, topLogprobs));
  }

  *read(events: readonly EventBytes[]): Generator<TokenDelta> {
    const newest = events.length > 1 && this.#mayBeCumulative ? this.#standsAlone(events) : null;
    if (newest !== null) return yield* this.#take(newest);
    for (const event of events) yield* this.#take(parseReply(event));
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
      newest = parseReply(events[events.length - 1] as EventBytes);
    } catch {
      return null; // What came before it is read first, and it fails then.
    }
    const { tokenIds, completionTokens, version, versionSpans } = newest.frame;
    const isWhole = completionTokens === tokenIds.length;
    this.#mayBeCumulative &&= isWhole;
    return isWhole && (versionSpans !== null || version === null) ? newest : null;
  }

  #take({ index, frame, meta }: ParsedFrame): Iterable<TokenDelta> {
    return this.#samples.at(index).add(frame, meta);
  }
}

function parseReply(event: EventBytes): ParsedFrame {
  const value = parseFrame(event);
  const frame = parseReplyFrame(value);
  if (frame === null) throw new Error("a frame is no generate reply");
  return { index: asCount(value.index) ?? 0, frame, meta: asObject(value.meta_info) };
}
