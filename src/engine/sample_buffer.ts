/**
 * The tokens of one sample as they arrive.
 *
 * @module
 */
import type { TopLogprob } from "./engine.ts";

type TopLogprobs = readonly (readonly TopLogprob[])[];

const TOKENS_AT_FIRST = 64;

/** Grows by doubling: appending costs the new tokens. */
export class SampleBuffer {
  #count = 0;
  #ids = new Uint32Array(TOKENS_AT_FIRST);
  #logprobs = new Float64Array(TOKENS_AT_FIRST);
  #topLogprobs: (readonly TopLogprob[])[] | null = null;

  /** Tokens so far. */
  get count(): number {
    return this.#count;
  }

  /** The ids so far: a view, valid until the next `append()`. */
  get tokenIds(): Uint32Array {
    return this.#ids.subarray(0, this.#count);
  }

  /** The logprobs so far: a view, valid until the next `append()`. */
  get logprobs(): Float64Array {
    return this.#logprobs.subarray(0, this.#count);
  }

  /** One list a token; null when none was ever told. */
  get topLogprobs(): TopLogprobs | null {
    return this.#topLogprobs;
  }

  /** Adds tokens. All three are as long as one another. */
  append(ids: Uint32Array, logprobs: Float64Array, topLogprobs: TopLogprobs | null): void {
    const count = this.#count + ids.length;
    if (count > this.#ids.length) this.#grow(count);
    this.#ids.set(ids, this.#count);
    this.#logprobs.set(logprobs, this.#count);
    if (topLogprobs !== null && this.#topLogprobs === null) {
      this.#topLogprobs = Array.from({ length: this.#count }, () => []);
    }
    for (let i = 0; i < ids.length && this.#topLogprobs !== null; i++) {
      this.#topLogprobs.push(topLogprobs?.[i] ?? []);
    }
    this.#count = count;
  }

  #grow(count: number): void {
    const length = Math.max(count, this.#ids.length * 2);
    const ids = new Uint32Array(length);
    const logprobs = new Float64Array(length);
    ids.set(this.tokenIds);
    logprobs.set(this.logprobs);
    this.#ids = ids;
    this.#logprobs = logprobs;
  }
}
