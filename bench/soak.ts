/**
 * `deno run -A bench/soak.ts [streams] [requests] [rollouts] [prompt] [--scale=1]`: what only shows with time, number or
 * size.
 *
 * - *streams*: 1,000 SSE streams at once, half of whose clients leave; memory of the router, and its load afterwards;
 * - *requests*: 100,000 requests at a full, small cache; memory at ten points;
 * - *rollouts*: 20,000 chat sessions of four turns at full bounds, with weight updates and clients that leave; memory at ten
 *   points, and what it holds;
 * - *prompt*: a prompt of 1 MB; for how long the router's event loop was blocked.
 *
 * @module
 */
import { loadTokenizer } from "../src/tokenizer/load.ts";
import { expectReply } from "./support/answers.ts";
import { type Child, startChild } from "./support/child.ts";
import { makeReply, makeRequests, tokenizerPath } from "./support/corpus.ts";
import { runLoad } from "./support/load.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { processUsage } from "./support/process_usage.ts";
import type { LoopReport, MemoryReport } from "./support/router_process.ts";
import { playRollouts } from "./support/soak_rollouts.ts";

const STREAMS = 1_000;
const STREAM_TOKENS = 200;
const STREAM_GOAL_MB = 600;
const REQUESTS = 100_000;
const CACHE_TOKENS = 50_000;
const SAMPLES = 10;
const ROLLOUTS = 20_000;
const ROLLOUT_AGENTS = 16;
/** Most sessions of the router under rollouts: forgotten ones must make room. */
const ROLLOUT_SESSIONS = 500;
const BODY_BYTES = 3_072;
const PROMPT_BYTES = 1_000_000;
const BLOCK_GOAL_MS = 20;
/** Memory of the last sample over that of the one at three tenths: allocators settle before. */
const GROWTH_MAX = 1.1;
const SETTLE_MS = 1_000;

type Start = typeof startChild;

