/**
 * Text completions on their way: each prompt goes through the token cache, is sampled, and is recorded there, as
 * `/generate` does it.
 *
 * @module
 */
import type { PreparedPrompt, TokenCache } from "../../cache/token_cache.ts";
import type { TokenDelta } from "../../engine/adapter.ts";
import type { SampledOutput } from "../../engine/engine.ts";
import { ChatRequestError } from "../chat/chat_error.ts";
import type { ChatFormats } from "../chat/chat_formats.ts";
import type { CompletionStamp } from "../chat/chat_reply.ts";
import { Choice, type ChoiceDelta } from "../chat/choice.ts";
import { Sampling, type SamplingDeps } from "../chat/sampling.ts";
import type { Exchange } from "../exchange.ts";
import type { HeaderPairs } from "../headers.ts";
import { recordOutputs } from "../record_outputs.ts";
import type { CompletionPrompt, CompletionRequest } from "./completion_request.ts";

/** What completions work with. */
export interface CompletionDeps extends SamplingDeps {
  readonly cache: TokenCache;
  /** Formats that find nothing: all is text. */
  readonly textFormats: ChatFormats;
  /** Unique and URL-safe. */
  readonly newId: () => string;
}

/** A request and what it came with. */
export interface CompletionCall {
  readonly request: CompletionRequest;
  readonly headers: HeaderPairs;
  readonly exchange: Exchange;
}

/** What a delta brought for the client. */
export interface CompletionDelta {
  /** Of the choice among all. */
  readonly index: number;
  readonly text: string;
  readonly delta: ChoiceDelta;
}

/** How a choice ended. */
export interface CompletionEnd {
  readonly index: number;
  /** Text that was held back. */
  readonly text: string;
  readonly finishReason: string;
}

/** One prompt of a request. */
export class PromptRun {
  /** What is POSTed. */
  readonly ids: Uint32Array;
  readonly sampling: Sampling;
  readonly #choices: readonly Choice[];
  readonly #firstIndex: number;
  readonly #prepared: PreparedPrompt;
  readonly #call: CompletionCall;
  readonly #deps: CompletionDeps;

  private constructor(
    call: CompletionCall,
    prepared: PreparedPrompt,
    ids: Uint32Array,
    at: RunPlace,
    deps: CompletionDeps,
  ) {
    const { request: { sampling, stream, extra }, headers, exchange } = call;
    const { n = 1 } = sampling;
    this.ids = ids;
    this.#prepared = prepared;
    this.#call = call;
    this.#deps = deps;
    this.#firstIndex = at.index * n;
    this.#choices = Array.from({ length: n }, (_, index) => newChoice(index, call, deps));
    this.sampling = new Sampling(
      { inputIds: ids, sampling, stream, rid: at.rid, extra },
      headers,
      exchange,
      deps,
    );
  }

  /** Looks a prompt up and encodes what is not stored. What the cache lends is given back when the exchange ends. */
  static async prepare(
    call: CompletionCall,
    prompt: CompletionPrompt,
    place: RunPlace,
    deps: CompletionDeps,
  ): Promise<PromptRun> {
    const { cache, metrics } = deps;
    const { exchange } = call;
    const scope = exchange.routingKey ?? undefined;
    if (typeof prompt !== "string") assertKnown(cache, prompt, place.param);
    const prepared = typeof prompt === "string"
      ? await cache.prepareText(prompt, scope, exchange)
      : await cache.prepareIds(prompt, scope, exchange);
    exchange.onEnd(() => cache.release(prepared));
    if (prepared.tokenCount === 0) throw new ChatRequestError(place.param, `${place.param} has no tokens`);
    const { matchedTokens: matched, restIds: { length: encoded } } = prepared;
    const before = exchange.promptTokens ?? { matched: 0, encoded: 0 };
    exchange.promptTokens = { matched: before.matched + matched, encoded: before.encoded + encoded };
    metrics.promptTokens(matched, encoded);
    const ids = typeof prompt === "string" ? cache.idsOf(prepared) : prompt;
    return new PromptRun(call, prepared, ids, place, deps);
  }

