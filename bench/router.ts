/**
 * The router against no proxy at all and against bare proxies, side by side in one run.
 *
 * Each server is a process of its own; the load comes from this process over raw keep-alive sockets. In every round all
 * variants take their turn at each load, in another order each time; figures are medians over the rounds.
 *
 * @module
 */
import { loadTokenizer } from "../src/tokenizer/load.ts";
import type { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { expectIds, expectReply, expectSameBody, sendOnce, stubReport } from "./support/answers.ts";
import { checkTurns } from "./support/check_turns.ts";
import { type Child, startChild } from "./support/child.ts";
import { makeReply, makeRequests, type Requests, tokenizerPath } from "./support/corpus.ts";
import { type LoadResult, runLoad } from "./support/load.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { processUsage } from "./support/process_usage.ts";
import { median, quantile } from "./support/stats.ts";

/** How thorough a run is. */
export interface RouterBenchOptions {
  /** Fewer loads, shorter ones: half a minute. */
  readonly quick?: boolean;
}

/** A server to be measured. */
interface Variant {
  readonly name: string;
  readonly port: number;
  /** null for the upstream itself. */
  readonly process: Child | null;
  readonly sendsIds: boolean;
  readonly isCold: boolean;
}

/** One variant under one load in one round. */
interface Sample {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly cpuSeconds: number | null;
}

interface Load {
  readonly bodyBytes: number;
  readonly connections: number;
}

const REPLY_TOKENS = 64;
const REQUESTS_MAX = 20_000;
/**
 * A server at work is compiled. The optimising compiler takes some ten thousand requests: before, a request costs two to
 * three times the processor time, and more code is the slower for it. The servers warm up in turns shorter than the 8
 * seconds after which V8 collects the garbage of an idle process, and compiled code with it.
 */
const WARM_UP_TURNS = { full: 15, quick: 12 } as const;
const WARM_UP = { connections: 16, requestsMax: REQUESTS_MAX, durationMs: 1_000 } as const;
const DIRECT = "direct";
const BARE = "bare Deno.serve + fetch";
const ROUTER_HOT = "router, cache on, hot";
/** The load and the bounds that the project has set itself: now, and later. */
const GOALS = {
  added: { bodyBytes: 3_072, connections: 1, ratioMax: [1.5, 1.25] },
  throughput: { bodyBytes: 3_072, connections: 16, ratioMin: [0.6, 0.75] },
} as const;

/** Runs the benchmark and prints its tables. @throws Error when an answer is wrong */
export async function runRouterBench({ quick = false }: RouterBenchOptions = {}): Promise<void> {
  const plan = quick
    ? { rounds: 16, durationMs: 300, bodies: [3_072], connections: [1, 16] }
    : { rounds: 9, durationMs: 400, bodies: [200, 3_072, 16_384], connections: [1, 16, 64] };
  const { tokenizer } = await loadTokenizer(tokenizerPath(), { worker: false });
  const reply = makeReply(tokenizer, REPLY_TOKENS);
  printLine(`# Router (${machineLine()})`);
  printLine(
    `Load by the bench process over raw sockets; upstream: stub with a reply of ${reply.length} bytes (${REPLY_TOKENS} tokens ` +
      `with logprobs); medians of ${plan.rounds} rounds of ${plan.durationMs} ms, at most ${REQUESTS_MAX} requests each.`,
  );
  await using stack = new AsyncDisposableStack();
  const start = async (...args: Parameters<typeof startChild>) => stack.use(await startChild(...args));
  await checkTurns(start, tokenizer, tokenizerPath());
  const stub = await start("stub_upstream.ts", { settings: { reply } });
  const variants = await startVariants(start, stub);
  const expected = new TextEncoder().encode(reply);
  const requests = new Map(plan.bodies.map((bytes) => [bytes, makeRequests(bytes)]));
  const bench = new RouterBench(variants, requests, stub, expectReply(expected));
  await bench.warmUp(quick ? WARM_UP_TURNS.quick : WARM_UP_TURNS.full);
  await bench.checkBodies(tokenizer);
  for (let round = 0; round < plan.rounds; round++) {
    for (const bodyBytes of plan.bodies) {
      for (const connections of plan.connections) {
        await bench.measure({ bodyBytes, connections }, round, plan.durationMs);
      }
    }
  }
  await bench.checkCounts();
  bench.print();
  tokenizer.close();
}

async function startVariants(
  start: typeof startChild,
  stub: Child,
): Promise<Variant[]> {
  const proxy = (name: string, process: Child, sendsIds = false, isCold = false): Variant => ({
    name,
    port: process.port,
    process,
    sendsIds,
    isCold,
  });
  const bare = (hono: boolean) => start("bare_proxy.ts", { settings: { upstream: stub.url, hono } });
  const router = (tokenizer: string | null) =>
    start("router_process.ts", { settings: { config: { workers: [stub.url], tokenizer } } });
  return [
    { name: DIRECT, port: stub.port, process: null, sendsIds: false, isCold: false },
    proxy(BARE, await bare(false)),
    proxy("bare Deno.serve + Hono + fetch", await bare(true)),
    proxy("router without tokenizer", await router(null)),
    proxy(ROUTER_HOT, await router(tokenizerPath()), true),
    proxy("router, cache on, cold texts", await router(tokenizerPath()), true, true),
  ];
}

class RouterBench {
  readonly #variants: readonly Variant[];
  readonly #requests: ReadonlyMap<number, Requests>;
  readonly #stub: Child;
  readonly #check: ReturnType<typeof expectReply>;
  readonly #samples = new Map<string, Sample[]>();
  #sent = 0;

  constructor(
    variants: readonly Variant[],
    requests: ReadonlyMap<number, Requests>,
    stub: Child,
    check: ReturnType<typeof expectReply>,
  ) {
    this.#variants = variants;
    this.#requests = requests;
    this.#stub = stub;
    this.#check = check;
  }

  /** Sends every hot request many times; the variants and the sizes of bodies take turns. */
  async warmUp(turns: number): Promise<void> {
    const bodies = [...this.#requests.values()];
    for (let turn = 0; turn < turns; turn++) {
      for (const variant of this.#variants) {
        await this.#load(variant, bodies[turn % bodies.length] as Requests, WARM_UP);
      }
    }
  }

  /** Looks at what the upstream received of one request of each size through each variant. */
  async checkBodies(tokenizer: Tokenizer): Promise<void> {
    for (const variant of this.#variants) {
      for (const { hot: [probe] } of this.#requests.values()) {
        if (probe === undefined) throw new RangeError("Cannot check bodies: there are no requests");
        this.#check(await sendOnce(variant.port, probe.bytes));
        this.#sent++;
        const { lastBody } = await stubReport(this.#stub.url);
        if (variant.sendsIds) expectIds(lastBody, probe.text, tokenizer);
        else expectSameBody(lastBody, probe.bytes);
      }
    }
  }

  /** All variants under one load; each round begins with another variant. */
  async measure(load: Load, round: number, durationMs: number): Promise<void> {
    const requests = this.#requests.get(load.bodyBytes);
    if (requests === undefined) {
      throw new RangeError(`Cannot measure: no requests of ${load.bodyBytes} bytes`);
    }
    for (let turn = 0; turn < this.#variants.length; turn++) {
      const variant = this.#variants[(turn + round) % this.#variants.length] as Variant;
      const before = usageOf(variant);
      const result = await this.#load(variant, requests, { connections: load.connections, durationMs });
      const after = usageOf(variant);
      const key = keyOf(variant, load);
      const samples = this.#samples.get(key) ?? [];
      this.#samples.set(key, samples);
      samples.push({
        p50Us: quantile(result.latenciesUs, 0.5),
        p99Us: quantile(result.latenciesUs, 0.99),
        requestsPerSecond: result.requests / result.elapsedMs * 1_000,
        requests: result.requests,
        cpuSeconds: before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds,
      });
    }
  }

  /** The upstream received each request once. */
  async checkCounts(): Promise<void> {
    const { requests } = await stubReport(this.#stub.url);
    if (requests === this.#sent) return;
    throw new Error(`Cannot trust the figures: ${this.#sent} requests were sent, ${requests} arrived`);
  }

  print(): void {
    const loads = new Map([...this.#samples.keys()].map((key) => [key.slice(key.indexOf("\n") + 1), key]));
    for (const load of loads.keys()) this.#printLoad(JSON.parse(load) as Load);
    printLine("\n## Memory after the run");
    printTable(
      ["process", "RSS MB", "peak RSS MB"],
      this.#variants.filter(({ process }) => process !== null).map((variant) => {
        const usage = usageOf(variant);
        const megabytes = (bytes: number | undefined) => figure(bytes === undefined ? null : bytes / 1e6);
        return [variant.name, megabytes(usage?.rssBytes), megabytes(usage?.peakRssBytes)];
      }),
    );
    this.#printGoals();
  }

  #printLoad(load: Load): void {
    printLine(
      `\n## Body ${load.bodyBytes} B, ${load.connections} connection${load.connections > 1 ? "s" : ""}`,
    );
    printTable(
      [
        "variant",
        "p50 µs",
        "p99 µs",
        "added p50 µs",
        "added ÷ bare",
        "req/s",
        "req/s ÷ bare",
        "CPU s / 1,000 req",
      ],
      this.#variants.map((variant) => {
        const samples = this.#of(variant.name, load);
        return [
          variant.name,
          figure(median(samples.map((sample) => sample.p50Us))),
          figure(median(samples.map((sample) => sample.p99Us))),
          variant.name === DIRECT ? "" : figure(this.#addedUs(variant.name, load)),
          variant.name === DIRECT ? "" : figure(this.#addedRatio(variant.name, load), 2),
          figure(median(samples.map((sample) => sample.requestsPerSecond))),
          figure(this.#throughputRatio(variant.name, load), 2),
          figure(cpuPerThousand(samples), 2),
        ];
      }),
    );
  }

  #printGoals(): void {
    const { added, throughput } = GOALS;
    printLine("\n## Goals (3 KB body, cache on, hot)");
    const addedRatio = this.#addedRatio(ROUTER_HOT, added);
    const throughputRatio = this.#throughputRatio(ROUTER_HOT, throughput);
    const verdict = (holds: boolean) => holds ? "met" : "missed";
    printTable(["what", "measured", "goal", "", "later goal", ""], [
      [
        "added p50 ÷ bare, 1 connection",
        figure(addedRatio, 2),
        ...added.ratioMax.flatMap((max) => [`≤ ${max}`, verdict(addedRatio <= max)]),
      ],
      [
        "req/s ÷ bare, 16 connections",
        figure(throughputRatio, 2),
        ...throughput.ratioMin.flatMap((min) => [`≥ ${min}`, verdict(throughputRatio >= min)]),
      ],
    ]);
  }

  async #load(
    variant: Variant,
    { hot, cold }: Requests,
    { connections, durationMs, requestsMax = REQUESTS_MAX }: {
      readonly connections: number;
      readonly durationMs: number;
      readonly requestsMax?: number;
    },
  ): Promise<LoadResult> {
    const result = await runLoad({
      port: variant.port,
      connections,
      durationMs,
      requestsMax,
      next: (index) => variant.isCold ? cold() : (hot[index % hot.length] as Requests["hot"][number]).bytes,
      check: this.#check,
    });
    this.#sent += result.requests;
    return result;
  }

  #of(name: string, load: Load): Sample[] {
    return this.#samples.get(keyOf({ name }, load)) ?? [];
  }

  /** Median over the rounds of p50 less the p50 of the upstream itself in the same round. */
  #addedUs(name: string, load: Load): number {
    const direct = this.#of(DIRECT, load);
    return median(this.#of(name, load).map(({ p50Us }, i) => p50Us - (direct[i]?.p50Us ?? NaN)));
  }

  #addedRatio(name: string, load: Load): number {
    return this.#addedUs(name, load) / this.#addedUs(BARE, load);
  }

  #throughputRatio(name: string, load: Load): number {
    const bare = this.#of(BARE, load);
    return median(
      this.#of(name, load).map((sample, i) => sample.requestsPerSecond / (bare[i]?.requestsPerSecond ?? NaN)),
    );
  }
}

function keyOf({ name }: { name: string }, { bodyBytes, connections }: Load): string {
  return `${name}\n${JSON.stringify({ bodyBytes, connections })}`;
}

function usageOf({ process }: Variant) {
  return process === null ? null : processUsage(process.pid);
}

function cpuPerThousand(samples: readonly Sample[]): number | null {
  let cpuSeconds = 0;
  let requests = 0;
  for (const sample of samples) {
    if (sample.cpuSeconds === null) return null;
    cpuSeconds += sample.cpuSeconds;
    requests += sample.requests;
  }
  return cpuSeconds / requests * 1_000;
}
