/**
 * The chat gateway beside a naive one, over conversations that grow to 32k tokens.
 *
 * Each server is a process of its own. A turn is timed at the client, from the first byte sent to the last one read; the same
 * ids are then sent to the engine itself, and what a gateway takes longer is what it adds.
 *
 * @module
 */
import { loadTokenizer } from "../src/tokenizer/load.ts";
import type { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import type { NativeExport } from "../src/trajectory/export/mod.ts";
import { type Child, startChild } from "./support/child.ts";
import { makeRequests, tokenizerPath } from "./support/corpus.ts";
import { postBytes, RawConnection } from "./support/http_client.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { mainThreadMs, processUsage } from "./support/process_usage.ts";
import type { MemoryReport } from "./support/router_process.ts";
import { quantile } from "./support/stats.ts";

/** How thorough a run is. */
export interface ChatBenchOptions {
  /** Fewer conversations. */
  readonly quick?: boolean;
}

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Times of one turn, in milliseconds. */
interface TurnTimes {
  readonly turn: number;
  readonly promptTokens: number;
  readonly gatewayMs: number;
  readonly naiveMs: number;
  readonly engineMs: number;
  /** Processor time of the main threads: what they add on a machine that has nothing else to do, nearly. */
  readonly gatewayCpuMs: number;
  readonly naiveCpuMs: number;
}

const TURNS = 50;
/** Bytes of a user's words: with the reply, some 640 tokens a turn. */
const USER_BYTES = 3_250;
const REPLY_TOKENS_MAX = 64;
/** The first conversations only warm up. */
const WARM_UP = 2;
const GOAL_ADDED_P50_MS = 5;
/** Places in a conversation that are looked at, each with the turns around it: so one sees what grows with the history. */
const PLACES: readonly (readonly [name: string, from: number, to: number])[] = [
  ["around 10", 8, 12],
  ["around 25", 23, 27],
  ["last 5 of 50", 46, 50],
];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Runs the benchmark and prints its tables. @throws Error when an answer is wrong */
export async function runChatBench({ quick = false }: ChatBenchOptions = {}): Promise<void> {
  const conversations = quick ? 3 : 8;
  const path = tokenizerPath();
  const { tokenizer } = await loadTokenizer(path, { worker: false });
  printLine(`# Chat (${machineLine()})`);
  printLine(
    `${conversations} conversations of ${TURNS} turns, after ${WARM_UP} that warm up; Qwen3's tokenizer and template; ` +
      `simulated engine without latency, splits of 0.3.`,
  );
  await using stack = new AsyncDisposableStack();
  const start = async (...args: Parameters<typeof startChild>) => stack.use(await startChild(...args));
  const engine = await start("simulated_engine.ts", { settings: { tokenizer: path, splitProbability: 0.3 } });
  const config = { workers: [engine.url], tokenizer: path, chat: "gateway" };
  const gateway = await start("router_process.ts", {
    settings: { config, tellMemory: true },
    denoFlags: ["--v8-flags=--expose-gc"],
  });
  const naive = await start("naive_chat.ts", { settings: { upstream: engine.url, tokenizer: path } });
  const bench = new ChatBench({ engine, gateway, naive }, tokenizer);
  for (let i = 0; i < WARM_UP; i++) await bench.converse(`warm-${i}`);
  const before = await bench.memory();
  const cpuBefore = bench.cpuSeconds();
  const times: TurnTimes[] = [];
  for (let i = 0; i < conversations; i++) times.push(...await bench.converse(`bench-${i}`));
  printTimes(times);
  const [own, other] = bench.cpuSeconds().map((seconds, i) =>
    (seconds - cpuBefore[i]!) * 1_000 / times.length
  );
  printLine(`Processor time a turn: gateway ${figure(own!, 2)} ms, naive ${figure(other!, 2)} ms.`);
  printMemory(before, await bench.memory());
  tokenizer.close();
}

/** Memory of the gateway. */
interface Memory {
  readonly rssBytes: number | null;
  /** Objects, strings and buffers that are referred to, after a full collection. */
  readonly heldBytes: number;
  readonly codeBytes: number;
  readonly sessionBytes: number;
  readonly cacheBytes: number;
  /** Tokens on the paths of all sessions, each counted once. */
  readonly tokens: number;
}

class ChatBench {
  readonly #servers: Readonly<Record<"engine" | "gateway" | "naive", Child>>;
  readonly #tokenizer: Tokenizer;
  #tokens = 0;

  constructor(servers: Readonly<Record<"engine" | "gateway" | "naive", Child>>, tokenizer: Tokenizer) {
    this.#servers = servers;
    this.#tokenizer = tokenizer;
  }

  /** Processor time of the gateway and of the naive one. */
  cpuSeconds(): number[] {
    const { gateway, naive } = this.#servers;
    return [gateway, naive].map(({ pid }) => processUsage(pid)?.cpuSeconds ?? NaN);
  }

  /** One conversation with each gateway. Each goes on with its own replies; the user says the same. */
  async converse(session: string): Promise<TurnTimes[]> {
    using toGateway = await RawConnection.open(this.#servers.gateway.port);
    using toNaive = await RawConnection.open(this.#servers.naive.port);
    const users = makeRequests(USER_BYTES).hot.map(({ text }) => text.replace(/<\|[^|]*\|>\w*/g, ""));
    const own: Message[] = [{ role: "system", content: `You are an agent of ${session}.` }];
    const other: Message[] = [...own];
    const timed: { gatewayMs: number; naiveMs: number }[] = [];
    const cpuMs: number[][] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      cpuMs.push(this.#mainThreadsMs());
      const user = { role: "user", content: `${session} ${turn}: ${users[turn % users.length]}` };
      own.push(user);
      other.push(user);
      const ask = () => this.#turn(toGateway, `/sessions/${session}/v1/chat/completions`, own);
      const askNaive = () => this.#turn(toNaive, "/v1/chat/completions", other);
      // Who comes first has the engine's prefix cache less warm: they take turns.
      if (turn % 2 === 0) timed.push({ gatewayMs: await ask(), naiveMs: await askNaive() });
      else {
        const naiveMs = await askNaive();
        timed.push({ gatewayMs: await ask(), naiveMs });
      }
    }
    cpuMs.push(this.#mainThreadsMs());
    const engine = await this.#checkAndReplay(session, own);
    return timed.map((times, index) => {
      const [gatewayCpuMs, naiveCpuMs] = cpuMs[index + 1]!.map((ms, i) => ms - cpuMs[index]![i]!);
      const cpu = { gatewayCpuMs: gatewayCpuMs!, naiveCpuMs: naiveCpuMs! };
      return { turn: index + 1, ...times, ...cpu, ...engine[index]! };
    });
  }

  #mainThreadsMs(): number[] {
    const { gateway, naive } = this.#servers;
    return [gateway, naive].map(({ pid }) => mainThreadMs(pid));
  }

  async memory(): Promise<Memory> {
    const { pid, url } = this.#servers.gateway;
    const rssBytes = processUsage(pid)?.rssBytes ?? null;
    const report: MemoryReport = await (await fetch(`${url}/bench/memory`)).json();
    const sessions = await (await fetch(`${url}/sessions`)).json();
    const metrics = await (await fetch(`${url}/metrics`, { headers: { accept: "text/plain" } })).text();
    const cacheBytes = Number(
      /^slime_router_cache_used_bytes(?:\{[^}]*\})? (\S+)/m.exec(metrics)?.[1] ?? NaN,
    );
    return {
      rssBytes,
      heldBytes: report.heapBytes + report.externalBytes,
      codeBytes: report.codeBytes,
      sessionBytes: sessions.size_bytes,
      cacheBytes,
      tokens: this.#tokens,
    };
  }

  /** Asks, checks the answer and appends it. */
  async #turn(connection: RawConnection, path: string, messages: Message[]): Promise<number> {
    const body = JSON.stringify({ model: "m", messages, max_tokens: REPLY_TOKENS_MAX });
    const bytes = postBytes(path, encoder.encode(body));
    const start = performance.now();
    const reply = await connection.request(bytes);
    const elapsedMs = performance.now() - start;
    const text = decoder.decode(reply.body);
    if (reply.status !== 200) throw new Error(`Cannot use reply: ${reply.status} ${text.slice(0, 200)}`);
    const { choices, usage } = JSON.parse(text);
    if (!(usage.completion_tokens > 0)) throw new Error("Cannot use reply: it has no tokens");
    messages.push({ role: "assistant", content: choices[0].message.content ?? "" });
    return elapsedMs;
  }

  /** The session must be one row whose prompts are the engine's; the same ids go to the engine alone. */
  async #checkAndReplay(session: string, messages: readonly Message[]) {
    const { gateway, engine } = this.#servers;
    const reply = await fetch(`${gateway.url}/sessions/${session}/samples`, { method: "POST", body: "{}" });
    const { rows, captured, exported } = await reply.json() as NativeExport;
    const [row] = rows;
    if (rows.length !== 1 || row?.chain.length !== TURNS || captured !== exported) {
      throw new Error(`Cannot use session: ${rows.length} rows, ${row?.chain.length} turns`);
    }
    const text = this.#tokenizer.decode(row.tokens);
    for (const { role, content } of messages) {
      if (role === "user" && !text.includes(content)) throw new Error("Cannot use row: words are missing");
    }
    this.#tokens += row.tokens.length;
    using connection = await RawConnection.open(engine.port);
    const times: { promptTokens: number; engineMs: number }[] = [];
    for (const { posted } of row.chain) {
      const body = JSON.stringify({
        input_ids: row.tokens.slice(0, posted),
        sampling_params: { max_new_tokens: REPLY_TOKENS_MAX },
        return_logprob: true,
      });
      const bytes = postBytes("/generate", encoder.encode(body));
      const start = performance.now();
      await connection.request(bytes);
      times.push({ promptTokens: posted, engineMs: performance.now() - start });
    }
    return times;
  }
}

