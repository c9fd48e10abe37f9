/**
 * Engines without ports: a `fetch` that reaches simulated engines in the same process.
 *
 * @module
 */
import type { Fetch } from "../../types.ts";
import type { SimulatedEngine } from "./simulated_engine.ts";

/**
 * A `fetch` that answers for `engines`, by origin (`"http://engine-a:30000"`), and refuses every other one with a
 * `TypeError`, as the real one does. A signal that aborts rejects the call, breaks the body, and is seen by the engine
 * as a client that left.
 *
 * @example Two engines
 * ```ts no-eval
 * const fetch = createSimulatedFetch({ "http://engine-a": engineA, "http://engine-b": engineB });
 * const reply = await fetch("http://engine-a/get_model_info");
 * ```
 */
export function createSimulatedFetch(engines: Readonly<Record<string, SimulatedEngine>>): Fetch {
  return async function simulatedFetch(input, init) {
    const request = new Request(input, init);
    const { signal } = request;
    signal.throwIfAborted();
    const { origin } = new URL(request.url);
    const engine = engines[origin];
    if (engine === undefined) throw new TypeError(`Cannot fetch ${origin}: connection refused`);
    const response = await orAborted(engine.fetch(request), signal);
    return response.body === null ? response : new Response(untilAborted(response.body, signal), response);
  };
}

async function orAborted<Value>(pending: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([pending, promise]);
  } finally {
    signal.removeEventListener("abort", leave);
    pending.catch(() => {});
  }
}

/** `body`, broken when `signal` aborts: a real response's body ends with its request. */
function untilAborted(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const close = () => signal.removeEventListener("abort", leave);
  let abort: ((reason: unknown) => void) | null = null;
  const leave = () => {
    abort?.(signal.reason);
    void reader.cancel(signal.reason).catch(() => {});
  };
  return new ReadableStream({
    start(controller) {
      abort = (reason) => controller.error(reason);
      signal.addEventListener("abort", leave, { once: true });
    },
    async pull(controller) {
      const { done, value } = await reader.read().catch((error) => {
        close();
        throw error;
      });
      if (signal.aborted) return;
      if (!done) return controller.enqueue(value);
      close();
      controller.close();
    },
    cancel(reason) {
      close();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
