/**
 * Records in the token cache what was sampled after a prompt.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { PreparedPrompt, TokenCache } from "../cache/token_cache.ts";
import type { SampledOutput } from "../engine/engine.ts";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { Exchange } from "./exchange.ts";

/** Where it is recorded, and counted. */
export interface RecordDeps {
  readonly cache: TokenCache;
  readonly metrics: RouterMetrics;
}

const logger = getLogger(["slime-router", "radix-cache"]);

/** Records what was sampled. Never throws: the client gets its reply whatever becomes of the record. */
export async function recordOutputs(
  { cache, metrics }: RecordDeps,
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
