/**
 * The `text` of a reply as it grows token by token: special tokens left out, stop strings cut off, incomplete UTF-8
 * withheld until it is whole.
 *
 * @module
 */
import { joinBytes } from "../join_bytes.ts";

/** What of the tokens shows in `text`. */
export interface OutputTextOptions {
  /** Strings that end the generation. Default none. */
  readonly stop?: readonly string[];
  /** Leave the matched stop string in the text. Default false. */
  readonly noStopTrim?: boolean;
}

const wholeDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Accumulates bytes of tokens into text. Bytes are decoded when somebody asks, so that a plain reply decodes once. */
export class OutputText {
  readonly #stop: readonly string[];
  readonly #stopUnitsMax: number;
  readonly #noStopTrim: boolean;
  #decoder: TextDecoder | null = null;
  #pending: Uint8Array[] = [];
  #decoded = "";
  #cutAt = -1;
  #ended = false;

  constructor({ stop = [], noStopTrim = false }: OutputTextOptions = {}) {
    this.#stop = stop;
    this.#stopUnitsMax = stop.reduce((longest, each) => Math.max(longest, each.length), 0);
    this.#noStopTrim = noStopTrim;
  }

  /** Adds one token's bytes. Returns the stop string that now stands in the text, or null. */
  push(bytes: Uint8Array): string | null {
    this.#pending.push(bytes);
    if (this.#stopUnitsMax === 0) return null;
    const before = this.#decoded.length;
    this.#decode();
    return this.#findStop(Math.max(0, before - this.#stopUnitsMax + 1));
  }

  /** No more tokens: an incomplete sequence at the end becomes U+FFFD. */
  end(): void {
    this.#ended = true;
  }

  /**
   * The text that is certain by now: without a trailing incomplete character, and, until the end, without a trailing
   * part that may become a stop string. It only ever grows.
   */
  get text(): string {
    this.#decode();
    if (this.#cutAt >= 0) return this.#decoded.slice(0, this.#cutAt);
    if (this.#ended || this.#noStopTrim || this.#stopUnitsMax === 0) return this.#decoded;
    return this.#decoded.slice(0, this.#decoded.length - this.#heldUnits());
  }

  #decode(): void {
    const bytes = joinBytes(this.#pending);
    this.#pending = [];
    if (this.#ended && this.#decoder === null) this.#decoded += wholeDecoder.decode(bytes);
    else if (bytes.length > 0 || this.#ended) {
      this.#decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
      this.#decoded += this.#decoder.decode(bytes, { stream: !this.#ended });
    }
    // At the end the decoder has given back what it held; what comes after that is nothing.
    if (this.#ended) this.#decoder = null;
  }

  #findStop(from: number): string | null {
    let first: string | null = null;
    let firstAt = Infinity;
    for (const stop of this.#stop) {
      const at = this.#decoded.indexOf(stop, from);
      if (at >= 0 && at < firstAt) [first, firstAt] = [stop, at];
    }
    if (first !== null && !this.#noStopTrim) this.#cutAt = firstAt;
    return first;
  }

  #heldUnits(): number {
    const tail = this.#decoded.slice(-this.#stopUnitsMax);
    for (let from = 0; from < tail.length; from++) {
      const suffix = tail.slice(from);
      if (this.#stop.some((stop) => stop.length > suffix.length && stop.startsWith(suffix))) {
        return suffix.length;
      }
    }
    return 0;
  }
}