function printTimes(times: readonly TurnTimes[]): void {
  const rows = PLACES.map(([name, from, to]) => {
    const own = times.filter(({ turn }) => turn >= from && turn <= to);
    const tokens = quantile(sorted(own.map(({ promptTokens }) => promptTokens)), 0.5);
    return [name, figure(tokens), ...figuresOf(own)];
  });
  printTable(
    [
      "turns",
      "tokens p50",
      "engine p50 ms",
      "gateway adds p50",
      "p90",
      "naive adds p50",
      "p90",
      "naive ÷ gateway",
      "gateway CPU p50",
      "naive CPU p50",
    ],
    [...rows, ["all 50", "", ...figuresOf(times)]],
  );
  const p50 = quantile(sorted(times.map(({ gatewayMs, engineMs }) => gatewayMs - engineMs)), 0.5);
  printLine(
    `Goal: at most ${GOAL_ADDED_P50_MS} ms added a turn, p50: ${figure(p50, 2)} ms, ` +
      `${p50 <= GOAL_ADDED_P50_MS ? "met" : "missed"}.`,
  );
}

function figuresOf(times: readonly TurnTimes[]): string[] {
  const engine = sorted(times.map(({ engineMs }) => engineMs));
  const gateway = sorted(times.map(({ gatewayMs, engineMs }) => gatewayMs - engineMs));
  const naive = sorted(times.map(({ naiveMs, engineMs }) => naiveMs - engineMs));
  const gatewayCpu = sorted(times.map(({ gatewayCpuMs }) => gatewayCpuMs));
  const naiveCpu = sorted(times.map(({ naiveCpuMs }) => naiveCpuMs));
  return [
    figure(quantile(engine, 0.5), 2),
    ...[gateway, naive].flatMap((
      added,
    ) => [figure(quantile(added, 0.5), 2), figure(quantile(added, 0.9), 2)]),
    figure(quantile(naive, 0.5) / quantile(gateway, 0.5), 1),
    ...[gatewayCpu, naiveCpu].map((cpu) => figure(quantile(cpu, 0.5), 2)),
  ];
}

function printMemory(before: Memory, after: Memory): void {
  const tokens = after.tokens - before.tokens;
  const perToken = (bytes: number | null) => figure(bytes === null ? null : bytes / tokens, 1);
  const rss = before.rssBytes === null || after.rssBytes === null ? null : after.rssBytes - before.rssBytes;
  printLine();
  printTable(["memory of the gateway", "bytes a token"], [
    ["sessions, by their own account", perToken(after.sessionBytes - before.sessionBytes)],
    ["token cache, by its own account", perToken(after.cacheBytes - before.cacheBytes)],
    ["held after a full collection, text included", perToken(after.heldBytes - before.heldBytes)],
    ["machine code that the runtime made meanwhile", perToken(after.codeBytes - before.codeBytes)],
    [`resident memory, growth over ${tokens} tokens`, perToken(rss)],
  ]);
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((left, right) => left - right);
}
