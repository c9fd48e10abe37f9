/**
 * One sample on its way to the client: ids in, events of the parser out, the message in the end.
 *
 * @module
 */
import type { TokenDelta } from "../../engine/adapter.ts";
import type { FinishReason } from "../../engine/engine.ts";
import { finishReason, MessageBuilder, type ParsedOutput } from "../../parse/message.ts";
import type { OutputParser, ParserEvent } from "../../parse/parser.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { endsWithStopToken } from "../../trajectory/sampled_text.ts";
import { TurnRefusedError } from "./chat_error.ts";
import { logprobEntries, type LogprobEntry } from "./logprob_entries.ts";
import { StopFilter } from "./stop_filter.ts";
import { type Piece, TokenText } from "./token_text.ts";

/** What a {@link Choice} is made of. */
export interface ChoiceOptions {
  readonly index: number;
  readonly tokenizer: Tokenizer;
  readonly parser: OutputParser;
  /** Ids that the parser has read already: the sample goes on behind them. Default none. */
  readonly opening?: Uint32Array;
  readonly delimiters: ReadonlyMap<number, string>;
  readonly keepsSpecialTokens: boolean;
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** Whether log-probabilities are told to the client. */
  readonly logprobs: boolean;
  /** The client named the function to call: nobody needs telling that there is a call. Default false. */
  readonly isCallNamed?: boolean;
}

/** What a delta brought for the client. */
export interface ChoiceDelta {
  readonly index: number;
  readonly events: readonly ParserEvent[];
  readonly tokenIds: Uint32Array;
  /** Null when the client did not ask. */
  readonly logprobs: readonly LogprobEntry[] | null;
}

/** How a sample ended. */
export interface ChoiceEnd {
  /** Events that were held back. */
  readonly events: readonly ParserEvent[];
  readonly parsed: ParsedOutput;
  /** OpenAI's `finish_reason`. */
  readonly finishReason: string;
}

/** The state of one sample. */
export class Choice {
  readonly index: number;
  readonly #options: ChoiceOptions;
  readonly #text: TokenText;
  readonly #stops: StopFilter;
  readonly #message = new MessageBuilder();
  /** An id that may turn out to be the stop token; engines may tell the end later. */
  #held: number[] = [];

  constructor(options: ChoiceOptions) {
    this.#options = options;
    this.index = options.index;
    this.#text = new TokenText({ ...options, isPiecePerToken: options.stop.length > 0 });
    // A character that the opening ends in the midst of is not whole yet.
    this.#text.push(options.opening ?? []);
    this.#stops = new StopFilter(options.stop);
  }

  /** Takes what was sampled. @throws {TurnRefusedError} for an id that the tokenizer does not have */
  push(delta: TokenDelta): ChoiceDelta {
    const { tokenizer, logprobs } = this.#options;
    assertKnown(tokenizer, delta.tokenIds);
    const ids = [...this.#held, ...delta.tokenIds];
    this.#held = this.#mayBeStop(ids, delta.finishReason) ? [ids.pop()!] : [];
    return {
      index: this.index,
      events: this.#parse(this.#stops.push(this.#text.push(ids))),
      tokenIds: delta.tokenIds,
      logprobs: logprobs ? logprobEntries(tokenizer, delta) : null,
    };
  }

  /** Ends the sample. */
  end(finish: FinishReason | null): ChoiceEnd {
    const isStop = endsWithStopToken(this.#options.tokenizer, Uint32Array.from(this.#held), finish);
    const last = isStop ? [] : this.#text.push(this.#held);
    const isUnnamedStop = finish?.type === "stop" && finish.matched === undefined && !isStop;
    const pieces = [
      ...this.#stops.push([...last, ...this.#text.end()]),
      ...this.#stops.end(finish?.matched, isUnnamedStop),
    ];
    const events = [...this.#parse(pieces), ...this.#finishParser()];
    const parsed = this.#message.build();
    const reason = finish?.type ?? "abort";
    return {
      events,
      parsed,
      finishReason: this.#options.isCallNamed ? reason : finishReason(parsed, reason),
    };
  }

  /** A stop token shows nowhere, unless it closes something for the parser. */
  #mayBeStop(ids: readonly number[], finish: FinishReason | null): boolean {
    const { tokenizer, delimiters, stopTokenIds } = this.#options;
    const last = ids[ids.length - 1];
    if (last === undefined || delimiters.has(last)) return false;
    return finish === null
      ? stopTokenIds.includes(last)
      : endsWithStopToken(tokenizer, Uint32Array.of(last), finish);
  }

  #parse(pieces: readonly Piece[]): ParserEvent[] {
    const events = pieces.flatMap(({ text, special }) => this.#options.parser.push(text, { special }));
    this.#message.add(events);
    return events;
  }

  #finishParser(): ParserEvent[] {
    const events = this.#options.parser.finish();
    this.#message.add(events);
    return events;
  }
}

function assertKnown(tokenizer: Tokenizer, ids: Uint32Array): void {
  const unknown = ids.find((id) => tokenizer.byteLength(id) < 0);
  if (unknown !== undefined) {
    throw new TurnRefusedError("unknown token", `the tokenizer has no token ${unknown}`);
  }
}
