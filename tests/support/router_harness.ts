/**
 * A router over simulated engines in one process: no port, no file, no timer.
 *
 * @module
 */
import { createRouter, type Router, type RouterDeps } from "../../src/app.ts";
import type { RouterConfig } from "../../src/config.ts";
import type { SimulatedEngineOptions } from "../../src/engine/simulated/options.ts";
import { createSimulatedFetch } from "../../src/engine/simulated/simulated_fetch.ts";
import { createSimulatedEngine, type SimulatedEngine } from "../../src/engine/simulated/simulated_engine.ts";
import { systemClock } from "../../src/sync/clock.ts";
import type { LoadedTokenizer } from "../../src/tokenizer/load.ts";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { loadTinyTokenizer } from "./tiny_tokenizer.ts";

/** How a harness is made. */
export interface HarnessOptions {
  /** Number of engines. Default 1. */
  readonly engines?: number;
  /** Settings of every engine. */
  readonly engine?: Partial<SimulatedEngineOptions>;
  readonly config?: Partial<RouterConfig>;
  readonly deps?: Partial<RouterDeps>;
  /** Stands between router and engines, e.g. to watch. */
  readonly wrapFetch?: (fetch: Fetch) => Fetch;
  /** false: a router without tokenizer, so without cache. Default true. */
  readonly withTokenizer?: boolean;
}

/** A router, its engines and what a test asks of them. */
export interface Harness extends AsyncDisposable {
  readonly router: Router;
  readonly engines: readonly SimulatedEngine[];
  /** `http://engine-0:1` and so on. */
  readonly urls: readonly string[];
  readonly loaded: LoadedTokenizer;
  /** Sends any request. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** POSTs JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** POSTs JSON and reads a 200 reply. */
  postOk(path: string, body: unknown): Promise<JsonObject>;
  /** Bodies that reached `/generate` of engine `index`, oldest first. */
  generateBodies(index?: number): JsonObject[];
}

/** Makes a harness. `await using` ends it. */
export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { engines: engineCount = 1, engine = {}, config = {}, deps = {}, withTokenizer = true } = options;
  const loaded = await (sharedTokenizer ??= loadShared());
  const engines = Array.from(
    { length: engineCount },
    (_, seed) => createSimulatedEngine({ tokenizer: loaded.tokenizer, seed, clock: systemClock, ...engine }),
  );
  const urls = engines.map((_, i) => `http://engine-${i}:1`);
  const fetch = createSimulatedFetch(Object.fromEntries(urls.map((url, i) => [url, engines[i]!])));
  const router = await createRouter({ workers: urls, ...config }, {
    fetch: options.wrapFetch?.(fetch) ?? fetch,
    healthChecks: false,
    // The first worker is asked first.
    random: () => 0,
    tokenizer: withTokenizer ? loaded : null,
    ...deps,
  });
  const request = async (path: string, init?: RequestInit) =>
    await router.fetch(new Request(`http://router${path}`, init));
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    request(path, { method: "POST", body: JSON.stringify(body), ...init });
  return {
    router,
    engines,
    urls,
    loaded,
    request,
    post,
    async postOk(path, body) {
      const response = await post(path, body);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`POST ${path}: ${response.status} ${text}`);
      return JSON.parse(text);
    },
    generateBodies: (index = 0) =>
      (engines[index] as SimulatedEngine).state.requests
        .filter(({ path }) => path === "/generate")
        .map((logged) => logged.body() as JsonObject),
    async [Symbol.asyncDispose]() {
      await router.close();
    },
  };
}

/** To load it takes longer than most tests do, and nothing in it changes. */
let sharedTokenizer: Promise<LoadedTokenizer> | null = null;

async function loadShared(): Promise<LoadedTokenizer> {
  const loaded = await loadTinyTokenizer();
  // A router closes its components; the next harness still needs this one.
  Object.assign(loaded.tokenizer, { close() {} });
  return loaded;
}

/** Prompts in the tiny tokenizer's chat format. */
export function chatPrompt(user: string, before = ""): string {
  return `${before}<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n`;
}
