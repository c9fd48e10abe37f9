/**
 * From the settings of `slime-router simulate` to engines.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { ChatRenderer, SimulatedEngineOptions, SimulateOptions } from "./options.ts";
import { type ServedEngine, serveSimulatedEngine } from "./serve.ts";
import { createSimulatedEngine, type SimulatedEngine } from "./simulated_engine.ts";

/** What was loaded from `SimulateOptions.tokenizer`. */
export interface SimulateAssets {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatRenderer | null;
  /** What the tokenizer's configuration names as end of sequence; the usual names are looked for without. */
  readonly stopTokenId?: number;
}

/** An engine and its server. */
export interface RunningSimulation {
  readonly engine: SimulatedEngine;
  readonly served: ServedEngine;
}

/** Settings of the engine number `ordinal`, from 0. Nothing is logged of requests: a load target must not grow. */
export function simulatedEngineOptions(
  options: SimulateOptions,
  assets: SimulateAssets,
  ordinal = 0,
): SimulatedEngineOptions {
  const { prefillTokensPerSecond, decodeMsPerToken, batchSlowdown } = options;
  return {
    tokenizer: assets.tokenizer,
    ...(assets.chatTemplate === null ? {} : { chatTemplate: assets.chatTemplate }),
    ...(assets.stopTokenId === undefined ? {} : { stopTokenId: assets.stopTokenId }),
    protocol: options.protocol,
    seed: options.seed + ordinal,
    latency: options.latency ? { prefillTokensPerSecond, decodeMsPerToken, batchSlowdown } : null,
    faults: options.faults,
    incrementalStreaming: options.incrementalStreaming,
    streamIntervalTokens: options.streamIntervalTokens,
    weightVersion: options.weightVersion,
    splitProbability: options.splitProbability,
    contextLength: options.contextLength,
    runningMax: options.runningMax,
    kvCacheTokens: options.kvCacheTokens,
    startupMs: options.startupMs,
    modelPath: options.modelPath,
    requestLogMax: 0,
  };
}

/**
 * Starts `options.count` engines on consecutive ports. When one cannot listen, those before it are stopped and the
 * rejection says why. Engines that may drop connections before the headers are served by `node:http`, which can.
 */
export async function startSimulation(
  options: SimulateOptions,
  assets: SimulateAssets,
): Promise<RunningSimulation[]> {
  const running: RunningSimulation[] = [];
  const { hostname, count } = options;
  const transport = options.faults.dropBeforeHeaders === undefined ? "deno" : "node";
  try {
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const engine = createSimulatedEngine(simulatedEngineOptions(options, assets, ordinal));
      const port = options.port === 0 ? 0 : options.port + ordinal;
      running.push({ engine, served: await serveSimulatedEngine(engine, { hostname, port, transport }) });
    }
  } catch (error) {
    await Promise.all(running.map(({ served }) => served.shutdown()));
    throw error;
  }
  return running;
}
