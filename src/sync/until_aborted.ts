/**
 * Waiting that a signal can cut short.
 *
 * @module
 */

/**
 * The outcome of `promise`, or the signal's reason when it aborts first. What `promise` stands for goes on: only the
 * wait for it ends.
 *
 * @example
 * ```ts
 * import { untilAborted } from "./until_aborted.ts";
 * const left = new AbortController();
 * const wait = untilAborted(new Promise(() => {}), left.signal).catch((reason) => reason.message);
 * left.abort(new Error("gone"));
 * if (await wait !== "gone") throw new Error("the wait ends with the signal");
 * ```
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // Two handlers: a chain of then and finally takes twice as long, on every request.
    promise.then((value) => {
      signal.removeEventListener("abort", onAbort);
      resolve(value);
    }, (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    });
  });
}
