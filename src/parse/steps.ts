/**
 * Two states that formats are put together from: a short text up to a delimiter, and a delimiter that must come next.
 * Both hold what they consume.
 *
 * @module
 */
import type { DelimiterSet } from "./delimiters.ts";
import { WHITE_SPACE } from "./input.ts";
import type { Context, State } from "./machine.ts";
import { LAYOUT_MAX_UNITS } from "./parser.ts";

/** Longest name of a function or parameter, in UTF-16 units. */
export const NAME_MAX_UNITS = 256;

/** What functions may be called: no white space, no markup, no JSON. */
const FUNCTION_NAME = /^[^\s<>{}"'`]+$/;

/** Whether `name` can be a function's. */
export function isFunctionName(name: string): boolean {
  return FUNCTION_NAME.test(name);
}

/** Delimiters by what they may be. */
export interface Delimiters {
  /** May come as special tokens. */
  readonly tokens?: readonly string[];
  /** Always plain text. */
  readonly marks?: readonly string[];
}

/** What leads on from a text. */
export interface UpToOptions {
  /** Delimiters that end the text. */
  readonly until: Delimiters;
  /** Those of `until` that stay in the input. Default none. */
  readonly kept?: readonly string[];
  /** Delimiters that must not come before. */
  readonly not: readonly string[];
  /** Default `NAME_MAX_UNITS`. */
  readonly unitsMax?: number;
  /** The state after the delimiter; undefined when the text is not right. */
  readonly next: (text: string, delimiter: string) => State | undefined;
  /** The state when something is not right. What was consumed is held. */
  readonly fault: () => State;
  /** What to do when the input ends here. Default: as at a fault. */
  readonly finish?: () => void;
}

/** Text up to one of several delimiters. */
export class UpToState implements State {
  readonly #context: Context;
  readonly #options: UpToOptions;
  readonly #delimiters: DelimiterSet;
  readonly #unitsMax: number;
  #text = "";

  constructor(context: Context, options: UpToOptions) {
    const { tokens = [], marks = [] } = options.until;
    this.#context = context;
    this.#options = options;
    this.#delimiters = context.delimiters([...tokens, ...options.not], marks);
    this.#unitsMax = options.unitsMax ?? NAME_MAX_UNITS;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    const { kept = [], not, next, fault } = this.#options;
    const { before, delimiter } = input.search(this.#delimiters);
    const text = input.take(Math.min(before, this.#unitsMax - this.#text.length));
    out.hold(text);
    this.#text += text;
    if (text.length < before) return fault();
    if (delimiter === undefined) return undefined;
    if (not.includes(delimiter)) return fault();
    if (!kept.includes(delimiter)) out.holdDelimiter(input.take(delimiter.length));
    return next(this.#text, delimiter) ?? fault();
  }

  finish(): void {
    if (this.#options.finish !== undefined) this.#options.finish();
    else this.#options.fault().finish();
  }
}

/** What leads on from a delimiter. */
export interface ExpectOptions {
  /** Delimiters that may come. */
  readonly one: Delimiters;
  /** The state after the delimiter. */
  readonly next: (delimiter: string) => State;
  /** The state when something else comes. The white space before it is held. */
  readonly fault: () => State;
}

/** White space, then one of several delimiters. */
export class ExpectState implements State {
  readonly #context: Context;
  readonly #options: ExpectOptions;
  readonly #delimiters: DelimiterSet;
  #spaceUnits = 0;

  constructor(context: Context, options: ExpectOptions) {
    this.#context = context;
    this.#options = options;
    this.#delimiters = context.delimiters(options.one.tokens ?? [], options.one.marks);
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    const space = input.takeMatch(WHITE_SPACE, LAYOUT_MAX_UNITS - this.#spaceUnits);
    this.#spaceUnits += space.length;
    out.hold(space);
    if (input.remaining === 0) return undefined;
    const found = input.startsWith(this.#delimiters);
    if (found === "maybe") return undefined;
    if (found === undefined) return this.#options.fault();
    out.hold(input.take(found.delimiter.length));
    return this.#options.next(found.delimiter);
  }

  finish(): void {
    this.#options.fault().finish();
  }
}
