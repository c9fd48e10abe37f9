/**
 * What all formats run on: states that consume input and say which state goes on.
 *
 * @module
 */
import { DelimiterSet } from "./delimiters.ts";
import { Emitter } from "./emitter.ts";
import { Input } from "./input.ts";
import type { OutputParser, OutputParserOptions, ParserEvent, PushOptions } from "./parser.ts";

/** What is in progress. A state that stands before closed input consumes all of it, alone or through its successors. */
export interface State {
  /** Consumes what it can. The state that goes on with the rest; undefined when more input is needed. */
  step(): State | undefined;
  /** The input ended here and is consumed: says what is held, ends an open call. */
  finish(): void;
}

/** What every state works with. */
export interface Context {
  readonly input: Input;
  readonly out: Emitter;
  readonly tools: readonly unknown[];
  /**
   * A set of delimiters. `tokens` may be special tokens, which the caller's `delimitersAreSpecial` decides; `marks` are
   * plain text always.
   */
  delimiters(tokens: readonly string[], marks?: readonly string[]): DelimiterSet;
}

/** A parser that runs the states which `begin` starts. */
export function createMachine(
  options: OutputParserOptions,
  begin: (context: Context) => State,
): OutputParser {
  const context = createContext(options);
  const { input, out } = context;
  let state = begin(context);
  let finished = false;

  function run(): void {
    for (let next: State | undefined = state; next !== undefined; next = state.step()) state = next;
  }

  function consumeAll(): void {
    input.close();
    run();
  }

  return {
    push(text: string, { special = false }: PushOptions = {}): ParserEvent[] {
      if (finished) {
        throw new Error(`Cannot push to an output parser: it is finished, received ${text.length} units`);
      }
      if (special) {
        consumeAll();
        input.setSpecial(text);
        run();
        input.reopen();
      } else {
        input.append(text);
        run();
      }
      return out.drain();
    },
    finish(): ParserEvent[] {
      if (finished) return [];
      finished = true;
      consumeAll();
      state.finish();
      return out.drain();
    },
  };
}

function createContext(options: OutputParserOptions): Context {
  const { delimitersAreSpecial = false, tools = [] } = options;
  const isSpecial = typeof delimitersAreSpecial === "function"
    ? delimitersAreSpecial
    : () => delimitersAreSpecial;
  return {
    input: new Input(),
    out: new Emitter(options.newToolCallId),
    tools,
    delimiters: (tokens, marks = []) =>
      delimiterSet([...tokens, ...marks], [...tokens.filter((token) => !isSpecial(token)), ...marks]),
  };
}

/** Sets by their members. They come from the formats' own delimiters, so there are few. */
const delimiterSets = new Map<string, DelimiterSet>();

/** The one set of these members: patterns are compiled once, not once a parser. */
function delimiterSet(all: readonly string[], inText: readonly string[]): DelimiterSet {
  const key = `${all.join("\n")}\n\n${inText.join("\n")}`;
  const known = delimiterSets.get(key);
  if (known !== undefined) return known;
  const set = new DelimiterSet(all, inText);
  delimiterSets.set(key, set);
  return set;
}
