/**
 * Process: the router as `serve` runs it, plus `GET /bench/loop`, which tells for how long the event loop was blocked.
 *
 * @module
 */
import type { MiddlewareFactory } from "../../src/app.ts";
import { DEFAULT_CONFIG, type RouterConfig } from "../../src/config.ts";
import { openRouter } from "../../src/platform/deno_router.ts";
import { serveHandler } from "../../src/platform/deno_serve.ts";
import { childSettings, serveUntilReleased } from "./child.ts";

/** Settings of this process. */
export interface RouterSettings {
  readonly config: Partial<RouterConfig>;
  /** Watch the event loop with a timer of one millisecond. Default false: the timer costs processor time. */
  readonly watchLoop?: boolean;
}

/** What `GET /bench/loop` answers; asking begins anew. */
export interface LoopReport {
  /** Longest time between two turns of the event loop. */
  readonly longestBlockMs: number;
}

const { config, watchLoop = false } = childSettings<RouterSettings>();

let longestBlockMs = 0;
if (watchLoop) {
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    longestBlockMs = Math.max(longestBlockMs, now - last);
    last = now;
  }, 1);
}

const loopEndpoint: MiddlewareFactory = () =>
  async function loopReport(c, next) {
    if (c.req.path !== "/bench/loop") return await next();
    const report: LoopReport = { longestBlockMs };
    longestBlockMs = 0;
    return c.json(report);
  };

const router = await openRouter(
  { ...DEFAULT_CONFIG, ...config },
  watchLoop ? { middleware: [loopEndpoint] } : {},
);
const served = serveHandler(router, { hostname: "127.0.0.1", port: 0 });

await serveUntilReleased(served.url, () => served.shutdown(500));
