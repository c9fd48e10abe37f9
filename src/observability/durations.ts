/**
 * A histogram that costs nanoseconds to feed: plain numbers, laid out for Prometheus only when somebody scrapes.
 *
 * @module
 */
import type { Histogram, Registry } from "prom-client";
import type { MetricName } from "./tally.ts";

/** What one route took. */
interface Row {
  /** Observations by bucket, not added up; the last are those above every bound. */
  readonly counts: Float64Array;
  sumS: number;
}

/** Seconds by route. `prom-client` checks, sorts and joins labels at every observation, even of a bound child. */
export class Durations {
  readonly #rows = new Map<string, Row>();
  readonly #metric: MetricName;
  readonly #boundsS: readonly number[];

  /** @param boundsS upper bounds of the buckets, ascending */
  constructor(registry: Registry, metric: MetricName, boundsS: readonly number[]) {
    this.#metric = metric;
    this.#boundsS = boundsS;
    // No more than this is asked of a metric.
    const histogram = {
      ...metric,
      type: "histogram",
      labelNames: ["route"],
      get: () => Promise.resolve(this.#render()),
      reset: () => this.#rows.clear(),
    };
    registry.registerMetric(histogram as unknown as Histogram);
  }

  /** @param route of a fixed set */
  observe(route: string, seconds: number): void {
    let row = this.#rows.get(route);
    if (row === undefined) {
      row = { counts: new Float64Array(this.#boundsS.length + 1), sumS: 0 };
      this.#rows.set(route, row);
    }
    let bucket = 0;
    while (seconds > this.#boundsS[bucket]!) bucket++;
    row.counts[bucket]!++;
    row.sumS += seconds;
  }

  #render() {
    const { name } = this.#metric;
    const values = [...this.#rows].flatMap(([route, { counts, sumS }]) => {
      let count = 0;
      const buckets = Array.from(counts, (within, i) => ({
        metricName: `${name}_bucket`,
        labels: { le: this.#boundsS[i] ?? "+Inf", route },
        value: count += within,
      }));
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: { route }, value: sumS },
        { metricName: `${name}_count`, labels: { route }, value: count },
      ];
    });
    return { ...this.#metric, type: "histogram", values, aggregator: "sum" };
  }
}
