/**
 * Figures from samples.
 *
 * @module
 */

/** The value below which `share` (0 to 1) of ascending samples lie; NaN without samples. */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  return ascending[Math.min(Math.floor(ascending.length * share), ascending.length - 1)] ?? NaN;
}

/** The middle value; the mean of the two middle ones for an even count; NaN without samples. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
