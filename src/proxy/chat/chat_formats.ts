/**
 * Which formats a model's output has, and which of its tokens delimit them.
 *
 * @module
 */
import { createOutputParser, delimiterTokens } from "../../parse/create.ts";
import { opensReasoning, toolFormatFor } from "../../parse/guess.ts";
import type { OutputParser } from "../../parse/parser.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** A pair of formats, by the names of `parse/create.ts`. */
export interface FormatNames {
  readonly toolFormat: string;
  readonly reasoningFormat: string;
}

/** What parsing one request's outputs depends on. */
export interface ParserRequest {
  readonly tools: readonly unknown[] | null;
  readonly findsCalls: boolean;
  /** The end of the prompt's text: it may end inside reasoning. */
  readonly promptTail: string;
  readonly newToolCallId: (index: number, nativeId?: string) => string;
}

/** The formats of a model with a given tokenizer. */
export class ChatFormats {
  readonly names: FormatNames;
  /** Texts of delimiters that are one token, by its id. */
  readonly delimiters: ReadonlyMap<number, string>;
  readonly #special: ReadonlySet<string>;

  /** @throws {RangeError} for an unknown name, or two that do not go together */
  constructor(names: FormatNames, tokenizer: Tokenizer) {
    this.names = names;
    const known = delimiterTokens(names).flatMap((text): [number, string][] => {
      const id = tokenizer.tokenToId(text);
      return id === undefined ? [] : [[id, text]];
    });
    this.delimiters = new Map(known);
    // A delimiter that is an ordinary added token may be sampled letter by letter: engines find it in the text then.
    this.#special = new Set(known.filter(([id]) => tokenizer.isSpecial(id)).map(([, text]) => text));
  }

  /** A parser for one sample. */
  parser({ tools, findsCalls, promptTail, newToolCallId }: ParserRequest): OutputParser {
    const { toolFormat, reasoningFormat } = this.names;
    return createOutputParser({
      toolFormat: findsCalls ? toolFormat : "none",
      reasoningFormat,
      ...(tools === null ? {} : { tools }),
      reasoningOpen: opensReasoning(promptTail, reasoningFormat),
      delimitersAreSpecial: (delimiter) => this.#special.has(delimiter),
      newToolCallId,
    });
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
