/**
 * Which formats a model's output has, and which of its tokens delimit them.
 *
 * @module
 */
import type { CallGrammar } from "../../parse/call_grammar.ts";
import { callGrammar, constrainCalls } from "../../parse/constrain.ts";
import { createOutputParser, delimiterTokens, stopTokens } from "../../parse/create.ts";
import { opensReasoning, toolFormatFor } from "../../parse/guess.ts";
import type { OutputParser } from "../../parse/parser.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { grammarField, type ToolChoice } from "./tool_choice.ts";

/** A pair of formats, by the names of `parse/create.ts`. */
export interface FormatNames {
  readonly toolFormat: string;
  readonly reasoningFormat: string;
}

/** What parsing one request's outputs depends on. */
export interface ParserRequest {
  readonly tools: readonly unknown[] | null;
  readonly findsCalls: boolean;
  /** The engine is held to the format, letter by letter: a delimiter's text is one, whatever its tokens. */
  readonly isConstrained: boolean;
  /** The end of the prompt's text: it may end inside reasoning. */
  readonly promptTail: string;
  readonly newToolCallId: (index: number, nativeId?: string) => string;
}

/** The formats of a model with a given tokenizer. */
export class ChatFormats {
  readonly names: FormatNames;
  /** Texts of delimiters that are one token, by its id. */
  readonly delimiters: ReadonlyMap<number, string>;
  /** Ids at which an engine has to stop, whatever it knows of the format. */
  readonly stopTokenIds: readonly number[];
  readonly #special: ReadonlySet<string>;
  readonly #grammar: CallGrammar | undefined;

  /**
   * @param templateText tells formats of one name apart
   * @throws {RangeError} for an unknown name, or two that do not go together
   */
  constructor(names: FormatNames, tokenizer: Tokenizer, templateText = "") {
    this.names = names;
    this.#grammar = callGrammar(names.toolFormat, templateText);
    const known = delimiterTokens(names).flatMap((text): [number, string][] => {
      const id = tokenizer.tokenToId(text);
      return id === undefined ? [] : [[id, text]];
    });
    this.delimiters = new Map(known);
    this.stopTokenIds = stopTokens(names).flatMap((text) => tokenizer.tokenToId(text) ?? []);
    // A delimiter that is an ordinary added token may be sampled letter by letter: engines find it in the text then.
    this.#special = new Set(known.filter(([id]) => tokenizer.isSpecial(id)).map(([, text]) => text));
  }

  /** A parser for one sample. */
  parser({ tools, findsCalls, isConstrained, promptTail, newToolCallId }: ParserRequest): OutputParser {
    const { toolFormat, reasoningFormat } = this.names;
    return createOutputParser({
      toolFormat: findsCalls ? toolFormat : "none",
      reasoningFormat,
      ...(tools === null ? {} : { tools }),
      reasoningOpen: opensReasoning(promptTail, reasoningFormat),
      delimitersAreSpecial: (delimiter) => !isConstrained && this.#special.has(delimiter),
      newToolCallId,
    });
  }

  /**
   * Checks that an engine can be held to a choice.
   *
   * @param extra fields of the request that go to the engine as they are
   * @throws {ChatRequestError} saying what to do instead
   */
  assertConstrainable({ kind, limit }: ToolChoice, extra: JsonObject): void {
    if (limit === null) return;
    const { toolFormat } = this.names;
    const asked = kind === "auto" ? "a limit on calls" : `tool_choice "${kind}"`;
    if (this.#grammar === undefined) {
      const problem = `${asked} needs the format of the model's calls, which the chat template does not tell`;
      throw new ChatRequestError("tool_choice", `${problem}: name it with --tool-call-parser`);
    }
    if (kind === "auto" && this.#grammar.separator === null && !limit.isSingle) {
      throw new ChatRequestError(
        "tool_choice",
        `some of the tools cannot be allowed in ${toolFormat}, only all: give those alone as tools, or mode "required"`,
      );
    }
    const field = grammarField(extra);
    if (field === null) return;
    throw new ChatRequestError(field, `${asked} is a grammar of its own and cannot be joined with ${field}`);
  }

  /** What the engine is held to, as a `response_format`; null: nothing. */
  constraint({ kind, limit }: ToolChoice, promptTail: string): JsonObject | null {
    const grammar = this.#grammar;
    if (limit === null || grammar === undefined) return null;
    const mustCall = kind !== "auto";
    // One call ends the reply anyway.
    if (!mustCall && grammar.separator === null) return null;
    const { reasoningFormat } = this.names;
    return constrainCalls(grammar, { ...limit, mustCall, reasoningFormat, promptTail });
  }
}

/** The formats that a template's text tells; a name other than "auto" is taken as it is. */
export function chooseFormats(
  templateSource: string | Readonly<Record<string, string>>,
  { toolFormat, reasoningFormat }: FormatNames,
): FormatNames {
  const guessed = toolFormatFor(templateSource);
  return {
    toolFormat: toolFormat === "auto" ? guessed.toolFormat : toolFormat,
    reasoningFormat: reasoningFormat === "auto" ? guessed.reasoningFormat : reasoningFormat,
  };
}
