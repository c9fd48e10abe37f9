/**
 * Serves `/generate` through the token cache: text goes in, ids go out; what comes back is recorded.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { MiddlewareHandler } from "hono";
import type { PreparedPrompt, TokenCache } from "../cache/token_cache.ts";
import type { SampledOutput } from "../engine/engine.ts";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { GenerateRequest } from "../proxy/generate_request.ts";
import type { GenerateExchange } from "../proxy/generate_exchange.ts";
import { readRequestBody } from "../proxy/read_body.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** What the radix cache needs. */
export interface RadixCacheOptions {
  readonly cache: TokenCache;
  readonly metrics: RouterMetrics;
  readonly maxBodyBytes: number;
}

const logger = getLogger(["slime-router", "radix-cache"]);

/** The middleware. The last one: what it puts into the context is what the proxy sends. */
export function radixCache(options: RadixCacheOptions): MiddlewareHandler<RouterEnv> {
  return async function radixCache(c, next) {
    const exchange = c.get("exchange");
    const body = await readRequestBody(c.req.raw, options.maxBodyBytes, exchange.signal);
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
  if (prompt === null) return { request, body: request.body, onOutputs: null };
  // The pin ends with the exchange, whatever its end.
  exchange.onEnd(() => options.cache.release(prompt));
  exchange.promptTokens = { matched: prompt.matchedTokens, encoded: prompt.restIds.length };
  options.metrics.promptTokens(prompt.matchedTokens, prompt.restIds.length);
  const body = request.prompt.kind === "ids"
    ? request.withLogprobs()
    : request.withIds([prompt.matchedDigits, prompt.restDigits]);
  return { request, body, onOutputs: (outputs) => record(options, prompt, outputs, exchange) };
}

/** null when the prompt is not for the cache. */
async function preparePrompt(
  cache: TokenCache,
  { prompt }: GenerateRequest,
  exchange: Exchange,
): Promise<PreparedPrompt | null> {
  const scope = exchange.routingKey ?? undefined;
  if (prompt.kind === "text") {
    const prepared = await cache.prepareText(prompt.text, scope, exchange.signal);
    if (prepared.tokenCount > 0) return prepared;
    cache.release(prepared);
    return null;
  }
  if (prompt.kind === "opaque" || prompt.ids.some((id) => cache.tokenizer.byteLength(id) < 0)) return null;
  return await cache.prepareIds(prompt.ids, scope, exchange.signal);
}

/** Records what was sampled. Never throws: the client gets its reply whatever becomes of the record. */
async function record(
  { cache, metrics }: RadixCacheOptions,
  prompt: PreparedPrompt,
  outputs: readonly SampledOutput[],
  exchange: Exchange,
): Promise<void> {
  for (const output of outputs) {
    if (!isRecordable(output)) {
      metrics.commitRefused("aborted");
      continue;
    }
    try {
      const result = await cache.commit(prompt, output);
      if (!result.ok) refuse(metrics, result.reason, result.detail, exchange);
      else if (result.relation === "unexplained") warnOfMismatch(metrics, output, exchange);
    } catch (error) {
      refuse(metrics, "error", error instanceof Error ? error.message : String(error), exchange);
    }
  }
}

/** An abort that is an error, or that sampled nothing, leaves no trace. */
function isRecordable({ finishReason, tokenIds }: SampledOutput): boolean {
  return finishReason?.type !== "abort" || (finishReason.statusCode === undefined && tokenIds.length > 0);
}

function refuse(metrics: RouterMetrics, reason: string, detail: string, exchange: Exchange): void {
  metrics.commitRefused(reason);
  logger.error("Reply of {worker} is not recorded: {reason}: {detail}", {
    worker: exchange.worker?.url,
    reason,
    detail,
    requestId: exchange.id,
  });
}

function warnOfMismatch(metrics: RouterMetrics, output: SampledOutput, exchange: Exchange): void {
  metrics.textMismatch("unexplained");
  logger.error(
    "The engine's text is not what its tokens decode to: do router and {worker} use one tokenizer?",
    {
      worker: exchange.worker?.url,
      requestId: exchange.id,
      text: output.text?.slice(0, 200),
      tokenIds: Array.from(output.tokenIds.subarray(0, 20)),
    },
  );
}

function nextMacrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
