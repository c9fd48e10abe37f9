/**
 * What the suite of output parsers works with: runs of a parser, whole messages, cuts.
 *
 * @module
 */
import { createOutputParser, delimiterTokens } from "../../../src/parse/create.ts";
import { type AssistantMessage, foldEvents, type ParsedOutput } from "../../../src/parse/message.ts";
import type { OutputParserOptions, ParserEvent } from "../../../src/parse/parser.ts";

/** Options of a parser as cases give them. */
export type FormatOptions = Omit<OutputParserOptions, "newToolCallId">;

/** One input and what comes of it. */
export interface ParserCase {
  readonly criterion: string;
  readonly input: string;
  readonly message: Expected;
  /** Indices of calls that are not whole. Default none. */
  readonly incomplete?: readonly number[];
  readonly tools?: readonly unknown[];
  readonly reasoningOpen?: boolean;
  /** The input has delimiters that mean nothing as text, and would as special tokens. */
  readonly lookAlikes?: boolean;
}

/** A message in short: text, reasoning, and calls as pairs of name and arguments. */
export interface Expected {
  readonly content: string | null;
  readonly reasoning?: string;
  readonly calls?: readonly (readonly [name: string, args: string])[];
}

/** A format, its cases, and what generated inputs are made of. */
export interface FormatSuite {
  readonly name: string;
  readonly toolFormat: string;
  readonly reasoningFormat: string;
  readonly tools?: readonly unknown[];
  readonly cases: readonly ParserCase[];
  /** Pieces that generated inputs are put together from, besides the format's delimiters. */
  readonly fragments: readonly string[];
  /** A call of `f` with a long string argument. */
  readonly longCall: (text: string) => string;
}

/** A piece of input. */
export interface Piece {
  readonly text: string;
  readonly special?: boolean;
}

/** Events of a parser that gets `pieces` and the end. */
export function parse(options: FormatOptions, pieces: Iterable<string | Piece>): ParserEvent[] {
  const parser = createOutputParser({ ...options, newToolCallId: (index) => `call_${index}` });
  const events: ParserEvent[] = [];
  for (const piece of pieces) {
    const { text, special = false } = typeof piece === "string" ? { text: piece } : piece;
    for (const event of parser.push(text, { special })) events.push(event);
  }
  return [...events, ...parser.finish()];
}

/** The whole output of a parser that gets `pieces` and the end. */
export function fold(options: FormatOptions, pieces: Iterable<string | Piece>): ParsedOutput {
  return foldEvents(parse(options, pieces));
}

/** The input that `events` say they consumed. */
export function rawOf(events: readonly ParserEvent[]): string {
  return events.map((event) => event.raw).join("");
}

/** The message in full. */
export function expectedMessage({ content, reasoning, calls }: Expected): AssistantMessage {
  return {
    role: "assistant",
    content,
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(calls === undefined ? {} : {
      tool_calls: calls.map(([name, args], index) => ({
        id: `call_${index}`,
        type: "function" as const,
        function: { name, arguments: args },
      })),
    }),
  };
}

/** `input` with the format's delimiters as special tokens, plain text between. */
export function asTokens(input: string, suite: FormatSuite): Piece[] {
  const tokens = delimiterTokens(suite);
  if (tokens.length === 0) return [{ text: input }];
  const pattern = new RegExp(`(${tokens.map((token) => token.replaceAll("|", "\\|")).join("|")})`);
  return input.split(pattern).filter((text) => text !== "").map((text) => ({
    text,
    special: tokens.includes(text),
  }));
}

/** `text` cut at the given positions, taken modulo its length. */
export function cut(text: string, positions: readonly number[]): string[] {
  const at = [0, ...positions.map((each) => each % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}
