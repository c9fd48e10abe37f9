/**
 * Counters that cost nanoseconds to raise: plain numbers, handed to Prometheus only when somebody scrapes.
 *
 * @module
 */
import { Counter, type Registry } from "prom-client";

/** Most label combinations of one counter; later ones are counted as {@link OVERFLOW_LABEL}. */
export const LABEL_SETS_MAX = 256;

/** Stands for every label value that came after the bound was reached. */
export const OVERFLOW_LABEL = "other";

/** Separates label values in a key; no label value contains it. */
const SEPARATOR = "\u0000";

/** What a metric is called and what it tells. */
export interface MetricName {
  readonly name: string;
  readonly help: string;
}

/**
 * A counter with up to two labels.
 *
 * `prom-client` sorts and joins label names at every increment, even of a bound child (260 ns); this looks one string up
 * in a map.
 */
export class Tally {
  readonly #values = new Map<string, number>();
  readonly #labelNames: readonly string[];

  constructor(registry: Registry, metric: MetricName, labelNames: readonly string[]) {
    this.#labelNames = labelNames;
    const values = this.#values;
    new Counter({
      ...metric,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const [key, value] of values) this.inc(labelsOf(labelNames, key), value);
      },
    });
  }

  /** Adds one to the combination of these label values. */
  count(first: string, second?: string): void {
    this.add(1, first, second);
  }

  /** Adds `amount`, 0 or more. */
  add(amount: number, first: string, second?: string): void {
    const key = second === undefined ? first : first + SEPARATOR + second;
    const before = this.#values.get(key);
    if (before === undefined && this.#values.size >= LABEL_SETS_MAX) return this.#addToOverflow(amount);
    this.#values.set(key, (before ?? 0) + amount);
  }

  /** What was counted for these label values so far. */
  value(first: string, second?: string): number {
    return this.#values.get(second === undefined ? first : first + SEPARATOR + second) ?? 0;
  }

  #addToOverflow(amount: number): void {
    const key = this.#labelNames.map(() => OVERFLOW_LABEL).join(SEPARATOR);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }
}

function labelsOf(names: readonly string[], key: string): Record<string, string> {
  const values = key.split(SEPARATOR);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
}
