/**
 * What all streamed replies have in common: frames out of bytes, the end mark, and what is a failure.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { TokenDelta, TokenStream } from "./adapter.ts";
import type { SampledOutput } from "./engine.ts";
import { messageOf } from "./error_message.ts";
import { asObject } from "./json_fields.ts";
import { parseJson } from "./read_json.ts";
import { eventData, hasData, isDoneEvent, SseSplitter } from "./sse_frames.ts";

/** Bytes of one server-sent event, in parts. */
export type EventBytes = readonly Uint8Array[];

/** An engine's part of reading a stream. Whatever its methods throw makes the stream a failure. */
export interface FrameReader {
  /** Reads the frames of one chunk, oldest first. */
  read(frames: readonly EventBytes[]): Iterable<TokenDelta>;
  /** The end mark came. */
  finish(): Iterable<TokenDelta>;
  /** What was sampled, in order of index; asked for after `finish()`. */
  outputs(): SampledOutput[];
}

/** A {@link TokenStream} over an engine's frames. */
export class FrameStream implements TokenStream {
  readonly #reader: FrameReader;
  readonly #splitter = new SseSplitter();
  #done = false;
  #failure: string | null = null;

  constructor(reader: FrameReader) {
    this.#reader = reader;
  }

  get done(): boolean {
    return this.#done;
  }

  get failure(): string | null {
    return this.#failure;
  }

  push(chunk: Uint8Array): TokenDelta[] {
    const deltas: TokenDelta[] = [];
    if (this.#done || this.#failure !== null) return deltas;
    try {
      const { frames, ended } = this.#split(chunk);
      // What was told before a failure was sampled: it goes out.
      if (frames.length > 0) { for (const delta of this.#reader.read(frames)) deltas.push(delta); }
      if (ended) {
        for (const delta of this.#reader.finish()) deltas.push(delta);
        this.#done = true;
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
    return deltas;
  }

  end(): void {
    if (this.#done || this.#failure !== null) return;
    this.#failure = "the stream ended before [DONE]";
  }

  outputs(): SampledOutput[] | null {
    return this.#done ? this.#reader.outputs() : null;
  }

  #split(chunk: Uint8Array): { frames: EventBytes[]; ended: boolean } {
    const frames: EventBytes[] = [];
    let ended = false;
    this.#splitter.push(chunk, (event) => {
      if (ended || !hasData(event)) return;
      if (isDoneEvent(event)) ended = true;
      else frames.push(event);
    });
    return { frames, ended };
  }
}

/**
 * The object in a frame.
 *
 * @throws {Error} when it is none, or tells an error
 */
export function parseFrame(event: EventBytes): JsonObject {
  return frameOf(eventData(event) ?? "");
}

/**
 * The object in the text of a frame.
 *
 * @throws {Error} as {@link parseFrame}
 */
export function frameOf(json: string): JsonObject {
  const value = parseJson(json);
  const message = messageOf(value);
  if (message !== null) throw new Error(`the engine reported an error: ${message}`);
  const frame = asObject(value);
  if (frame === null) throw new Error("a frame is no JSON object");
  return frame;
}
