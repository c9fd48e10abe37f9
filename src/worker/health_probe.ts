/**
 * One health probe: `GET {worker}/health`, any 2xx is well.
 *
 * @module
 */
import type { Clock, Fetch } from "../types.ts";

/** What a probe found. */
export interface ProbeVerdict {
  readonly isWell: boolean;
  /** Whether the worker said so itself: one that is only silent may be busy. */
  readonly hasAnswered: boolean;
  /** Why it is not well; null when it is. */
  readonly reason: string | null;
}

/** What a probe is made with. */
export interface ProbeOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Longest that the reply's head may take. */
  readonly timeoutMs: number;
}

const WELL: ProbeVerdict = { isWell: true, hasAnswered: true, reason: null };

/**
 * Probes a worker once. Never rejects. Redirects are not followed, and the reply's body is not read.
 *
 * @param url as registered, base path included
 * @param cancel ends the probe when aborted; is aborted when the probe ends, which frees its timer and connection
 * @returns null when cancelled
 */
export async function probeHealth(
  url: string,
  cancel: AbortController,
  options: ProbeOptions,
): Promise<ProbeVerdict | null> {
  const { fetch, clock, timeoutMs } = options;
  const { signal } = cancel;
  const timeout = silent(`no answer within ${timeoutMs} ms`);
  // The timer rejects when the probe is cancelled: a fetch that ignores its signal holds nobody up.
  const deadline = clock.sleep(timeoutMs, signal).then(() => timeout, () => null);
  try {
    const verdict = await Promise.race([ask(`${url}/health`, fetch, signal), deadline]);
    return signal.aborted ? null : verdict;
  } finally {
    cancel.abort();
  }
}

async function ask(url: string, fetch: Fetch, signal: AbortSignal): Promise<ProbeVerdict> {
  try {
    const reply = await fetch(url, { redirect: "manual", signal });
    // The head says it all, and a body may never end.
    reply.body?.cancel().catch(() => {});
    return reply.ok ? WELL : { isWell: false, hasAnswered: true, reason: `answered ${reply.status}` };
  } catch (error) {
    return silent(error instanceof Error ? error.message : String(error));
  }
}

function silent(reason: string): ProbeVerdict {
  return { isWell: false, hasAnswered: false, reason };
}
