/**
 * Signals that end the process.
 *
 * @module
 */

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that asks the process to end. */
export type StopSignal = keyof typeof SIGNALS;

/** What signals come from and act on; {@link untilStopSignal} has defaults for all. */
export interface StopSignalOptions {
  /** Default `Deno.addSignalListener`. */
  readonly listen?: (signal: StopSignal, handler: () => void) => void;
  /** Default `Deno.exit`. */
  readonly exit?: (code: number) => void;
  /** Milliseconds, never going back. Default `performance.now`. */
  readonly nowMs?: () => number;
}

/**
 * A further signal that comes so soon is the first one come twice: who stops a group of processes, as terminals and
 * service managers do, reaches this one directly and through each parent (`deno task`) that passes its own on.
 */
export const SAME_SIGNAL_MS = 500;

/**
 * Resolves with the first SIGINT or SIGTERM. One that comes later than {@link SAME_SIGNAL_MS} after it ends the process at
 * once, with the exit status that shells give such an end.
 */
export function untilStopSignal(options: StopSignalOptions = {}): Promise<StopSignal> {
  const { listen = Deno.addSignalListener, exit = Deno.exit, nowMs = () => performance.now() } = options;
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let firstMs: number | null = null;
  for (const signal of Object.keys(SIGNALS) as StopSignal[]) {
    // Windows knows no SIGTERM.
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    listen(signal, () => {
      if (firstMs !== null && nowMs() - firstMs > SAME_SIGNAL_MS) exit(SIGNALS[signal]);
      firstMs ??= nowMs();
      resolve(signal);
    });
  }
  return promise;
}
