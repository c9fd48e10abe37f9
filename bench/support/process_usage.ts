/**
 * What another process uses, as Linux tells it; null where there is no `/proc`.
 *
 * @module
 */

/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Use of memory and processor. */
export interface ProcessUsage {
  /** Memory held now. */
  readonly rssBytes: number;
  /** Most memory ever held. */
  readonly peakRssBytes: number;
  /** Processor time since the start, user and system. */
  readonly cpuSeconds: number;
}

/** Reads what process `pid` uses. */
export function processUsage(pid: number): ProcessUsage | null {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The command's name, in brackets, may hold spaces; fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      rssBytes: kibibytes(status, "VmRSS"),
      peakRssBytes: kibibytes(status, "VmHWM"),
      cpuSeconds: ticks / TICKS_PER_SECOND,
    };
  } catch {
    return null;
  }
}

/** Processor time of a process's first thread, milliseconds, to the nanosecond: what others take away does not count. NaN without `/proc`. */
export function mainThreadMs(pid: number): number {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
  } catch {
    return NaN;
  }
}

function kibibytes(status: string, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
}
