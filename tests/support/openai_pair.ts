/**
 * A router on a port over a simulated engine that says what it is told.
 *
 * @module
 */
import { serveHandler } from "../../src/platform/deno_serve.ts";
import { createHarness } from "./router_harness.ts";

/** A served router. */
export interface ServedPair extends AsyncDisposable {
  readonly url: string;
  /** Says the first reply again next. */
  restart(): void;
}

/**
 * Serves a router whose engine gives `replies` in turn, of non-canonical tokens; the last one again and again. Without any the
 * engine says what it likes, or what a request holds it to.
 */
export async function serveSimulated(replies: readonly string[] = []): Promise<ServedPair> {
  let next = 0;
  const script = () => replies[Math.min(next++, replies.length - 1)];
  const harness = await createHarness({ engine: { script, splitProbability: 0.5 } });
  const server = serveHandler(harness.router, { hostname: "127.0.0.1", port: 0 });
  return {
    url: server.url,
    restart: () => void (next = 0),
    async [Symbol.asyncDispose]() {
      await server.shutdown(1_000);
      await harness[Symbol.asyncDispose]();
    },
  };
}
