/**
 * The simulated model: from a prompt to the tokens it "samples". Pure but for the caches of the vocabulary; the same
 * seed, prompt and parameters give the same tokens.
 *
 * @module
 */
import type { Random } from "../../types.ts";
import { PHRASES } from "./phrases.ts";
import { createRandom, hashPair, logprobAt } from "./random.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What a script sees of a request. */
export interface ScriptPrompt {
  /** The prompt as the engine received it: text, or null when ids came. */
  readonly text: string | null;
  readonly ids: Uint32Array;
  /** Number of this generation in the life of the engine, from 0. */
  readonly ordinal: number;
}

/**
 * What a script answers with. A string is encoded, re-split as the engine's `splitProbability` says, and closed with the
 * stop token. `ids` are sampled exactly as they stand, nothing added: when they run out without a stop token, the finish
 * reason is `length`. `logprobs`, one an id, replace the simulated ones.
 */
export type ScriptedReply =
  | string
  | { readonly ids: ArrayLike<number>; readonly logprobs?: ArrayLike<number> };

/** A scripted model: prompt in, reply out; undefined leaves the reply to the built-in source. */
export type Script = (prompt: ScriptPrompt) => ScriptedReply | undefined;

/** What of `sampling_params` decides the tokens. */
export interface SampleLimits {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly ignoreEos: boolean;
  /** Ids that stop, those of the engine included. */
  readonly stopIds: ReadonlySet<number>;
}

/** Settings of the model itself. */
export interface SamplerOptions {
  readonly vocabulary: Vocabulary;
  /** Sampled at the natural end; null when the vocabulary has none, then only limits end a reply. */
  readonly stopId: number | null;
  /** Chance of each token to be replaced by a non-canonical split, 0 to 1. */
  readonly splitProbability: number;
  /** Most lines of a reply of the built-in source. */
  readonly linesMax: number;
}

/** Everything that will be sampled, decided at once; revealing it token by token is the engine's business. */
export interface Sample {
  readonly ids: readonly number[];
  /** Exact float32 values, one an id. */
  readonly logprobs: readonly number[];
  readonly finish:
    | { readonly type: "stop"; readonly matched: number }
    | { readonly type: "length"; readonly length: number };
}

/** Draws the tokens of replies. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #lines: (Uint32Array | undefined)[] = new Array(PHRASES.length);

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Samples a whole reply. O(tokens). Throws `RangeError` when a script gives an id that is not in the vocabulary. */
  sample(seed: number, limits: SampleLimits, scripted: ScriptedReply | undefined): Sample {
    const random = createRandom(seed);
    if (typeof scripted === "object") return this.#exact(seed, limits, scripted);
    const ids: number[] = [];
    for (const id of this.#stream(random, limits, scripted, ids)) {
      if (ids.length >= limits.maxNewTokens) break;
      ids.push(id);
      if (this.#stops(id, ids.length, limits)) break;
    }
    return finished(ids, ids.map((id, at) => logprobAt(seed, at, id)), limits);
  }

  /** Log-probabilities of prompt tokens, as for `logprob_start_len`. */
  promptLogprob(seed: number, position: number, id: number): number {
    return logprobAt(hashPair(seed, 1), position, id);
  }

  #exact(seed: number, limits: SampleLimits, scripted: Exclude<ScriptedReply, string>): Sample {
    const ids: number[] = [];
    for (let at = 0; at < scripted.ids.length && ids.length < limits.maxNewTokens; at++) {
      const id = scripted.ids[at]!;
      if (!this.#options.vocabulary.has(id)) {
        throw new RangeError(`Cannot sample scripted id: ${id} names no token`);
      }
      ids.push(id);
      if (this.#stops(id, ids.length, limits)) break;
    }
    const logprobs = ids.map((id, at) => scripted.logprobs?.[at] ?? logprobAt(seed, at, id));
    return finished(ids, logprobs, limits);
  }

  #stops(id: number, count: number, limits: SampleLimits): boolean {
    return !limits.ignoreEos && count >= limits.minNewTokens && limits.stopIds.has(id);
  }

  /** Tokens without end, or up to a stop token; `sampled` is what the caller has taken by now. */
  *#stream(
    random: Random,
    limits: SampleLimits,
    text: string | undefined,
    sampled: readonly number[],
  ): Generator<number> {
    const { stopId, vocabulary } = this.#options;
    const script = text === undefined ? null : vocabulary.tokenizer.encodeContinuation(text);
    for (;;) {
      const lines = script === null ? 1 + Math.floor(random() * this.#options.linesMax) : 1;
      for (let line = 0; line < lines; line++) {
        yield* this.#resplit(random, script ?? this.#line(Math.floor(random() * PHRASES.length)));
      }
      const mayStop = !limits.ignoreEos && sampled.length + 1 >= limits.minNewTokens;
      if (mayStop && stopId !== null) yield stopId;
      if (script?.length === 0) return;
    }
  }

  *#resplit(random: Random, ids: Uint32Array): Generator<number> {
    const { splitProbability, vocabulary } = this.#options;
    if (splitProbability <= 0) return yield* ids;
    for (const id of ids) {
      const splits = random() < splitProbability ? vocabulary.splitsOf(id) : [];
      if (splits.length === 0) yield id;
      else yield* splits[Math.floor(random() * splits.length)]!;
    }
  }

  #line(index: number): Uint32Array {
    return this.#lines[index] ??= this.#options.vocabulary.tokenizer.encodeContinuation(PHRASES[index]!);
  }
}

/** The engine looks at the length before it looks at the token: a stop token that is the last one allowed is `length`. */
function finished(ids: number[], logprobs: number[], limits: SampleLimits): Sample {
  const last = ids.at(-1);
  const stopped = last !== undefined && ids.length < limits.maxNewTokens && !limits.ignoreEos &&
    ids.length >= limits.minNewTokens && limits.stopIds.has(last);
  return {
    ids,
    logprobs,
    finish: stopped ? { type: "stop", matched: last } : { type: "length", length: ids.length },
  };
}
