/**
 * The machine's own clock, for engines that are given none.
 *
 * @module
 */
import type { Clock } from "../../types.ts";

/** Time as it passes. */
export const wallClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const giveUp = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      }, ms);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  },
};
