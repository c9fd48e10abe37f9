/**
 * From events to the message that OpenAI's chat API answers with.
 *
 * @module
 */
import type { ParserEvent } from "./parser.ts";

/** A call as it stands in a message. */
export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** An assistant's message. */
export interface AssistantMessage {
  readonly role: "assistant";
  /** Null when there are calls and no text. */
  readonly content: string | null;
  /** Only when there was reasoning. */
  readonly reasoning_content?: string;
  /** Only when there were calls, incomplete ones included: a stream has shown them already. */
  readonly tool_calls?: readonly ToolCall[];
}

/** A whole output. */
export interface ParsedOutput {
  readonly message: AssistantMessage;
  /** Calls, by index in `tool_calls`, whose arguments are broken or truncated. */
  readonly incompleteCalls: readonly number[];
  /** Whether at least one call is whole. */
  readonly hasCompleteCall: boolean;
}

/** Gathers the events of one output, in order. */
export class MessageBuilder {
  #content = "";
  #reasoning = "";
  readonly #calls: { id: string; name: string; text: string; complete: boolean }[] = [];

  /** Takes the next events. */
  add(events: Iterable<ParserEvent>): void {
    for (const event of events) this.#addOne(event);
  }

  /** What there is so far; calls that have not ended count as incomplete. */
  build(): ParsedOutput {
    const calls = this.#calls.map(({ id, name, text }): ToolCall => ({
      id,
      type: "function",
      function: { name, arguments: text },
    }));
    return {
      message: {
        role: "assistant",
        content: this.#content === "" && calls.length > 0 ? null : this.#content,
        ...(this.#reasoning === "" ? {} : { reasoning_content: this.#reasoning }),
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      },
      incompleteCalls: this.#calls.flatMap(({ complete }, index) => complete ? [] : [index]),
      hasCompleteCall: this.#calls.some(({ complete }) => complete),
    };
  }

  #addOne(event: ParserEvent): void {
    switch (event.type) {
      case "content":
        this.#content += event.text;
        break;
      case "reasoning":
        this.#reasoning += event.text;
        break;
      case "tool_call_start":
        this.#calls[event.index] = { id: event.id, name: event.name, text: "", complete: false };
        break;
      case "tool_call_arguments":
        this.#calls[event.index]!.text += event.text;
        break;
      case "tool_call_end":
        this.#calls[event.index]!.complete = event.complete;
        break;
      case "markup":
        break;
    }
  }
}

/** The events of a whole output as a message. */
export function foldEvents(events: Iterable<ParserEvent>): ParsedOutput {
  const builder = new MessageBuilder();
  builder.add(events);
  return builder.build();
}

/**
 * OpenAI's `finish_reason`: `tool_calls` when the engine stopped by itself and a call is whole; otherwise what the
 * engine said. A truncated output stays `length`, for its last call may be the one that was cut.
 *
 * @param engineReason why the engine ended: `stop`, `length`, `abort` …
 */
export function finishReason(output: Pick<ParsedOutput, "hasCompleteCall">, engineReason: string): string {
  return engineReason === "stop" && output.hasCompleteCall ? "tool_calls" : engineReason;
}
