/**
 * Replies of text completions in OpenAI's shape, whole and streamed.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { JsonObject } from "../../types.ts";
import { usageOf } from "../chat/chat_reply.ts";
import type { Completion, CompletionDelta, CompletionEnd } from "./completion.ts";
import { type LegacyLogprobs, LegacyLogprobWriter } from "./legacy_logprobs.ts";

/** What has come of one choice and was not told yet. */
interface ChoiceState {
  readonly logprobs: LegacyLogprobWriter;
  readonly promptIds: Uint32Array;
  isBegun: boolean;
}

/** Writes the choices of one request. */
export class CompletionWriter {
  readonly #completion: Completion;
  readonly #tokenizer: Tokenizer;
  readonly #choices: readonly ChoiceState[];

  constructor(completion: Completion, tokenizer: Tokenizer) {
    const { n = 1 } = completion.request.sampling;
    this.#completion = completion;
    this.#tokenizer = tokenizer;
    this.#choices = completion.runs.flatMap(({ ids }) =>
      Array.from({ length: n }, () => ({
        logprobs: new LegacyLogprobWriter(),
        promptIds: ids,
        isBegun: false,
      }))
    );
  }

  /** The chunk for a delta; null when it tells the client nothing. */
  delta({ index, text, delta }: CompletionDelta): object | null {
    const tellsTokens = this.#completion.request.returnTokenIds || delta.logprobs !== null;
    if (text === "" && !(tellsTokens && delta.tokenIds.length > 0)) return null;
    return this.#chunk(index, text, delta, null);
  }

  /** The chunk that ends a choice. */
  finish({ index, text, finishReason }: CompletionEnd): object {
    return this.#chunk(index, text, null, finishReason);
  }

  /** The last chunk of a stream that tells usage. */
  usage(): object {
    return {
      ...this.#completion.stamp,
      object: "text_completion",
      choices: [],
      usage: usage(this.#completion),
    };
  }

  /** The whole reply. @param told everything that came, in order */
  whole(told: readonly CompletionDelta[], ends: readonly CompletionEnd[]): object {
    const { stamp, runs } = this.#completion;
    const [first] = runs;
    return {
      ...stamp,
      object: "text_completion",
      choices: ends.map((end) => this.#wholeChoice(told.filter(({ index }) => index === end.index), end)),
      usage: usage(this.#completion),
      ...(this.#completion.request.returnTokenIds && runs.length === 1
        ? { prompt_token_ids: Array.from(first!.ids) }
        : {}),
    };
  }

  #wholeChoice(told: readonly CompletionDelta[], { index, text, finishReason }: CompletionEnd): object {
    const ids = told.flatMap(({ delta }) => Array.from(delta.tokenIds));
    const entries = told.flatMap(({ delta }) => delta.logprobs ?? []);
    return this.#choice(
      index,
      told.map((delta) => delta.text).join("") + text,
      { tokenIds: Uint32Array.from(ids), logprobs: told[0]?.delta.logprobs === null ? null : entries },
      finishReason,
    );
  }

  #chunk(
    index: number,
    text: string,
    delta: Pick<CompletionDelta["delta"], "tokenIds" | "logprobs"> | null,
    reason: string | null,
  ): object {
    return {
      ...this.#completion.stamp,
      object: "text_completion",
      choices: [this.#choice(index, text, delta, reason)],
      ...(this.#completion.request.includeUsage ? { usage: null } : {}),
    };
  }

  #choice(
    index: number,
    text: string,
    delta: Pick<CompletionDelta["delta"], "tokenIds" | "logprobs"> | null,
    reason: string | null,
  ): object {
    const { returnTokenIds } = this.#completion.request;
    const choice = this.#choices[index]!;
    const isFirst = !choice.isBegun;
    choice.isBegun = true;
    return {
      index,
      text,
      logprobs: delta === null ? null : this.#logprobs(choice, delta),
      finish_reason: reason,
      ...(returnTokenIds ? { token_ids: Array.from(delta?.tokenIds ?? []) } : {}),
      ...(returnTokenIds && isFirst ? { prompt_token_ids: Array.from(choice.promptIds) } : {}),
    };
  }

  #logprobs(
    { logprobs: writer }: ChoiceState,
    { tokenIds, logprobs }: Pick<CompletionDelta["delta"], "tokenIds" | "logprobs">,
  ): LegacyLogprobs | null {
    if (logprobs === null || this.#completion.request.logprobs === null) return null;
    const { keepsSpecialTokens } = this.#completion.request;
    return writer.write(
      logprobs,
      (at) => keepsSpecialTokens || !this.#tokenizer.isSpecial(tokenIds[at]!),
    );
  }
}

function usage({ runs }: Completion): JsonObject {
  const sampled = runs.map(({ ids, sampling }) => usageOf(ids.length, sampling.outputs));
  const sum = (name: string) => sampled.reduce((total, each) => total + (each[name] as number), 0);
  const cached = runs.map(({ sampling }) => sampling.outputs[0]?.cachedTokens ?? null);
  return {
    prompt_tokens: sum("prompt_tokens"),
    completion_tokens: sum("completion_tokens"),
    total_tokens: sum("total_tokens"),
    ...(cached.includes(null) ? {} : {
      prompt_tokens_details: { cached_tokens: cached.reduce<number>((total, each) => total + each!, 0) },
    }),
  };
}
