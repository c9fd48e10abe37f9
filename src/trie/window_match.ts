/**
 * A match whose payload is still in the core's output window.
 *
 * @module
 */
import type { MatchReason, PathHandle } from "./token_trie.ts";
import { NO_POINT, ResultWord, type WasmCore } from "./wasm_core.ts";

/** What {@link WasmTrie.matchViews} answers: the views are made when asked for, and die with the next call. */
export class WindowMatch {
  readonly #core: WasmCore;
  /** Why the match ends where it does. */
  reason: MatchReason = "no match";

  constructor(core: WasmCore) {
    this.#core = core;
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
    return new Uint32Array(this.#core.u8.buffer, this.#core.result(ResultWord.IDS), this.tokenCount);
  }

  get logprobs(): Float64Array {
    return new Float64Array(this.#core.u8.buffer, this.#core.result(ResultWord.LOGPROBS), this.tokenCount);
  }

  get lossMask(): Uint8Array {
    return new Uint8Array(this.#core.u8.buffer, this.#core.result(ResultWord.LOSS_MASK), this.tokenCount);
  }

  get generationVersions(): Int32Array {
    return new Int32Array(this.#core.u8.buffer, this.#core.result(ResultWord.VERSIONS), this.tokenCount);
  }

  /** Where new segments may be appended; null when nothing matched. */
  get handle(): PathHandle | null {
    const point = this.#core.result(ResultWord.INDEX);
    return point === NO_POINT ? null : { point, serial: this.#core.serial() };
  }
}
