/**
 * The contract of engine adapters: one request for tokens, written in an engine's own wire format, and its reply read
 * back into {@link SampledOutput}s. Adapters are pure: bytes and values in, bytes and values out. Who opens connections
 * is `proxy/`'s business.
 *
 * An adapter asks the engine for ids and log-probabilities whatever the client asked for, and never for anything that
 * changes what is sampled. `createEngineAdapter` in `create.ts` gives one by name.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import type { FinishReason, SampledOutput, TopLogprob } from "./engine.ts";

/**
 * How to sample, in OpenAI's terms. A field that is absent is left to the engine's default, save `maxTokens`, which is
 * then what the context has room for.
 */
export interface SamplingSettings {
  /** Most tokens to sample. Default: the rest of the context. */
  readonly maxTokens?: number;
  /** No end of sequence before so many. */
  readonly minTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  /** Samples of one prompt. Default 1. */
  readonly n?: number;
  /** Strings that end the generation; their tokens stay in the ids. */
  readonly stop?: readonly string[];
  /** Ids that end it besides the model's own; the id stays. */
  readonly stopTokenIds?: readonly number[];
  /** Do not stop at the model's own end of sequence. */
  readonly ignoreEos?: boolean;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repetitionPenalty?: number;
  /** By token id, as a string of digits. */
  readonly logitBias?: Readonly<Record<string, number>>;
  /** Likeliest tokens to tell at each place. Default 0: none. */
  readonly topLogprobs?: number;
  /** OpenAI's `response_format`, as the client wrote it. */
  readonly responseFormat?: JsonValue;
}

/** One prompt to be continued. */
export interface TokenRequest {
  /** The prompt. These very ids are POSTed. */
  readonly inputIds: Uint32Array;
  readonly sampling: SamplingSettings;
  readonly stream: boolean;
  /** Id of the request in the engine: not empty, and no prefix of another one that runs. */
  readonly rid: string;
  /**
   * Fields that the router does not know, passed on. Names among the engine's sampling parameters go there, the others
   * to the top of the body. Fields that the adapter writes itself are ignored here; those that would change the prompt
   * or the shape of the reply are refused.
   */
  readonly extra: JsonObject;
  /** Tokens that the engine's context holds; needed only where `needsContext` says so. */
  readonly contextTokens?: number;
}

/** What is POSTed, as `application/json`. */
export interface EncodedRequest {
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A whole reply. */
export type DecodedReply =
  | { readonly kind: "outputs"; readonly outputs: SampledOutput[] }
  | {
    readonly kind: "error";
    /** HTTP status to tell: the engine's own, or 502 when a reply of 200 cannot be used. */
    readonly status: number;
    /** One line: the engine's message, or why its reply cannot be read. */
    readonly message: string;
  };

/** What one sample gained since its last delta. */
export interface TokenDelta {
  /** Which of the `n` samples. */
  readonly index: number;
  /** New ids; empty in a delta that tells the end only. */
  readonly tokenIds: Uint32Array;
  /** One an id; NaN where the engine gave none. */
  readonly logprobs: Float64Array;
  /** One list an id, likeliest first; null when none were asked for or told. */
  readonly topLogprobs: readonly (readonly TopLogprob[])[] | null;
  /** New text as the engine decoded it: a hint only; null when it told none. */
  readonly text: string | null;
  /** Why the sample ended; null while it runs. */
  readonly finishReason: FinishReason | null;
}

/** Reads one streamed reply. Feed it every chunk, then `end()`; ask for `outputs()` once `done`. */
export interface TokenStream {
  /**
   * Reads one chunk, cut anywhere, and returns what it brought, in order. Of several cumulative frames in one chunk
   * only the newest is parsed. Nothing is returned after a failure or the end mark.
   */
  push(chunk: Uint8Array): TokenDelta[];
  /** The connection ended: without the end mark before, that is a failure. */
  end(): void;
  /** The engine closed the stream with its end mark, and nothing was wrong. */
  readonly done: boolean;
  /** Why the stream cannot be recorded, in one line, or null. */
  readonly failure: string | null;
  /**
   * What was sampled, in order of index, as many as were asked for; null unless `done`. Ids, logprobs and texts are
   * the deltas joined. Read `inconsistency` before recording one.
   */
  outputs(): SampledOutput[] | null;
}

/** One engine's wire format. */
export interface EngineAdapter {
  /** As `createEngineAdapter` knows it. */
  readonly name: string;
  /** Whether replies tell the weight version of their tokens. When not, see `stampVersion` in `versions.ts`. */
  readonly tellsVersions: boolean;
  /** Whether a request can be written only with `contextTokens`: the engine has no way to say "as much as fits". */
  needsContext(request: TokenRequest): boolean;
  /**
   * Writes a request. O(ids).
   *
   * @throws {BadRequestError} for a field of `extra` that would change the prompt or the shape of the reply
   * @throws {RangeError} for an empty prompt or rid
   */
  encode(request: TokenRequest): EncodedRequest;
  /**
   * Reads a whole reply.
   *
   * @param sampleCount `n` of the request; another number of samples is an error. Default 1.
   * @param topLogprobs as in the request. Default 0: none are read.
   */
  decode(status: number, body: Uint8Array, sampleCount?: number, topLogprobs?: number): DecodedReply;
  /**
   * Reads a reply of status 200 that streams.
   *
   * @param sampleCount `n` of the request; another number of samples is a failure. Default 1.
   * @param topLogprobs as in the request. Default 0: none are read.
   */
  openStream(sampleCount?: number, topLogprobs?: number): TokenStream;
}
