/**
 * The rest of a call that has begun and is malformed. It cannot be taken back: its input goes on as `arguments`, as it
 * is, up to the call's end, and the call is marked incomplete.
 *
 * @module
 */
import type { CallExit } from "./content.ts";
import type { DelimiterSet } from "./delimiters.ts";
import type { Context, State } from "./machine.ts";

/** What ends a call. */
export interface CallBounds {
  /** Delimiters that close a call and belong to it. */
  readonly closers: readonly string[];
  /** Delimiters that show that a call is over without belonging to it: the next call's, the section's end. */
  readonly successors: readonly string[];
}

/** A call after its fault. */
export class BrokenCallState implements State {
  readonly #context: Context;
  readonly #bounds: CallBounds;
  readonly #delimiters: DelimiterSet;
  readonly #exit: CallExit;

  constructor(context: Context, bounds: CallBounds, exit: CallExit) {
    this.#context = context;
    this.#bounds = bounds;
    this.#delimiters = context.delimiters([...bounds.closers, ...bounds.successors]);
    this.#exit = exit;
    context.out.argsHeld();
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    const { before, delimiter } = input.search(this.#delimiters);
    if (before > 0) {
      const text = input.take(before);
      out.args(text, text);
      return this;
    }
    if (delimiter === undefined) return undefined;
    out.end(false, this.#bounds.closers.includes(delimiter) ? input.take(delimiter.length) : "");
    return this.#exit.ended();
  }

  finish(): void {
    this.#context.out.end(false);
  }
}
