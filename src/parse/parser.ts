/**
 * The contract of output parsers: what a model sampled, cut into reasoning, content and tool calls as it arrives.
 * Formats stand in `formats/`; `create.ts` knows them by name.
 *
 * A parser loses nothing: every event names the input that it consumed (`raw`), and the `raw` of all events, in order,
 * is the input unit for unit, whatever was wrong with it. A parser never throws on input.
 *
 * @module
 */

/**
 * Longest white space, in UTF-16 units, that is held back at the start of content until it is known whether a call
 * follows. Longer white space is content.
 */
export const LAYOUT_MAX_UNITS = 256;

/**
 * Longest beginning of a call, in UTF-16 units, that is held back until the function's name is known. Only a call whose
 * arguments stand before its name gets near it. What is longer is content.
 */
export const CALL_HEAD_MAX_UNITS = 64 * 1024;

/**
 * Longest value of an XML parameter, in UTF-16 units, that is held back because its schema says that it is no string. A
 * longer one becomes a string.
 */
export const TYPED_VALUE_MAX_UNITS = 256 * 1024;

/** Text for the field that its type names. `raw` equals `text`. */
export interface TextEvent {
  readonly type: "reasoning" | "content";
  readonly text: string;
  readonly raw: string;
}

/** A call has begun: its function is known. Calls are numbered from 0 and do not overlap. */
export interface ToolCallStartEvent {
  readonly type: "tool_call_start";
  readonly index: number;
  /** What `newToolCallId` gave. */
  readonly id: string;
  readonly name: string;
  /** The id that the model itself wrote (Kimi: `functions.F:0`); absent for formats that have none. */
  readonly nativeId?: string;
  readonly raw: string;
}

/** More of the call's `arguments` string. The texts of one call, concatenated, are that string. */
export interface ToolCallArgumentsEvent {
  readonly type: "tool_call_arguments";
  readonly index: number;
  readonly text: string;
  readonly raw: string;
}

/** The call is over. */
export interface ToolCallEndEvent {
  readonly type: "tool_call_end";
  readonly index: number;
  /** Whether the arguments are whole and valid JSON. False: broken or truncated, `arguments` is what there was. */
  readonly complete: boolean;
  readonly raw: string;
}

/** Input that belongs to no field: delimiters, white space that touches a call. */
export interface MarkupEvent {
  readonly type: "markup";
  readonly raw: string;
}

/** What a parser makes of its input. */
export type ParserEvent =
  | TextEvent
  | ToolCallStartEvent
  | ToolCallArgumentsEvent
  | ToolCallEndEvent
  | MarkupEvent;

/** How a piece of input came about. */
export interface PushOptions {
  /**
   * The piece is the whole text of one special token. Default false. It is a delimiter when the format has one of that
   * text, else text like any other.
   */
  readonly special?: boolean;
}

/** One output, piece by piece. Time is linear in the input, however it is cut. */
export interface OutputParser {
  /**
   * Takes the next piece, cut anywhere, and tells what is certain by now. Any cutting of the same input gives the same
   * concatenation.
   *
   * @throws {Error} after `finish()`
   */
  push(text: string, options?: PushOptions): ParserEvent[];

  /** The input is over: releases what is held back and ends an open call. A second call gives nothing. */
  finish(): ParserEvent[];
}

/** Which of a format's delimiters come as special tokens: all, none, or those that the function says. */
export type SpecialDelimiters = boolean | ((delimiter: string) => boolean);

/** What a parser is made from. */
export interface OutputParserOptions {
  /** One of `TOOL_FORMATS`. */
  readonly toolFormat: string;
  /** One of `REASONING_FORMATS`. */
  readonly reasoningFormat: string;
  /** The request's tools in OpenAI's shape; their schemas type the values of XML formats. Default none. */
  readonly tools?: readonly unknown[];
  /** The generation prompt ends inside reasoning (its opener was not sampled). Default false. */
  readonly reasoningOpen?: boolean;
  /**
   * Delimiters that only count in pieces pushed as `special`: the same text in plain tokens is text. Default false: all
   * delimiters are found in text.
   */
  readonly delimitersAreSpecial?: SpecialDelimiters;
  /** Mints the id of call `index`; `nativeId` is the model's own, where the format has one. */
  readonly newToolCallId: (index: number, nativeId?: string) => string;
}
