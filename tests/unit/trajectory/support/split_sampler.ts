/** An engine's view of text: random ids that decode to it, rarely the canonical ones. */
import type { SampledOutput } from "../../../../src/engine/engine.ts";
import type { Tokenizer } from "../../../../src/tokenizer/tokenizer.ts";
import type { Random, WeightVersion } from "../../../../src/types.ts";

const encoder = new TextEncoder();
const TOKEN_BYTES_MAX = 16;

/** Splits texts at random, also inside UTF-8 sequences. */
export class SplitSampler {
  readonly #byText = new Map<string, number>();

  constructor(tokenizer: Tokenizer) {
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      if (tokenizer.byteLength(id) > 0) this.#byText.set(latin1(tokenizer.decodeBytes([id])), id);
    }
  }

  /** Ids that decode to `text`. Special tokens stand for themselves only by chance: pass text without them. */
  split(text: string, random: Random): number[] {
    const bytes = latin1(encoder.encode(text));
    const ids: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const fitting: number[] = [];
      for (let length = 1; length <= Math.min(TOKEN_BYTES_MAX, bytes.length - at); length++) {
        const id = this.#byText.get(bytes.slice(at, at + length));
        if (id !== undefined) fitting.push(length);
      }
      const length = fitting[Math.floor(random() * fitting.length)]!;
      ids.push(this.#byText.get(bytes.slice(at, at + length))!);
      at += length;
    }
    return ids;
  }
}

/** What an engine tells of `ids`. */
export function outputOf(
  ids: readonly number[],
  promptTokens: number,
  given: {
    stop?: number;
    finish?: "stop" | "length" | "abort";
    version?: WeightVersion | null;
    random?: Random;
  } = {},
): SampledOutput {
  const all = given.stop === undefined ? ids : [...ids, given.stop];
  const random = given.random ?? (() => 0.5);
  const type = given.finish ?? (given.stop === undefined ? "length" : "stop");
  return {
    text: null,
    tokenIds: Uint32Array.from(all),
    logprobs: Float64Array.from(all, () => -random()),
    finishReason: type === "stop" && given.stop !== undefined ? { type, matched: given.stop } : { type },
    versions: given.version === undefined ? [] : [{ tokens: all.length, version: given.version }],
    promptTokens,
    completionTokens: all.length,
    cachedTokens: null,
    inconsistency: null,
  };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
