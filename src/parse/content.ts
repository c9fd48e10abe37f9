/**
 * The state between calls: text, until something begins a call.
 *
 * White space alone, before or after a call, is layout and belongs to no field; white space around other text is text.
 *
 * @module
 */
import type { DelimiterSet } from "./delimiters.ts";
import type { Context, State } from "./machine.ts";
import { LAYOUT_MAX_UNITS } from "./parser.ts";

/** Where a state of a call hands back to. */
export interface CallExit {
  /** It is no call: what is held is content. */
  failed(): State;
  /** The call has ended, or stops before the input that follows. */
  ended(): State;
}

/** How a format's calls stand in text. */
export interface ToolSyntax {
  /** Delimiters that begin a call. */
  readonly openers: readonly string[];
  /** Delimiters around a group of calls. */
  readonly section?: { readonly begin: string; readonly end: string };
  /** Delimiters that say nothing between calls. They are markup. Default none. */
  readonly strays?: readonly string[];
  /** A unit that begins a call where only layout is before it: at the start, or after a call. */
  readonly bareOpener?: string;
  /** Units besides white space that may stand between calls. */
  readonly separators?: string;
  /** Every delimiter of the format that a tokenizer may have as a special token. */
  readonly tokens: readonly string[];
  /** The state after `opener`, which is held; the empty string for the bare opener, which is not consumed yet. */
  open(context: Context, opener: string, exit: CallExit): State;
}

/** Text that contains no calls. */
export const NO_TOOL_CALLS: ToolSyntax = {
  openers: [],
  tokens: [],
  open: (_context, _opener, exit) => exit.failed(),
};

/** Content, and the calls in it. */
export class ContentState implements State, CallExit {
  readonly #context: Context;
  readonly #syntax: ToolSyntax;
  readonly #delimiters: DelimiterSet;
  /** Nothing but layout since the start, the last call or the beginning of a section; it is held. */
  #fresh = true;
  #afterCall = false;
  #inSection = false;

  constructor(context: Context, syntax: ToolSyntax) {
    const { openers, section, strays = [] } = syntax;
    this.#context = context;
    this.#syntax = syntax;
    const sections = section ? [section.begin, section.end] : [];
    this.#delimiters = context.delimiters([...openers, ...sections, ...strays]);
  }

  step(): State | undefined {
    const { input } = this.#context;
    while (input.remaining > 0) {
      if (this.#fresh) this.#holdLayout();
      if (this.#atBareOpener()) return this.#syntax.open(this.#context, "", this);
      const { before, delimiter } = input.search(this.#delimiters);
      if (before > 0) this.#text(input.take(before));
      else if (delimiter === undefined) return undefined;
      else {
        const next = this.#delimiter(delimiter);
        if (next !== this) return next;
      }
    }
    return undefined;
  }

  finish(): void {
    const { out } = this.#context;
    if (this.#fresh && this.#afterCall) out.markup();
    else out.text("content", "");
  }

  failed(): State {
    this.#text("");
    return this;
  }

  ended(): State {
    this.#fresh = true;
    this.#afterCall = true;
    return this;
  }

  #text(text: string): void {
    this.#context.out.text("content", text);
    this.#fresh = false;
  }

  #holdLayout(): void {
    const { input, out } = this.#context;
    const separators = this.#afterCall ? this.#syntax.separators ?? "" : "";
    while (input.remaining > 0 && isLayout(input.peek(), separators)) {
      out.hold(input.take(1));
      if (out.heldUnits > LAYOUT_MAX_UNITS) return this.#text("");
    }
  }

  #atBareOpener(): boolean {
    return this.#fresh && this.#syntax.bareOpener !== undefined &&
      this.#context.input.peek() === this.#syntax.bareOpener;
  }

  #delimiter(delimiter: string): State {
    const { input, out } = this.#context;
    const { section, strays = [] } = this.#syntax;
    const raw = input.take(delimiter.length);
    if (strays.includes(delimiter)) {
      out.markup(raw);
      return this;
    }
    if (delimiter === section?.end) {
      if (this.#inSection && this.#fresh) out.markup(raw);
      else this.#text(raw);
      this.#inSection = false;
      return this;
    }
    out.holdDelimiter(raw);
    if (delimiter !== section?.begin) return this.#syntax.open(this.#context, delimiter, this);
    this.#inSection = true;
    this.#fresh = true;
    if (out.heldUnits > LAYOUT_MAX_UNITS) this.#text("");
    return this;
  }
}

/** Whether `unit` is white space or one of `separators`. */
function isLayout(unit: string, separators: string): boolean {
  return unit === "\n" || unit === " " || unit === "\t" || unit === "\r" || separators.includes(unit);
}