  /** What is sampled, as it comes. */
  async *deltas(): AsyncGenerator<CompletionDelta[], void> {
    for await (const deltas of this.sampling.deltas()) yield deltas.map((delta) => this.#push(delta));
  }

  /** Ends the choices and records them, before their last bytes go out. A refusal is logged: the client gets its reply. */
  async finish(): Promise<CompletionEnd[]> {
    const { outputs } = this.sampling;
    await recordOutputs(this.#deps, this.#prepared, outputs, this.#call.exchange);
    return this.#choices.map((choice, at) => {
      const { events, finishReason } = choice.end(outputs[at]!.finishReason);
      return { index: this.#firstIndex + at, text: textOf(events), finishReason };
    });
  }

  /** By index among all choices. */
  outputs(): [index: number, output: SampledOutput][] {
    return this.sampling.outputs.map((output, at) => [this.#firstIndex + at, output]);
  }

  #push(tokens: TokenDelta): CompletionDelta {
    const delta = this.#choices[tokens.index]!.push(tokens);
    return { index: this.#firstIndex + tokens.index, text: textOf(delta.events), delta };
  }
}

/** Where a prompt stands in its request. */
interface RunPlace {
  readonly index: number;
  readonly rid: string;
  /** Its path, for errors. */
  readonly param: string;
}

/** All prompts of a request. */
export class Completion {
  readonly stamp: CompletionStamp;
  readonly request: CompletionRequest;
  readonly runs: readonly PromptRun[];

  private constructor(stamp: CompletionStamp, request: CompletionRequest, runs: readonly PromptRun[]) {
    this.stamp = stamp;
    this.request = request;
    this.runs = runs;
  }

  /** @throws {ChatRequestError} for a prompt that is none */
  static async prepare(call: CompletionCall, deps: CompletionDeps): Promise<Completion> {
    const { request } = call;
    const id = request.rid ?? `cmpl-${deps.newId()}`;
    const isOne = request.prompts.length === 1;
    const runs: PromptRun[] = [];
    for (const [index, prompt] of request.prompts.entries()) {
      // Engines match ids by prefix: those of one request have one length.
      const rid = isOne ? id : `${id}-${String(index).padStart(3, "0")}`;
      runs.push(
        await PromptRun.prepare(
          call,
          prompt,
          { index, rid, param: isOne ? "prompt" : `prompt[${index}]` },
          deps,
        ),
      );
    }
    const created = Math.floor(deps.clock.epochMs() / 1_000);
    return new Completion({ id, created, model: request.model }, request, runs);
  }
}

function newChoice(
  index: number,
  { request }: CompletionCall,
  { cache, textFormats }: CompletionDeps,
): Choice {
  const { stop = [], stopTokenIds = [] } = request.sampling;
  const parser = textFormats.parser({
    tools: null,
    findsCalls: false,
    isConstrained: false,
    promptTail: "",
    newToolCallId: () => "",
  });
  return new Choice({
    index,
    tokenizer: cache.tokenizer,
    parser,
    delimiters: textFormats.delimiters,
    keepsSpecialTokens: request.keepsSpecialTokens,
    stop,
    stopTokenIds,
    logprobs: request.logprobs !== null,
  });
}

function textOf(events: ChoiceDelta["events"]): string {
  return events.map((event) => event.type === "content" ? event.text : "").join("");
}

function assertKnown({ tokenizer }: TokenCache, ids: Uint32Array, param: string): void {
  const at = ids.findIndex((id) => tokenizer.byteLength(id) < 0);
  if (at < 0) return;
  throw new ChatRequestError(
    `${param}[${at}]`,
    `${param}[${at}] is no token of the tokenizer's, received ${ids[at]}`,
  );
}