/** Many streams at once: memory while they run, load when they have ended. */
async function soakStreams(start: Start, count: number): Promise<void> {
  const engine = await start("simulated_engine.ts", {
    settings: {
      tokenizer: tokenizerPath(),
      incrementalStreaming: true,
      latency: { prefillTokensPerSecond: 1e6, decodeMsPerToken: 50, batchSlowdown: 0 },
    },
  });
  const router = await start("router_process.ts", {
    settings: { config: { workers: [engine.url], tokenizer: tokenizerPath() } },
  });
  const idleMb = rssMb(router);
  let open = 0;
  let bytes = 0;
  const allOpen = Promise.withResolvers<void>();
  const read = async (index: number) => {
    const leaves = index % 2 === 1;
    const left = new AbortController();
    const response = await fetch(`${router.url}/generate`, {
      method: "POST",
      body: JSON.stringify({
        text: `<|im_start|>user\nStream ${index}<|im_end|>\n<|im_start|>assistant\n`,
        stream: true,
        sampling_params: { max_new_tokens: STREAM_TOKENS, min_new_tokens: STREAM_TOKENS, ignore_eos: true },
      }),
      signal: left.signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`);
    let tail = "";
    try {
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        if (tail === "" && ++open === count) allOpen.resolve();
        bytes += piece.length;
        tail = (tail + piece).slice(-16);
        if (leaves && open === count) left.abort();
      }
      if (!leaves && !tail.endsWith("data: [DONE]\n\n")) {
        throw new Error(`Cannot go on: a stream ended with ${tail}`);
      }
    } catch (error) {
      if (!left.signal.aborted) throw error;
    }
  };
  const streams = Promise.all(Array.from({ length: count }, (_, index) => read(index)));
  await Promise.race([allOpen.promise, streams]);
  const openMb = rssMb(router);
  await streams;
  await pause(SETTLE_MS);
  const { router: { total_in_flight: inFlight } } = await (await fetch(`${router.url}/metrics`)).json();
  const usage = processUsage(router.pid);
  printLine(`\n## ${count} streams of ${STREAM_TOKENS} tokens at once, every other client leaves`);
  printTable(["what", "measured", "goal"], [
    ["RSS before, MB", figure(idleMb), ""],
    ["RSS with all open, MB", figure(openMb), `< ${STREAM_GOAL_MB}`],
    ["peak RSS, MB", figure(usage === null ? null : usage.peakRssBytes / 1e6), `< ${STREAM_GOAL_MB}`],
    ["requests in flight afterwards", String(inFlight), "0"],
    ["bytes streamed", String(bytes), ""],
  ]);
  if (inFlight !== 0) throw new Error(`Cannot pass: ${inFlight} requests are still counted`);
}

/** Many requests at a full cache: memory must not grow. */
async function soakRequests(start: Start, count: number): Promise<void> {
  const { tokenizer } = await loadTokenizer(tokenizerPath(), { worker: false });
  const reply = makeReply(tokenizer, 64);
  tokenizer.close();
  const stub = await start("stub_upstream.ts", { settings: { reply } });
  const router = await start("router_process.ts", {
    settings: { config: { workers: [stub.url], tokenizer: tokenizerPath(), maxCacheSize: CACHE_TOKENS } },
  });
  const { cold } = makeRequests(BODY_BYTES);
  const check = expectReply(new TextEncoder().encode(reply));
  const rows: string[][] = [];
  const megabytes: number[] = [];
  for (let sample = 1; sample <= SAMPLES; sample++) {
    const requestsMax = Math.ceil(count / SAMPLES);
    const result = await runLoad({
      port: router.port,
      connections: 16,
      durationMs: 600_000,
      requestsMax,
      next: cold,
      check,
    });
    const { cache } = await (await fetch(`${router.url}/metrics`)).json();
    megabytes.push(rssMb(router));
    rows.push([
      String(sample * requestsMax),
      figure(rssMb(router)),
      String(cache.cur_cache_size),
      figure(cache.cache_size_mb, 1),
      figure(result.requests / result.elapsedMs * 1_000),
    ]);
    if (cache.cur_cache_size > CACHE_TOKENS) throw new Error("Cannot pass: the cache is above its bound");
  }
  printLine(`\n## ${count} cold requests of ${BODY_BYTES} B at a cache of ${CACHE_TOKENS} tokens`);
  printTable(["requests", "RSS MB", "cached tokens", "cache MB", "req/s"], rows);
  const growth = (megabytes.at(-1) ?? NaN) / (megabytes[Math.floor(SAMPLES * 0.3)] ?? NaN);
  printLine();
  printLine(`Last ÷ fourth sample: ${figure(growth, 3)} (goal: steady, ≤ ${GROWTH_MAX})`);
}

/** Many conversations, most removed, some forgotten, while weights change: memory must not grow. */
async function soakRollouts(start: Start, count: number): Promise<void> {
  const engine = await start("simulated_engine.ts", { settings: { tokenizer: tokenizerPath() } });
  const config = {
    workers: [engine.url],
    tokenizer: tokenizerPath(),
    maxCacheSize: CACHE_TOKENS,
    sessionsMax: ROLLOUT_SESSIONS,
  };
  const router = await start("router_process.ts", {
    settings: { config, tellMemory: true },
    denoFlags: ["--v8-flags=--expose-gc"],
  });
  const rows: string[][] = [];
  const held: number[] = [];
  const each = Math.ceil(count / SAMPLES);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const startMs = performance.now();
    const { turns, tokens, sampled } = await playRollouts({
      port: router.port,
      first: sample * each,
      count: each,
      agents: ROLLOUT_AGENTS,
      midway: () => updateWeights(engine, String(sample + 1)),
    });
    const elapsedMs = performance.now() - startMs;
    const { sessions } = await (await fetch(`${router.url}/sessions`)).json();
    const rss = rssMb(router);
    const memory: MemoryReport = await (await fetch(`${router.url}/bench/memory`)).json();
    held.push((memory.heapBytes + memory.externalBytes) / 1e6);
    rows.push([
      String((sample + 1) * each),
      figure(rss),
      figure(held.at(-1) ?? NaN, 1),
      String(sessions.length),
      String(tokens),
      String(sampled),
      figure(turns / elapsedMs * 1_000),
    ]);
    if (sessions.length > ROLLOUT_SESSIONS) throw new Error("Cannot pass: more sessions than their bound");
    printLine(`${(sample + 1) * each} rollouts`);
  }
  const { router: { total_in_flight: inFlight } } = await (await fetch(`${router.url}/metrics`)).json();
  if (inFlight !== 0) throw new Error(`Cannot pass: ${inFlight} requests are still counted`);
  printLine(`\n## ${count} rollouts of 4 turns at a bound of ${ROLLOUT_SESSIONS} sessions`);
  printTable(
    [
      "rollouts",
      "RSS MB",
      "held after a collection, MB",
      "sessions",
      "tokens exported",
      "sampled",
      "turns/s",
    ],
    rows,
  );
  const growth = (held.at(-1) ?? NaN) / (held[Math.floor(SAMPLES * 0.3)] ?? NaN);
  printLine();
  printLine(`Held, last ÷ fourth sample: ${figure(growth, 3)} (goal: steady, ≤ ${GROWTH_MAX})`);
}

async function updateWeights(engine: Child, version: string): Promise<void> {
  const reply = await fetch(`${engine.url}/update_weight_version`, {
    method: "POST",
    body: JSON.stringify({ new_version: version }),
  });
  if (!reply.ok) throw new Error(`Cannot update weights: ${reply.status} ${await reply.text()}`);
  await reply.body?.cancel();
}

/** A huge prompt: the event loop must go on turning. */
async function soakPrompt(start: Start): Promise<void> {
  const { tokenizer } = await loadTokenizer(tokenizerPath(), { worker: false });
  const reply = makeReply(tokenizer, 64);
  tokenizer.close();
  const stub = await start("stub_upstream.ts", { settings: { reply } });
  const router = await start("router_process.ts", {
    settings: { config: { workers: [stub.url], tokenizer: tokenizerPath() }, watchLoop: true },
  });
  const check = expectReply(new TextEncoder().encode(reply));
  const small = makeRequests(BODY_BYTES);
  const load = (next: (index: number) => Uint8Array, requestsMax: number) =>
    runLoad({ port: router.port, connections: 1, durationMs: 60_000, requestsMax, next, check });
  const loopReport = async () => await (await fetch(`${router.url}/bench/loop`)).json() as LoopReport;
  await load((index) => (small.hot[index % small.hot.length] as typeof small.hot[number]).bytes, 2_000);
  await pause(SETTLE_MS);
  const rows: string[][] = [];
  const huge = makeRequests(PROMPT_BYTES);
  const kinds = [
    ["3 KB, hot", () => (small.hot[0] as typeof small.hot[number]).bytes],
    ["1 MB, first of all", huge.cold],
    ["1 MB, cold", huge.cold],
    ["1 MB, cold", huge.cold],
    ["1 MB, new", () => (huge.hot[0] as typeof huge.hot[number]).bytes],
    ["1 MB, hot", () => (huge.hot[0] as typeof huge.hot[number]).bytes],
  ] as const;
  for (const [name, next] of kinds) {
    await loopReport();
    const { latenciesUs } = await load(next, 1);
    const { longestBlockMs, longestBusyMs } = await loopReport();
    const busy = figure(longestBusyMs, 1);
    rows.push([name, figure((latenciesUs[0] ?? NaN) / 1_000), figure(longestBlockMs, 1), busy]);
  }
  printLine(`\n## A prompt of ${PROMPT_BYTES} B`);
  printTable(
    [
      "request",
      "answered after ms",
      `event loop blocked ms (goal < ${BLOCK_GOAL_MS})`,
      "of it on a processor ms",
    ],
    rows,
  );
}

function rssMb(child: Child): number {
  return (processUsage(child.pid)?.rssBytes ?? NaN) / 1e6;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const SOAKS: Readonly<Record<string, (start: Start, scale: number) => Promise<void>>> = {
  streams: (start, scale) => soakStreams(start, Math.ceil(STREAMS * scale)),
  requests: (start, scale) => soakRequests(start, Math.ceil(REQUESTS * scale)),
  rollouts: (start, scale) => soakRollouts(start, Math.ceil(ROLLOUTS * scale)),
  prompt: (start) => soakPrompt(start),
};

const scale = Number(Deno.args.find((arg) => arg.startsWith("--scale="))?.slice("--scale=".length) ?? 1);
const names = Deno.args.filter((arg) => !arg.startsWith("--"));
const unknown = names.filter((name) => !Object.hasOwn(SOAKS, name));
if (unknown.length > 0 || !(scale > 0)) {
  printLine(`Cannot soak: usage is bench/soak.ts [${Object.keys(SOAKS).join("] [")}] [--scale=1]`);
  Deno.exit(2);
}
printLine(`# Soak (${machineLine()})`);
for (const name of names.length > 0 ? names : Object.keys(SOAKS)) {
  await using stack = new AsyncDisposableStack();
  await SOAKS[name]?.(async (...args) => stack.use(await startChild(...args)), scale);
}
