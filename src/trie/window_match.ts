/**
 * A match whose payload is still in the core's memory.
 *
 * @module
 */
import type { MatchReason, PathHandle } from "./token_trie.ts";
import { NO_POINT, PAYLOAD, ResultWord, Want, type WasmCore } from "./wasm_core.ts";

/**
 * What {@link WasmTrie.matchViews} answers. The payload is laid out when the first part of it is asked for, and where one
 * segment holds it in one piece it is read in place. Views die with the next call of any method of the trie.
 */
export class WindowMatch {
  readonly #core: WasmCore;
  #reason: MatchReason = "no match";
  /** Whether the addresses in the result are those of this match. */
  #laidOut = false;

  constructor(core: WasmCore) {
    this.#core = core;
  }

  /** Becomes the answer of the look-up that the core has just made. */
  begin(reason: MatchReason): void {
    this.#reason = reason;
    this.#laidOut = false;
  }

  /** Why the match ends where it does. */
  get reason(): MatchReason {
    return this.#reason;
  }

  /** Tokens in the matched path. */
  get tokenCount(): number {
    return this.#core.result(ResultWord.TOKENS);
  }

  /** UTF-16 length of the matched prefix. */
  get matchedUnits(): number {
    return this.#core.result(ResultWord.UNITS);
  }

  get tokenIds(): Uint32Array {
    return this.#view(Uint32Array, ResultWord.IDS);
  }

  /** 32 bits wide where they are held so: the values are the same. */
  get logprobs(): Float64Array | Float32Array {
    const at = this.#address(ResultWord.LOGPROBS);
    const narrow = this.#core.result(ResultWord.LOGPROB_BYTES) === 4;
    return new (narrow ? Float32Array : Float64Array)(this.#core.u8.buffer, at, this.tokenCount);
  }

  get lossMask(): Uint8Array {
    return this.#view(Uint8Array, ResultWord.LOSS_MASK);
  }

  get generationVersions(): Int32Array {
    return this.#view(Int32Array, ResultWord.VERSIONS);
  }

  /** Where new segments may be appended; null when nothing matched. */
  get handle(): PathHandle | null {
    const point = this.#core.result(ResultWord.POINT);
    return point === NO_POINT ? null : { point, serial: this.#core.serial() };
  }

  #view<T>(View: new (buffer: ArrayBuffer, at: number, length: number) => T, word: number): T {
    // Before the buffer: laying out may grow the memory, which leaves the buffer before without content.
    const at = this.#address(word);
    return new View(this.#core.u8.buffer, at, this.tokenCount);
  }

  /** Address of a part of the payload. Throws `Error` when the path is gone, or `RangeError` without memory for it. */
  #address(word: number): number {
    if (this.tokenCount === 0) return 0;
    if (!this.#laidOut) this.#layOut();
    return this.#core.result(word);
  }

  #layOut(): void {
    const core = this.#core;
    const written = core.exports.payload(
      core.result(ResultWord.POINT),
      core.result(ResultWord.SERIAL_LOW),
      core.result(ResultWord.SERIAL_HIGH),
      this.tokenCount,
      PAYLOAD | Want.IN_PLACE,
    );
    core.refresh();
    if (!written) {
      throw new RangeError("Cannot read match: it is gone, or there is no memory for the output window");
    }
    this.#laidOut = true;
  }
}
