/**
 * slime-router: an HTTP router between reinforcement-learning agents and LLM inference workers that keeps the exact
 * tokens behind every text.
 *
 * @module
 */
export {
  type AppDeps,
  createApp,
  createRouter,
  type MiddlewareFactory,
  type Router,
  type RouterDeps,
  type RouterHandle,
} from "./src/app.ts";
export { type CommitResult, type PreparedPrompt, TokenCache } from "./src/cache/token_cache.ts";
export * from "./src/config.ts";
export type { EngineAdapter, TokenRequest, TokenStream } from "./src/engine/adapter.ts";
export { createEngineAdapter, ENGINE_NAMES } from "./src/engine/create.ts";
export type { FinishReason, SampledOutput } from "./src/engine/engine.ts";
export * from "./src/errors.ts";
export { createRouterMetrics, type RouterMetrics } from "./src/observability/metrics.ts";
export { createOutputParser, REASONING_FORMATS, TOOL_FORMATS } from "./src/parse/create.ts";
export type { OutputParser, ParserEvent } from "./src/parse/parser.ts";
export type { Decision, Policy, RoutingRequest } from "./src/policy/policy.ts";
export { createPolicy } from "./src/policy/create.ts";
export type { RouterEnv } from "./src/proxy/router_env.ts";
export { ComponentRegistry } from "./src/registry.ts";
export { systemClock } from "./src/sync/clock.ts";
export { ReaderWriterLock } from "./src/sync/reader_writer_lock.ts";
export { ChatTemplate } from "./src/tokenizer/chat_template.ts";
export { JsonNumber } from "./src/tokenizer/json_number.ts";
export { parseJson } from "./src/tokenizer/parse_json.ts";
export { loadTokenizer, loadTokenizerFromData } from "./src/tokenizer/load.ts";
export type { Tokenizer } from "./src/tokenizer/tokenizer.ts";
export * from "./src/trajectory/export/mod.ts";
export type { SessionView, Turn } from "./src/trajectory/turn.ts";
export * from "./src/trie/mod.ts";
export type { Clock, Fetch, JsonObject, JsonValue, Random, WeightVersion } from "./src/types.ts";
export type { WorkerLease, WorkerType, WorkerView } from "./src/worker/worker.ts";
export { WorkerPool } from "./src/worker/pool.ts";
