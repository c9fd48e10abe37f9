/**
 * Closed-loop load: each connection sends its next request when the last one is answered.
 *
 * @module
 */
import { RawConnection, type RawReply } from "./http_client.ts";

/** What to send and how much of it. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  readonly requestsMax: number;
  /** The bytes of request number `index`. */
  readonly next: (index: number) => Uint8Array;
  /** Looks at every reply; throws when it is not the one expected. */
  readonly check: (reply: RawReply) => void;
}

/** What was seen. */
export interface LoadResult {
  readonly requests: number;
  readonly elapsedMs: number;
  /** One a request, in microseconds, ascending. */
  readonly latenciesUs: Float64Array;
}

/** Runs a load within its bounds of time and count. @throws Error when a reply is not as expected */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { port, connections, durationMs, requestsMax, next, check } = options;
  const open = await Promise.all(Array.from({ length: connections }, () => RawConnection.open(port)));
  const latencies: number[] = [];
  let index = 0;
  const start = performance.now();
  const deadline = start + durationMs;
  try {
    await Promise.all(open.map(async (connection) => {
      while (index < requestsMax) {
        const request = next(index++);
        const sent = performance.now();
        check(await connection.request(request));
        const answered = performance.now();
        latencies.push((answered - sent) * 1_000);
        if (answered >= deadline) break;
      }
    }));
  } finally {
    for (const connection of open) connection[Symbol.dispose]();
  }
  const elapsedMs = performance.now() - start;
  return { requests: latencies.length, elapsedMs, latenciesUs: Float64Array.from(latencies).sort() };
}
