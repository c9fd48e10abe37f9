/**
 * Reasoning between two delimiters at the start of the output.
 *
 * @module
 */
import type { DelimiterSet } from "./delimiters.ts";
import { WHITE_SPACE } from "./input.ts";
import type { Context, State } from "./machine.ts";
import { LAYOUT_MAX_UNITS } from "./parser.ts";

/** How a format marks reasoning. */
export interface ThinkSyntax {
  readonly opener: string;
  readonly closer: string;
}

/**
 * Before the opener. White space before it is layout; anything else says that there is no reasoning, or, when reasoning
 * is open already, that this is it.
 */
export class ThinkOpeningState implements State {
  readonly #context: Context;
  readonly #opener: DelimiterSet;
  readonly #inside: ThinkState;
  readonly #otherwise: State;

  constructor(context: Context, syntax: ThinkSyntax, open: boolean, next: State) {
    this.#context = context;
    this.#opener = context.delimiters([syntax.opener]);
    this.#inside = new ThinkState(context, syntax, next);
    this.#otherwise = open ? this.#inside : next;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    out.hold(input.takeMatch(WHITE_SPACE, LAYOUT_MAX_UNITS - out.heldUnits));
    if (input.remaining === 0) return undefined;
    const found = input.startsWith(this.#opener);
    if (found === "maybe") return undefined;
    if (found === undefined) return this.#otherwise;
    out.markup(input.take(found.delimiter.length));
    return this.#inside;
  }

  finish(): void {
    this.#otherwise.finish();
  }
}

/** Inside reasoning. Its text is kept as it is, line ends next to the delimiters included. */
class ThinkState implements State {
  readonly #context: Context;
  readonly #closer: DelimiterSet;
  readonly #next: State;

  constructor(context: Context, syntax: ThinkSyntax, next: State) {
    this.#context = context;
    this.#closer = context.delimiters([syntax.closer]);
    this.#next = next;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    out.text("reasoning", "");
    const { before, delimiter } = input.search(this.#closer);
    out.text("reasoning", input.take(before));
    if (delimiter === undefined) return undefined;
    out.markup(input.take(delimiter.length));
    return this.#next;
  }

  finish(): void {
    this.#context.out.text("reasoning", "");
  }
}
