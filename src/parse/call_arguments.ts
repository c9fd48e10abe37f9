/**
 * The arguments of a call whose function is known, as one JSON value up to a closing delimiter.
 *
 * @module
 */
import { BrokenCallState, type CallBounds } from "./broken_call.ts";
import type { CallExit } from "./content.ts";
import type { DelimiterSet } from "./delimiters.ts";
import { WHITE_SPACE } from "./input.ts";
import { JsonScanner } from "./json_scanner.ts";
import type { Context, State } from "./machine.ts";

/** How a format closes its arguments. */
export interface CallArgumentsOptions {
  readonly bounds: CallBounds;
  readonly tokens: readonly string[];
  /** Plain text that may stand between the value and the closing delimiter, once. */
  readonly fence?: string;
}

/** From after the call's head to its end. The call has been started. */
export class CallArgumentsState implements State {
  readonly #context: Context;
  readonly #options: CallArgumentsOptions;
  readonly #closers: DelimiterSet;
  readonly #fence: DelimiterSet;
  readonly #tokens: DelimiterSet;
  readonly #exit: CallExit;
  readonly #scanner = new JsonScanner();
  #begun = false;
  #fenceSeen = false;

  constructor(context: Context, options: CallArgumentsOptions, exit: CallExit) {
    this.#context = context;
    this.#options = options;
    this.#closers = context.delimiters(options.bounds.closers);
    this.#fence = context.delimiters([], options.fence === undefined ? [] : [options.fence]);
    this.#tokens = context.delimiters(options.tokens);
    this.#exit = exit;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    while (input.remaining > 0) {
      if (!this.#begun || this.#scanner.done) {
        out.markup(input.takeMatch(WHITE_SPACE));
        if (input.remaining === 0) return undefined;
        const next = this.#outside();
        if (next !== this) return next;
      } else if (!this.#inside()) return new BrokenCallState(this.#context, this.#options.bounds, this.#exit);
    }
    return undefined;
  }

  finish(): void {
    this.#context.out.end(this.#begun && this.#scanner.end());
  }

  /** Before the value or after it. */
  #outside(): State | undefined {
    const { input, out } = this.#context;
    const closer = input.startsWith(this.#closers);
    if (closer === "maybe") return undefined;
    if (closer !== undefined) {
      if (!this.#begun) out.args("{}", "");
      out.end(true, input.take(closer.delimiter.length));
      return this.#exit.ended();
    }
    if (!this.#begun) {
      this.#begun = true;
      return this;
    }
    return this.#afterValue();
  }

  #afterValue(): State | undefined {
    const { input, out } = this.#context;
    const fence = this.#fenceSeen ? undefined : input.startsWith(this.#fence);
    if (fence === "maybe") return undefined;
    if (fence === undefined) return new BrokenCallState(this.#context, this.#options.bounds, this.#exit);
    this.#fenceSeen = true;
    out.markup(input.take(fence.delimiter.length));
    return this;
  }

  /** Inside the value; false at a fault. */
  #inside(): boolean {
    const { input, out } = this.#context;
    if (input.atSpecial(this.#tokens)) return this.#scanner.end();
    const text = input.feed(this.#scanner);
    out.args(text, text);
    return !this.#scanner.failed;
  }
}
