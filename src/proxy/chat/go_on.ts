/**
 * Parsing a message whose beginning is told already.
 *
 * @module
 */
import type { OutputParser, ParserEvent } from "../../parse/parser.ts";
import type { Piece } from "./token_text.ts";

/** What a parser told at an input's end because nothing came behind it, by field. */
type Released = Record<"content" | "reasoning", string>;

/**
 * A parser that has read `opening`, and tells only what is new: what the client has of the opening already was told at
 * its end, also what a parser that goes on holds back there.
 */
export function goOnBehind(opening: readonly Piece[], newParser: () => OutputParser): OutputParser {
  const parser = newParser();
  read(parser, opening);
  const ended = newParser();
  read(ended, opening);
  const released = releasedBy(ended.finish());
  return {
    push: (text, options) => untold(parser.push(text, options), released),
    finish: () => untold(parser.finish(), released),
  };
}

function read(parser: OutputParser, pieces: readonly Piece[]): void {
  for (const { text, special } of pieces) parser.push(text, { special });
}

function releasedBy(events: readonly ParserEvent[]): Released {
  const released = { content: "", reasoning: "" };
  for (const event of events) {
    if (event.type === "content" || event.type === "reasoning") released[event.type] += event.text;
  }
  return released;
}

/** Events less the text that was released, which comes first if it comes again. */
function untold(events: readonly ParserEvent[], released: Released): ParserEvent[] {
  return events.map((event) => {
    if (event.type !== "content" && event.type !== "reasoning") return event;
    const told = commonPrefix(event.text, released[event.type]);
    // As soon as another text comes nothing that was released is to come again.
    released[event.type] = told === event.text.length ? released[event.type].slice(told) : "";
    return { ...event, text: event.text.slice(told) };
  });
}

function commonPrefix(left: string, right: string): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return length;
}
