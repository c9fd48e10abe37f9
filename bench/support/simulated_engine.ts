/**
 * Process: a simulated engine; `GET /bench` answers the last body that `/generate` received.
 *
 * @module
 */
import { createSimulatedEngine } from "../../src/engine/simulated/mod.ts";
import type { LatencyModel } from "../../src/engine/simulated/mod.ts";
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import { childSettings, serveUntilReleased } from "./child.ts";

/** Settings of this process. */
export interface SimulatedSettings {
  readonly tokenizer: string;
  /** Default null: no latency. */
  readonly latency?: LatencyModel | null;
  /** Default false, as SGLang. */
  readonly incrementalStreaming?: boolean;
  /** Chance of each token to be sampled as smaller ones. Default: the engine's. */
  readonly splitProbability?: number;
}

const settings = childSettings<SimulatedSettings>();
const { tokenizer } = await loadTokenizer(settings.tokenizer, { worker: false });
const engine = createSimulatedEngine({
  tokenizer,
  latency: settings.latency ?? null,
  incrementalStreaming: settings.incrementalStreaming ?? false,
  ...(settings.splitProbability === undefined ? {} : { splitProbability: settings.splitProbability }),
  runningMax: 4_096,
  requestLogMax: 1,
});
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  if (!request.url.endsWith("/bench")) return engine.fetch(request);
  return new Response(engine.state.requests.at(-1)?.bodyText ?? "null");
});

await serveUntilReleased(`http://127.0.0.1:${server.addr.port}`, () => server.shutdown());
