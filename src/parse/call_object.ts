/**
 * A call that is one JSON object with the function's name and its arguments, in any order, other members between them.
 *
 * @module
 */
import { BrokenCallState, type CallBounds } from "./broken_call.ts";
import { ClosingState } from "./closing.ts";
import type { CallExit } from "./content.ts";
import type { DelimiterSet } from "./delimiters.ts";
import { WHITE_SPACE } from "./input.ts";
import { JsonScanner } from "./json_scanner.ts";
import type { Context, State } from "./machine.ts";
import { CALL_HEAD_MAX_UNITS } from "./parser.ts";

/** How a format writes the object. */
export interface CallObjectOptions {
  readonly bounds: CallBounds;
  readonly tokens: readonly string[];
  /**
   * Nothing but the object's members shows that it is a call: it must have arguments, an object, and before both are
   * known no member that calls do not have. Default false: a name is enough.
   */
  readonly bare?: boolean;
}

/** Members that hold the arguments. */
const ARGUMENTS_KEYS: ReadonlySet<string> = new Set(["arguments", "parameters"]);
/** Members that a bare object may have before it is known to be a call. */
const BARE_KEYS: ReadonlySet<string> = new Set(["name", "type", "id", ...ARGUMENTS_KEYS]);

type Phase = "open" | "first_key" | "key" | "in_key" | "colon" | "value" | "in_value" | "comma" | "closed";

/** From before the opening brace to the closing one. */
export class CallObjectState implements State {
  readonly #context: Context;
  readonly #options: CallObjectOptions;
  readonly #tokens: DelimiterSet;
  readonly #exit: CallExit;
  #phase: Phase = "open";
  #scanner = new JsonScanner();
  /** The key or the name that is being read, in pieces. */
  #lexeme: string[] = [];
  #key = "";
  #name: string | undefined;
  #started = false;
  #argumentsSeen = false;
  /** Arguments that came before the name, in pieces. */
  #early: string[] = [];

  constructor(context: Context, options: CallObjectOptions, exit: CallExit) {
    this.#context = context;
    this.#options = options;
    this.#tokens = context.delimiters(options.tokens);
    this.#exit = exit;
  }

  step(): State | undefined {
    const { input } = this.#context;
    while (input.remaining > 0) {
      if (input.atSpecial(this.#tokens) || this.#allowance() <= 0 || !this.#advance()) return this.#fault();
      if (this.#phase === "closed") return this.#close();
    }
    return undefined;
  }

  finish(): void {
    const { out } = this.#context;
    if (this.#started) out.end(false);
    else this.#exit.failed().finish();
  }

  /** Units that may still be held. */
  #allowance(): number {
    return this.#started ? Infinity : CALL_HEAD_MAX_UNITS - this.#context.out.heldUnits;
  }

  /** Consumes something; false at a fault. */
  #advance(): boolean {
    if (this.#phase === "in_key" || this.#phase === "in_value") return this.#feed();
    const { input } = this.#context;
    const space = input.takeMatch(WHITE_SPACE, this.#allowance());
    if (space !== "") return this.#structural(space);
    const unit = input.peek();
    switch (this.#phase) {
      case "open":
        return unit === "{" && this.#punctuation("first_key");
      case "first_key":
        return unit === "}" ? this.#punctuation("closed") : this.#beginKey(unit);
      case "key":
        return this.#beginKey(unit);
      case "colon":
        return unit === ":" && this.#punctuation("value");
      case "value":
        return this.#beginValue(unit);
      default:
        if (unit === ",") return this.#punctuation("key");
        return unit === "}" && this.#punctuation("closed");
    }
  }

  /** Input that is part of the object and of none of its values. */
  #structural(raw: string): true {
    const { out } = this.#context;
    if (this.#started) out.markup(raw);
    else out.hold(raw);
    return true;
  }

  #punctuation(next: Phase): true {
    this.#phase = next;
    return this.#structural(this.#context.input.take(1));
  }

  #beginKey(unit: string): boolean {
    return unit === '"' && this.#beginScan("in_key");
  }

  #beginValue(unit: string): boolean {
    if (ARGUMENTS_KEYS.has(this.#key)) {
      if (this.#options.bare && unit !== "{") return false;
      this.#argumentsSeen = true;
      this.#startIfKnown();
    }
    return this.#beginScan("in_value");
  }

  #beginScan(phase: "in_key" | "in_value"): true {
    this.#phase = phase;
    this.#scanner = new JsonScanner();
    this.#lexeme = [];
    return true;
  }

  #feed(): boolean {
    const text = this.#context.input.feed(this.#scanner, this.#allowance());
    this.#scanned(text);
    if (this.#scanner.failed) return false;
    if (!this.#scanner.done) return true;
    return this.#phase === "in_key" ? this.#keyEnds() : this.#valueEnds();
  }

  #scanned(text: string): void {
    const isValue = this.#phase === "in_value";
    if (isValue && ARGUMENTS_KEYS.has(this.#key)) {
      if (this.#started) return this.#context.out.args(text, text);
      this.#early.push(text);
    } else if (!isValue || this.#key === "name") this.#lexeme.push(text);
    this.#structural(text);
  }

  #keyEnds(): boolean {
    this.#phase = "colon";
    this.#key = JSON.parse(this.#lexeme.join(""));
    if (ARGUMENTS_KEYS.has(this.#key)) return !this.#argumentsSeen;
    if (this.#key === "name") return this.#name === undefined;
    return this.#started || !this.#options.bare || BARE_KEYS.has(this.#key);
  }

  #valueEnds(): boolean {
    this.#phase = "comma";
    if (this.#key !== "name") return true;
    const name: unknown = JSON.parse(this.#lexeme.join(""));
    if (typeof name !== "string" || name === "") return false;
    this.#name = name;
    this.#startIfKnown();
    return true;
  }

  #startIfKnown(): void {
    const { out } = this.#context;
    const bareSoFar = this.#options.bare && !this.#argumentsSeen;
    if (this.#started || this.#name === undefined || bareSoFar) return;
    this.#started = true;
    out.start(this.#name);
    if (this.#early.length > 0) out.args(this.#early.join(""), "");
    this.#early = [];
  }

  #close(): State {
    const { out } = this.#context;
    const { closers } = this.#options.bounds;
    if (!this.#started) return this.#exit.failed();
    if (!this.#argumentsSeen) out.args("{}", "");
    if (closers.length > 0) return new ClosingState(this.#context, closers, this.#exit);
    out.end(true);
    return this.#exit.ended();
  }

  #fault(): State {
    if (!this.#started) return this.#exit.failed();
    return new BrokenCallState(this.#context, this.#options.bounds, this.#exit);
  }
}
