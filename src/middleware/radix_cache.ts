/**
 * Serves `/generate` through the token cache: text goes in, ids go out; what comes back is recorded.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import type { PreparedPrompt, TokenCache } from "../cache/token_cache.ts";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { GenerateRequest } from "../proxy/generate_request.ts";
import type { GenerateExchange } from "../proxy/generate_exchange.ts";
import { readRequestBody } from "../proxy/read_body.ts";
import { recordOutputs } from "../proxy/record_outputs.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** What the radix cache needs. */
export interface RadixCacheOptions {
  readonly cache: TokenCache;
  readonly metrics: RouterMetrics;
  readonly maxBodyBytes: number;
}

/** The middleware. The last one: what it puts into the context is what the proxy sends. */
export function radixCache(options: RadixCacheOptions): MiddlewareHandler<RouterEnv> {
  return async function radixCache(c, next) {
    const exchange = c.get("exchange");
    const body = await readRequestBody(c.req.raw, options.maxBodyBytes, exchange);
    const request = await GenerateRequest.parseSliced(body, nextMacrotask);
    c.set("generate", await prepare(options, request, exchange));
    await next();
  };
}

async function prepare(
  options: RadixCacheOptions,
  request: GenerateRequest,
  exchange: Exchange,
): Promise<GenerateExchange> {
  const prompt = await preparePrompt(options.cache, request, exchange);
  // The pin ends with the exchange, whatever its end.
  if (prompt !== null) exchange.onEnd(() => options.cache.release(prompt));
  if (prompt === null || prompt.tokenCount === 0) return { request, body: request.body, onOutputs: null };
  exchange.promptTokens = { matched: prompt.matchedTokens, encoded: prompt.restIds.length };
  options.metrics.promptTokens(prompt.matchedTokens, prompt.restIds.length);
  const body = request.prompt.kind === "ids"
    ? request.withLogprobs()
    : request.withIds([prompt.matchedDigits, prompt.restDigits]);
  return { request, body, onOutputs: (outputs) => recordOutputs(options, prompt, outputs, exchange) };
}

/** null when the prompt is not for the cache. */
function preparePrompt(
  cache: TokenCache,
  { prompt }: GenerateRequest,
  exchange: Exchange,
): PreparedPrompt | Promise<PreparedPrompt> | null {
  const scope = exchange.routingKey ?? undefined;
  if (prompt.kind === "text") return cache.prepareText(prompt.text, scope, exchange);
  if (prompt.kind === "opaque" || prompt.ids.some((id) => cache.tokenizer.byteLength(id) < 0)) return null;
  return cache.prepareIds(prompt.ids, scope, exchange);
}

function nextMacrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
