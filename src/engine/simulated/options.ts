/**
 * Settings of simulated engines: of one engine in a program, and of the command `slime-router simulate`.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Clock } from "../../types.ts";
import { DEFAULT_LATENCY, type LatencyModel } from "./latency.ts";
import type { FaultSettings } from "./faults.ts";
import type { Script } from "./sampler.ts";

/** Requests that the log keeps at most; older ones are dropped. */
export const REQUEST_LOG_MAX = 1_000;
/** Bytes of bodies that the log keeps at most. */
export const REQUEST_LOG_BYTES_MAX = 64 * 1024 * 1024;
/** Longest request body in bytes; longer ones get 413. */
export const BODY_BYTES_MAX = 256 * 1024 * 1024;

/** Renders messages for `/v1/chat/completions`; the tokenizer's `ChatTemplate` is one. */
export interface ChatRenderer {
  render(context: {
    readonly messages: readonly unknown[];
    readonly tools?: readonly unknown[] | null;
    readonly add_generation_prompt?: boolean;
    readonly [variable: string]: unknown;
  }): string;
}

/** Whose HTTP protocol an engine speaks. */
export type SimulatedProtocol = "sglang" | "vllm";

/** Names of the protocols. */
export const SIMULATED_PROTOCOLS: readonly SimulatedProtocol[] = ["sglang", "vllm"];

/** Settings of one engine. */
export interface SimulatedEngineOptions {
  /** Default `"sglang"`. What is sampled does not depend on it. */
  readonly protocol?: SimulatedProtocol;
  readonly tokenizer: Tokenizer;
  /** Needed by `/v1/chat/completions` only, which answers 400 without. */
  readonly chatTemplate?: ChatRenderer;
  /** Determines every token and log-probability. Default 0. */
  readonly seed?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Null: everything takes no time, and no timer is ever set. Default null. */
  readonly latency?: LatencyModel | null;
  /** Knobs at the start. Default: none strikes. */
  readonly faults?: FaultSettings;
  /** SSE frames carry what is new instead of everything so far. Default false, as SGLang. */
  readonly incrementalStreaming?: boolean;
  /** Tokens between two frames, the first token always at once. Default 1. */
  readonly streamIntervalTokens?: number;
  /** Default `"default"`, as SGLang. */
  readonly weightVersion?: string;
  /** Report `meta_info.weight_versions`, the version of each token, as newer engines do. Default true. */
  readonly reportVersionSpans?: boolean;
  /** Scripted replies instead of the built-in sentences. */
  readonly script?: Script;
  /** Chance of each token to be sampled as smaller tokens with the same bytes, 0 to 1. Default 0.1. */
  readonly splitProbability?: number;
  /** Sampled at the natural end; null: none. Default: the first of the usual names that the vocabulary has. */
  readonly stopTokenId?: number | null;
  /** Most built-in lines of one reply. Default 3. */
  readonly linesMax?: number;
  /** Prompt and output together, in tokens. Default 131,072. */
  readonly contextLength?: number;
  /** Requests that run at once. Default 1,024. */
  readonly runningMax?: number;
  /** Tokens of the prefix cache; 0 turns it off. Default 1,048,576. */
  readonly kvCacheTokens?: number;
  /** Milliseconds after creation in which `/health` and everything else answers 503. Default 0. */
  readonly startupMs?: number;
  /** Requests kept in `state.requests`; 0 keeps none. Default {@link REQUEST_LOG_MAX}. */
  readonly requestLogMax?: number;
  /** `model_path` and the id in `/v1/models`. Default `"simulated"`. */
  readonly modelPath?: string;
}

/** Settings of `slime-router simulate`: each is a flag of the same name in kebab case. */
export interface SimulateOptions {
  readonly protocol: SimulatedProtocol;
  readonly hostname: string;
  /** Port of the first engine; the others follow. 0: any free ports. */
  readonly port: number;
  /** Number of engines. */
  readonly count: number;
  /** Folder or `tokenizer.json`. */
  readonly tokenizer: string;
  /** Seed of the first engine; each further one has the next. */
  readonly seed: number;
  /** `false` (`--no-latency`): everything takes no time. */
  readonly latency: boolean;
  readonly prefillTokensPerSecond: number;
  readonly decodeMsPerToken: number;
  readonly batchSlowdown: number;
  readonly incrementalStreaming: boolean;
  readonly streamIntervalTokens: number;
  readonly weightVersion: string;
  readonly splitProbability: number;
  readonly contextLength: number;
  readonly runningMax: number;
  readonly kvCacheTokens: number;
  readonly startupMs: number;
  readonly modelPath: string;
  /** JSON object of knobs, `{"abortRunning": {"probability": 0.01}}`. */
  readonly faults: FaultSettings;
}

/** What `slime-router simulate` does without flags; `tokenizer` must be given. */
export const defaultSimulateOptions: Omit<SimulateOptions, "tokenizer"> = Object.freeze({
  protocol: "sglang",
  hostname: "127.0.0.1",
  port: 10_090,
  count: 1,
  seed: 0,
  latency: true,
  ...DEFAULT_LATENCY,
  incrementalStreaming: false,
  streamIntervalTokens: 1,
  weightVersion: "default",
  splitProbability: 0.1,
  contextLength: 131_072,
  runningMax: 1_024,
  kvCacheTokens: 1_048_576,
  startupMs: 0,
  modelPath: "simulated",
  faults: {},
});
