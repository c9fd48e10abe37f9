/**
 * Signals that end the process.
 *
 * @module
 */

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that asks the process to end. */
export type StopSignal = keyof typeof SIGNALS;

/**
 * Resolves with the first SIGINT or SIGTERM. A second one ends the process at once, with the exit status that shells give
 * such an end.
 */
export function untilStopSignal(): Promise<StopSignal> {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let asked = false;
  for (const signal of Object.keys(SIGNALS) as StopSignal[]) {
    // Windows knows no SIGTERM.
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      if (asked) Deno.exit(SIGNALS[signal]);
      asked = true;
      resolve(signal);
    });
  }
  return promise;
}
