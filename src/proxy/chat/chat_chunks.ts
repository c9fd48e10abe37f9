/**
 * Chunks of a streamed reply in OpenAI's shape. Pure but for what was told already.
 *
 * @module
 */
import type { ParserEvent } from "../../parse/parser.ts";
import type { JsonObject } from "../../types.ts";
import type { CompletionStamp, LedgerNote } from "./chat_reply.ts";
import type { ChoiceDelta } from "./choice.ts";
import type { LogprobEntry } from "./logprob_entries.ts";

/** What a stream tells besides the deltas. */
export interface ChunkOptions {
  readonly stamp: CompletionStamp;
  /** Null unless the client asked for ids. */
  readonly promptIds: Uint32Array | null;
  /** `stream_options.include_usage`: every chunk then has the member, null but in the last. */
  readonly includeUsage: boolean;
}

/** Ids and log-probabilities that wait for a chunk of their choice. */
interface Waiting {
  readonly tokenIds: number[];
  readonly logprobs: LogprobEntry[] | null;
}

const encoder = new TextEncoder();

/** Marks the end of a stream. */
export const DONE_FRAME: Uint8Array<ArrayBuffer> = encoder.encode("data: [DONE]\n\n");

/** A value as one server-sent event. */
export function sseFrame(value: object): Uint8Array<ArrayBuffer> {
  return encoder.encode(`data: ${JSON.stringify(value)}\n\n`);
}

/** Writes the chunks of one reply. */
export class ChunkWriter {
  readonly #options: ChunkOptions;
  readonly #waiting = new Map<number, Waiting>();
  #isFirst = true;

  constructor(options: ChunkOptions) {
    this.#options = options;
  }

  /** Chunks for what a delta brought; the choice's first tells the role. */
  delta({ index, events, tokenIds, logprobs }: ChoiceDelta): object[] {
    const chunks = this.#waiting.has(index) ? [] : [this.#begin(index, logprobs !== null)];
    const waiting = this.#waiting.get(index)!;
    for (const id of tokenIds) waiting.tokenIds.push(id);
    for (const entry of logprobs ?? []) waiting.logprobs?.push(entry);
    return [...chunks, ...deltasOf(events).map((each) => this.#chunk(index, each, null))];
  }

  /** Chunks for a message that is there already. */
  message(
    { content, reasoning_content: reasoning, tool_calls: calls }: JsonObject,
    delta: ChoiceDelta,
  ): object[] {
    const deltas: JsonObject[] = [
      ...(typeof reasoning === "string" ? [{ reasoning_content: reasoning }] : []),
      ...(typeof content === "string" && content !== "" ? [{ content }] : []),
      ...(Array.isArray(calls)
        ? calls.map((call, index) => ({ tool_calls: [{ index, ...call as JsonObject }] }))
        : []),
    ];
    return [...this.delta(delta), ...deltas.map((each) => this.#chunk(delta.index, each, null))];
  }

  /** The chunk that ends a choice. */
  finish(index: number, reason: string, note: LedgerNote): object {
    return { ...this.#chunk(index, {}, reason), slime: note };
  }

  /** The last chunk of a stream that tells usage. */
  usage(usage: JsonObject): object {
    return { ...this.#options.stamp, object: "chat.completion.chunk", choices: [], usage };
  }

  #begin(index: number, tellsLogprobs: boolean): object {
    const role = this.#chunk(index, { role: "assistant", content: "" }, null);
    this.#waiting.set(index, { tokenIds: [], logprobs: tellsLogprobs ? [] : null });
    return role;
  }

  #chunk(index: number, delta: JsonObject, reason: string | null): object {
    const { stamp, promptIds, includeUsage } = this.#options;
    const waiting = this.#waiting.get(index);
    const logprobs = waiting?.logprobs?.splice(0) ?? [];
    const tokenIds = waiting?.tokenIds.splice(0) ?? [];
    const tellsPrompt = this.#isFirst && promptIds !== null;
    this.#isFirst = false;
    return {
      ...stamp,
      object: "chat.completion.chunk",
      choices: [{
        index,
        delta,
        finish_reason: reason,
        logprobs: logprobs.length === 0 ? null : { content: logprobs, refusal: null },
        ...(promptIds === null ? {} : { token_ids: tokenIds }),
      }],
      ...(tellsPrompt ? { prompt_token_ids: Array.from(promptIds) } : {}),
      ...(includeUsage ? { usage: null } : {}),
    };
  }
}

/** A delta that may grow. */
interface OpenDelta {
  readonly field: string;
  readonly delta: JsonObject;
  readonly append: (text: string) => void;
}

/** Events as deltas; neighbours that go to the same field are one. */
export function deltasOf(events: readonly ParserEvent[]): JsonObject[] {
  const deltas: OpenDelta[] = [];
  for (const event of events) {
    const field = fieldOf(event);
    if (field === null) continue;
    const last = deltas[deltas.length - 1];
    if (last?.field === field && "text" in event) last.append(event.text);
    else deltas.push({ field, ...deltaOf(event) });
  }
  return deltas.map(({ delta }) => delta);
}

/** Where an event's text goes; null: nowhere. */
function fieldOf(event: ParserEvent): string | null {
  switch (event.type) {
    case "content":
    case "reasoning":
      return event.text === "" ? null : event.type;
    case "tool_call_start":
      return `call ${event.index}`;
    case "tool_call_arguments":
      return event.text === "" ? null : `call ${event.index}`;
    default:
      return null;
  }
}

function deltaOf(event: ParserEvent): Omit<OpenDelta, "field"> {
  if (event.type === "content" || event.type === "reasoning") {
    const name = event.type === "content" ? "content" : "reasoning_content";
    const delta: JsonObject = { [name]: event.text };
    return { delta, append: (text) => void (delta[name] += text) };
  }
  if (event.type === "tool_call_start") {
    const called = { name: event.name, arguments: "" };
    const call: JsonObject = { index: event.index, id: event.id, type: "function", function: called };
    return { delta: { tool_calls: [call] }, append: (text) => void (called.arguments += text) };
  }
  const { index, text } = event as { index: number; text: string };
  const called = { arguments: text };
  return {
    delta: { tool_calls: [{ index, function: called }] },
    append: (more) => void (called.arguments += more),
  };
}
