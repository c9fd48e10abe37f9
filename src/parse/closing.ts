/**
 * The end of a call whose arguments are whole. A missing closing delimiter does not spoil it: engines strip the one that
 * stopped them.
 *
 * @module
 */
import type { CallExit } from "./content.ts";
import type { DelimiterSet } from "./delimiters.ts";
import { WHITE_SPACE } from "./input.ts";
import type { Context, State } from "./machine.ts";

/** Between whole arguments and the closing delimiter. */
export class ClosingState implements State {
  readonly #context: Context;
  readonly #closers: DelimiterSet;
  readonly #exit: CallExit;

  constructor(context: Context, closers: readonly string[], exit: CallExit) {
    this.#context = context;
    this.#closers = context.delimiters(closers);
    this.#exit = exit;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    out.markup(input.takeMatch(WHITE_SPACE));
    if (input.remaining === 0) return undefined;
    const found = input.startsWith(this.#closers);
    if (found === "maybe") return undefined;
    out.end(true, found === undefined ? "" : input.take(found.delimiter.length));
    return this.#exit.ended();
  }

  finish(): void {
    this.#context.out.end(true);
  }
}
