/**
 * Arguments that are written as marked-up parameters, and become a JSON object.
 *
 * @module
 */
import type { DelimiterSet } from "./delimiters.ts";
import type { Context, State } from "./machine.ts";
import { TYPED_VALUE_MAX_UNITS } from "./parser.ts";
import type { Delimiters } from "./steps.ts";
import {
  escaped,
  isStringFrom,
  parametersSchema,
  parameterTypes,
  toJsonText,
  type TypeSet,
} from "./schema_types.ts";

/** Units of a value after which nothing more can be said about its type from its beginning. */
const DECISION_UNITS = 64;

/** Writes the `arguments` of one call. */
export class ArgumentsObject {
  readonly #context: Context;
  readonly #schema: ReturnType<typeof parametersSchema>;
  #members = 0;

  constructor(context: Context, functionName: string) {
    this.#context = context;
    this.#schema = parametersSchema(context.tools, functionName);
  }

  /** Begins a member; `raw` wrote its key. The types that its value may have. */
  beginMember(key: string, raw: string): TypeSet {
    this.#context.out.args(`${this.#members++ === 0 ? "{" : ","}${JSON.stringify(key)}:`, raw);
    return parameterTypes(this.#schema, key);
  }

  /** Ends the object. */
  close(): void {
    this.#context.out.args(this.#members === 0 ? "{}" : "}", "");
  }
}

/** How a format writes a value. */
export interface XmlValueOptions {
  readonly types: TypeSet;
  /** The delimiter that ends the value. */
  readonly end: Delimiters;
  /** Delimiters that show, as special tokens, that the value was never ended. */
  readonly tokens: readonly string[];
  /** One line end right after the opening and one right before the closing delimiter are layout. */
  readonly framed: boolean;
  /** The state after the value. */
  readonly next: () => State;
  /** The state after a value that was never ended. */
  readonly fault: () => State;
}

/** One parameter's value: a string goes out as it arrives, other types when the value is whole. */
export class XmlValueState implements State {
  readonly #context: Context;
  readonly #options: XmlValueOptions;
  readonly #end: DelimiterSet;
  readonly #tokens: DelimiterSet;
  #begun = false;
  #isString = false;
  /** A value whose type is not decided, in pieces; its input is held. */
  #pieces: string[] = [];
  #units = 0;
  /** A line end that is part of the value if more of it follows. */
  #lineEnd = "";

  constructor(context: Context, options: XmlValueOptions) {
    const { end, tokens } = options;
    this.#context = context;
    this.#options = options;
    this.#end = context.delimiters(end.tokens ?? [], end.marks);
    this.#tokens = context.delimiters(tokens);
  }

  step(): State | undefined {
    const { input } = this.#context;
    while (input.remaining > 0) {
      const { before, delimiter } = input.search(this.#end);
      if (before === 0 && delimiter === undefined) return undefined;
      if (before === 0) return this.#whole(delimiter!);
      if (input.atSpecial(this.#tokens)) return this.#unended();
      this.#text(this.#withoutFrame(before));
    }
    return undefined;
  }

  finish(): void {
    this.#flush();
    this.#context.out.end(false);
  }

  /** Consumes at most `units` of the value, without the line end that opens it. */
  #withoutFrame(units: number): string {
    const { input, out } = this.#context;
    const skips = !this.#begun && this.#options.framed && input.peek() === "\n";
    this.#begun = true;
    if (!skips) {
      return input.take(this.#isString ? units : Math.min(units, TYPED_VALUE_MAX_UNITS - this.#units));
    }
    out.hold(input.take(1));
    return "";
  }

  #text(text: string): void {
    if (this.#isString) return this.#string(text, text);
    this.#context.out.hold(text);
    this.#pieces.push(text);
    this.#units += text.length;
    if (this.#units >= TYPED_VALUE_MAX_UNITS || this.#mustBeString(text)) this.#becomeString();
  }

  /** Looks at the first units of a value only: time stays linear. */
  #mustBeString(text: string): boolean {
    if (this.#units - text.length > DECISION_UNITS) return false;
    return isStringFrom(this.#pieces.join("").slice(0, DECISION_UNITS), this.#options.types);
  }

  #becomeString(): void {
    this.#isString = true;
    const text = this.#pieces.join("");
    this.#pieces = [];
    this.#context.out.args('"', "");
    this.#string(text, "");
  }

  /** More of a string; a line end at its end waits. */
  #string(text: string, raw: string): void {
    if (text === "") return;
    const all = this.#lineEnd + text;
    this.#lineEnd = this.#options.framed && all.endsWith("\n") ? "\n" : "";
    this.#context.out.args(escaped(all.slice(0, all.length - this.#lineEnd.length)), raw);
  }

  #whole(delimiter: string): State {
    const { input, out } = this.#context;
    out.hold(input.take(delimiter.length));
    if (this.#isString) out.args('"', "");
    else {
      const text = this.#pieces.join("");
      const value = this.#options.framed && text.endsWith("\n") ? text.slice(0, -1) : text;
      out.args(toJsonText(value, this.#options.types), "");
    }
    return this.#options.next();
  }

  #unended(): State {
    this.#flush();
    return this.#options.fault();
  }

  /** The value stops short: what there is of it goes out. */
  #flush(): void {
    const { out } = this.#context;
    if (this.#isString) out.args(escaped(this.#lineEnd), "");
    else out.args(this.#pieces.join(""), "");
    this.#pieces = [];
  }
}
