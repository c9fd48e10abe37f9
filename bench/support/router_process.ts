/**
 * Process: the router as `serve` runs it, plus `GET /bench/loop`, which tells for how long the event loop was blocked, and
 * `GET /bench/memory`, which tells what is left after a full collection.
 *
 * @module
 */
import { getHeapSpaceStatistics } from "node:v8";
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
  /** Serve `/bench/memory`; needs `--v8-flags=--expose-gc`. Default false. */
  readonly tellMemory?: boolean;
}

/** What `GET /bench/memory` answers. */
export interface MemoryReport {
  /** Objects and strings that are still referred to. */
  readonly heapBytes: number;
  /** Machine code, which the runtime makes as functions get hot, and what belongs to it. */
  readonly codeBytes: number;
  /** Buffers that they hold, and memory of WebAssembly. */
  readonly externalBytes: number;
}

/** What `GET /bench/loop` answers; asking begins anew. */
export interface LoopReport {
  /** Longest time between two turns of the event loop. */
  readonly longestBlockMs: number;
  /** Most processor time of the main thread between two turns: what is left of it when other processes take the rest. */
  readonly longestBusyMs: number;
}

const { config, watchLoop = false, tellMemory = false } = childSettings<RouterSettings>();

let longestBlockMs = 0;
let longestBusyMs = 0;
if (watchLoop) {
  let last = performance.now();
  let lastCpu = threadCpuMs();
  setInterval(() => {
    const now = performance.now();
    const cpu = threadCpuMs();
    longestBlockMs = Math.max(longestBlockMs, now - last);
    longestBusyMs = Math.max(longestBusyMs, cpu - lastCpu);
    last = now;
    lastCpu = cpu;
  }, 1);
}

/** Processor time of this thread (Linux; brought up to date every 4 ms and whenever the thread waits); NaN elsewhere. */
function threadCpuMs(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
  } catch {
    return NaN;
  }
}

const loopEndpoint: MiddlewareFactory = () =>
  async function loopReport(c, next) {
    if (c.req.path !== "/bench/loop") return await next();
    const report: LoopReport = { longestBlockMs, longestBusyMs };
    longestBlockMs = 0;
    longestBusyMs = 0;
    return c.json(report);
  };

const memoryEndpoint: MiddlewareFactory = () =>
  async function memoryReport(c, next) {
    if (c.req.path !== "/bench/memory") return await next();
    // Finalizers of the first collection let go of what the second finds.
    for (let round = 0; round < 3; round++) {
      (globalThis as unknown as { gc: () => void }).gc();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external } = Deno.memoryUsage();
    const codeBytes = getHeapSpaceStatistics()
      .filter(({ space_name }) => /code|trusted/.test(space_name))
      .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
    const report: MemoryReport = { heapBytes: heapUsed - codeBytes, codeBytes, externalBytes: external };
    return c.json(report);
  };

const middleware = [...(watchLoop ? [loopEndpoint] : []), ...(tellMemory ? [memoryEndpoint] : [])];
const router = await openRouter({ ...DEFAULT_CONFIG, ...config }, { middleware });
const served = serveHandler(router, { hostname: "127.0.0.1", port: 0 });

await serveUntilReleased(served.url, () => served.shutdown(500));
