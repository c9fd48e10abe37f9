/**
 * Plays the conversation over HTTP, as an agent, a trainer and an onlooker would.
 *
 * @module
 */
import type { Fetch, JsonObject } from "../../types.ts";
import { firstPrompt, QUESTIONS, secondPrompt, WEIGHT_VERSIONS } from "./script.ts";

/** What an engine knows of one generation: the truth that the router must tell again. */
export interface EngineRecord {
  /** Which engine it was, from 1. */
  readonly engine: number;
  /** Ids of the prompt as they arrived. */
  readonly promptIds: readonly number[];
}

/** One turn, seen from outside. */
export interface Turn extends EngineRecord {
  readonly question: string;
  readonly promptText: string;
  readonly replyText: string;
  readonly outputIds: readonly number[];
  readonly logprobs: readonly number[];
  readonly weightVersion: string;
  readonly finish: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** The reply of `/retrieve_from_text`, as far as the demo reads it. */
export interface Retrieved {
  readonly tokens: readonly number[];
  readonly loss_mask: readonly number[];
  readonly rollout_logp: readonly (number | null)[];
  readonly generation_versions: readonly (number | string | null)[];
}

/** The `cache` object of `/metrics`. */
export interface CacheMetrics {
  readonly total_entries: number;
  readonly cache_hits: number;
  readonly cache_misses: number;
  readonly hit_rate: number;
  readonly cur_cache_size: number;
}

/** All that was seen. */
export interface Transcript {
  readonly turns: readonly Turn[];
  readonly retrieved: Retrieved;
  readonly cache: CacheMetrics;
}

/** Where the conversation takes place. */
export interface Stage {
  readonly routerUrl: string;
  readonly engineUrls: readonly string[];
  readonly fetch: Fetch;
  /** What the engines received since the last call, the newest `/generate` first. */
  readonly lastGeneration: () => EngineRecord;
}

/** Tokens that a turn may sample. */
const MAX_NEW_TOKENS = 96;

/**
 * Plays two turns with a weight update in between.
 *
 * @param onTurn told of each turn as it ends
 * @throws Error when a reply is not what it should be
 */
export async function converse(stage: Stage, onTurn: (turn: Turn) => void): Promise<Transcript> {
  const first = await generate(stage, QUESTIONS[0], firstPrompt());
  onTurn(first);
  await updateWeights(stage);
  const second = await generate(stage, QUESTIONS[1], secondPrompt(first.promptText, first.replyText));
  onTurn(second);
  const text = second.promptText + second.replyText;
  const { routerUrl } = stage;
  return {
    turns: [first, second],
    retrieved: await ask(stage, `${routerUrl}/retrieve_from_text`, {
      text,
      insert: false,
    }) as unknown as Retrieved,
    cache: (await ask(stage, `${routerUrl}/metrics`)).cache as unknown as CacheMetrics,
  };
}

async function generate(stage: Stage, question: string, text: string): Promise<Turn> {
  const reply = await ask(stage, `${stage.routerUrl}/generate`, {
    text,
    sampling_params: { max_new_tokens: MAX_NEW_TOKENS, temperature: 1 },
  });
  const meta = reply.meta_info as JsonObject;
  const triples = meta.output_token_logprobs as [number, number, string | null][];
  return {
    ...stage.lastGeneration(),
    question,
    promptText: text,
    replyText: reply.text as string,
    outputIds: reply.output_ids as number[],
    logprobs: triples.map(([logprob]) => logprob),
    weightVersion: String(meta.weight_version),
    finish: String((meta.finish_reason as JsonObject).type),
    promptTokens: meta.prompt_tokens as number,
    cachedTokens: meta.cached_tokens as number,
  };
}

/** As a trainer does: tells the engines, then looks through the router whether it took. */
async function updateWeights(stage: Stage): Promise<void> {
  const version = WEIGHT_VERSIONS[1];
  for (const url of stage.engineUrls) {
    await ask(stage, `${url}/update_weight_version`, { new_version: version });
  }
  const { weight_version } = await ask(stage, `${stage.routerUrl}/get_model_info`);
  if (weight_version !== version) {
    throw new Error(`Cannot go on: workers tell weight version ${weight_version}, not ${version}`);
  }
}

async function ask({ fetch }: Stage, url: string, body?: JsonObject): Promise<JsonObject> {
  const response = await fetch(
    url,
    body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    },
  );
  if (response.ok) return await response.json();
  throw new Error(`Cannot ask ${url}: ${response.status} ${await response.text()}`);
}
