/**
 * The real clock. What waits or measures takes a clock as an argument; this is the one that runs in production.
 *
 * @module
 */

/** The clock of the running system; satisfies `Clock` of `types.ts` by shape, so that this folder imports nothing. */
export const systemClock = {
  /** Milliseconds since the process began, fractional, never going back. */
  now(): number {
    return performance.now();
  },

  /** Milliseconds since the Unix epoch. */
  epochMs(): number {
    return Date.now();
  },

  /**
   * Resolves after `ms` milliseconds.
   *
   * @param ms 0 or more; below 2^31, past which Web timers fire at once
   * @param signal ends the wait and clears the timer, so that nothing keeps the process alive
   * @throws RangeError for a time that a timer cannot hold; the signal's reason when it aborts first
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (!(ms >= 0 && ms < TIMER_LIMIT_MS)) {
      return Promise.reject(
        new RangeError(`Cannot sleep: time must be 0 to ${TIMER_LIMIT_MS - 1} ms, received ${ms}`),
      );
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  },
} as const;

/** Web timers hold a signed 32-bit count of milliseconds. */
const TIMER_LIMIT_MS = 2 ** 31;
