/**
 * gpt-oss harmony: messages with a header each, of which the channel and the recipient say what the body is.
 *
 * ```text
 * <|channel|>analysis<|message|>…<|end|>
 * <|start|>assistant<|channel|>commentary to=functions.F <|constrain|>json<|message|>{…}<|call|>
 * <|start|>assistant<|channel|>final<|message|>…<|return|>
 * ```
 *
 * A delimiter is markup wherever it stands: one that is out of place, or whose header leads to no body, says nothing to
 * the client either. The text around it stays.
 *
 * @module
 */
import { CallArgumentsState } from "../call_arguments.ts";
import { type CallGrammar, jsonBy, tag } from "../call_grammar.ts";
import { type CallExit, ContentState, type ToolSyntax } from "../content.ts";
import type { DelimiterSet } from "../delimiters.ts";
import type { Context, State } from "../machine.ts";
import { ExpectState, isFunctionName, UpToState } from "../steps.ts";

/** Longest header, in UTF-16 units, without its delimiters. */
export const HARMONY_HEADER_MAX_UNITS = 1024;

const START = "<|start|>";
const CHANNEL = "<|channel|>";
const CONSTRAIN = "<|constrain|>";
const MESSAGE = "<|message|>";
const closers = ["<|end|>", "<|call|>", "<|return|>"];
const successors = [START, CHANNEL];
/** What says something inside a header only. */
const inHeader = [CONSTRAIN, MESSAGE];
const RECIPIENT = "to=";
const FUNCTIONS = "functions.";

/** Every delimiter of harmony. */
export const harmonyTokens: readonly string[] = [START, CHANNEL, CONSTRAIN, MESSAGE, ...closers];

/** What ends a reply: a call waits for its result, an answer is the last. */
export const harmonyStops: readonly string[] = ["<|call|>", "<|return|>"];

/** Which bodies are told apart from content. */
export interface HarmonyOptions {
  /** Messages to `functions.F` are calls. */
  readonly calls: boolean;
  /** The analysis channel is reasoning. */
  readonly reasoning: boolean;
  /** The generation prompt ends inside a message of the analysis channel. */
  readonly open: boolean;
}

/** The state before the output, which continues `<|start|>assistant`. */
export function beginHarmony(context: Context, options: HarmonyOptions): State {
  const syntax: ToolSyntax = {
    openers: successors,
    strays: [...inHeader, ...closers],
    tokens: harmonyTokens,
    open: (_context, opener, exit) => header(context, options, exit, opener),
  };
  context.out.hideDelimiters();
  const content = new ContentState(context, syntax);
  if (options.open) return new BodyState(context, options.reasoning ? "reasoning" : "content", content);
  return new ExpectState(context, {
    one: { marks: [RECIPIENT] },
    next: () => header(context, options, content, RECIPIENT),
    fault: () => content,
  });
}

/** A header after `before`, up to the body. One that is cut short has said nothing yet: it is markup. */
function header(
  context: Context,
  options: HarmonyOptions,
  exit: CallExit,
  before: string,
  unitsMax = HARMONY_HEADER_MAX_UNITS,
): State {
  return new UpToState(context, {
    until: { tokens: [CHANNEL, CONSTRAIN, MESSAGE] },
    not: [START, ...closers],
    unitsMax,
    fault: () => exit.failed(),
    ...(before === RECIPIENT ? {} : { finish: () => context.out.markup() }),
    next(text, delimiter) {
      if (delimiter === MESSAGE) return body(context, options, exit, before + text);
      const unitsLeft = unitsMax - text.length - delimiter.length;
      return unitsLeft < 0 ? undefined : header(context, options, exit, before + text + delimiter, unitsLeft);
    },
  });
}

function body(context: Context, options: HarmonyOptions, exit: CallExit, head: string): State {
  const recipient = /(?:^|[\s>])to=([^\s<]+)/.exec(head)?.[1] ?? "";
  const name = recipient.startsWith(FUNCTIONS) ? recipient.slice(FUNCTIONS.length) : "";
  if (options.calls && isFunctionName(name)) {
    context.out.start(name);
    const bounds = { closers, successors };
    return new CallArgumentsState(context, { bounds, tokens: harmonyTokens }, exit);
  }
  context.out.markup();
  const isAnalysis = /<\|channel\|>\s*analysis\b/.test(head);
  return new BodyState(context, options.reasoning && isAnalysis ? "reasoning" : "content", exit);
}

/** The text of a message that is no call. */
class BodyState implements State {
  readonly #context: Context;
  readonly #type: "reasoning" | "content";
  readonly #ends: DelimiterSet;
  readonly #exit: CallExit;

  constructor(context: Context, type: "reasoning" | "content", exit: CallExit) {
    this.#context = context;
    this.#type = type;
    this.#ends = context.delimiters([...closers, ...successors, ...inHeader]);
    this.#exit = exit;
  }

  step(): State | undefined {
    const { input, out } = this.#context;
    const { before, delimiter } = input.search(this.#ends);
    out.text(this.#type, input.take(before));
    if (delimiter === undefined) return undefined;
    if (!successors.includes(delimiter)) out.markup(input.take(delimiter.length));
    return inHeader.includes(delimiter) ? this : this.#exit.ended();
  }

  finish(): void {}
}

/**
 * A call ends the reply. To some engines `<|call|>` is text of the grammar, to others a stop token, which no text can stand for
 * and which comes where the grammar has ended: so it may have ended before. The recipient stands in the channel's header, or
 * before it.
 */
export const harmonyGrammar: CallGrammar = {
  trigger: `${CHANNEL}commentary to=`,
  separator: null,
  calls: (name, schema) =>
    [`${CHANNEL}commentary to=${FUNCTIONS}${name} `, ` to=${FUNCTIONS}${name}${CHANNEL}commentary `].map(
      (header) => tag(`${header}${CONSTRAIN}json${MESSAGE}`, jsonBy(schema), ["<|call|>", ""]),
    ),
};
