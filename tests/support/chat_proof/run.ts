/**
 * Plays one script through the router and proves what came of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { FaultName } from "../../../src/engine/simulated/faults.ts";
import { createRandom, hashPair } from "../../../src/engine/simulated/random.ts";
import type { ScriptedReply, ScriptPrompt } from "../../../src/engine/simulated/sampler.ts";
import type { LoadedTokenizer } from "../../../src/tokenizer/load.ts";
import { groupRecords, importJsonLines, type NativeExport } from "../../../src/trajectory/export/mod.ts";
import { verifyExport } from "../../../src/trajectory/export/verify.ts";
import type { JsonObject, Random } from "../../../src/types.ts";
import { createHarness, type Harness } from "../router_harness.ts";
import { Agent } from "./agent.ts";
import type { Ask } from "./client.ts";
import { checkExport } from "./export_oracle.ts";
import { postsOf, proveTurns, samplerOf, type ToldTurn } from "./ledger.ts";
import { checkAttachment, checkSuperseded, checkTurn, type OracleParts, type ProofCounts } from "./oracle.ts";
import { isAppendOnly, loadTemplate, TEMPLATE_NAMES, type TemplateName } from "./templates.ts";
import { recordPosts, sampledFor, type WirePost } from "./wire.ts";

/** Steps of a script. */
const STEPS = { min: 2, max: 5 } as const;
const ENGINES = 2;

const CALL = '<tool_call>{"name": "look_up", "arguments": {"word": "HAVING", "count": 1.0}}</tool_call>';
/** What the model says: words of many splits, calls of all kinds, reasoning, text in the way. */
const REPLIES: readonly (string | undefined)[] = [
  undefined,
  "HAVING the json, hello world",
  "jsonp json 12 the the\n\n",
  "你好 🚀🎉 hello",
  " \n",
  "",
  CALL,
  `Let me look.\n${CALL}\n${CALL}`,
  `${CALL} and more text\n`,
  '<tool_call>\n{"name":"look_up","arguments":{"count":false,"word":"你好"}}\n</tool_call>\n',
  '<tool_call>{"arguments": {}, "name": "stop"}</tool_call>',
  '<tool_call>{"name": "look_up", "arguments": {"word": "HAV</tool_call>',
  '<tool_call>{"name": "nobody", "arguments": {"word": [1, 2.50, null]}}',
  "<think>the user</think>\n\nHAVING",
  "<think>\nthe user is HAVING json\n</think>\n\n" + CALL,
  "<think>never closed, json",
  "the user\n</think>\n\nhello",
];

/** What a script is played on. */
interface Setting {
  readonly template: TemplateName;
  readonly protocol: "sglang" | "vllm";
  readonly isIncremental: boolean;
  readonly config: JsonObject;
  readonly faults: FaultChances;
}

/** Chances of each POST to be struck. */
type FaultChances = Readonly<Partial<Record<FaultName, number>>>;

/** A router and its engines, for scripts one after the other: to make them takes longer than a script. */
interface Stage {
  readonly harness: Harness;
  readonly loaded: LoadedTokenizer;
  readonly posts: WirePost[];
  begin(seed: number, faults: FaultChances): void;
}

/** How a script is played. */
export interface ScriptOptions {
  /** Only so many steps. */
  readonly steps?: number;
  readonly streams?: boolean;
  readonly isFaulty?: boolean;
  /** Clients leave in mid-stream. Default true. */
  readonly leaves?: boolean;
}

/** Number of steps of a script. */
export function stepsOf(seed: number): number {
  return STEPS.min + hashPair(seed, -1) % (STEPS.max - STEPS.min + 1);
}

/** Counts of nothing. */
export function newCounts(): ProofCounts {
  const names: readonly (keyof ProofCounts)[] = [
    ...["asks", "turns", "failed", "left", "extended", "attached", "reattached", "rows", "sampled"] as const,
    ...["dropped", "superseded", "orphans", "foreign", "closes", "trims", "resumed", "ambiguous"] as const,
    "replayed",
  ];
  return Object.fromEntries(names.map((name) => [name, 0])) as unknown as ProofCounts;
}

/** Plays a script and proves it. @returns the exports @throws AssertionError at the first broken promise */
export async function proveScript(
  seed: number,
  counts: ProofCounts,
  options: ScriptOptions = {},
): Promise<NativeExport[]> {
  const setting = settingOf(seed, options.isFaulty ?? true);
  const stage = await stageFor(setting);
  const { harness, loaded } = stage;
  stage.begin(seed, setting.faults);
  const agent = new Agent(harness, seed, options.streams ?? null, options.leaves ?? true);
  const steps = options.steps ?? stepsOf(seed);
  for (let step = 0; step < steps; step++) await agent.step(step);
  const parts: OracleParts = {
    tokenizer: loaded.tokenizer,
    template: loaded.chatTemplate!,
    isAppendOnly: isAppendOnly(setting.template),
    tellsVersions: setting.protocol === "sglang",
  };
  const exports = await proveAll(harness, agent.asks, stage.posts, parts, counts);
  await clear(harness);
  return exports;
}

async function proveAll(
  harness: Harness,
  asks: readonly Ask[],
  posts: readonly WirePost[],
  parts: OracleParts,
  counts: ProofCounts,
): Promise<NativeExport[]> {
  checkRids(posts);
  for (const ask of asks) checkReply(ask, posts, counts);
  const list = await (await harness.request("/sessions")).json() as { sessions: JsonObject[] };
  const exports: NativeExport[] = [];
  for (const { session_id: id, turns_under_way: underWay } of list.sessions) {
    assert.equal(underWay, 0, "nothing is under way");
    exports.push(await proveSession(harness, id as string, asks, posts, parts, counts));
  }
  await checkFile(harness, exports);
  await checkFinished(harness, list.sessions[0]?.session_id as string | undefined);
  assert.equal(harness.router.pool.totalInFlight, 0, "load returns to zero");
  assert.equal(harness.router.cache?.stats().pinned, 0, "pins return to zero");
  return exports;
}

async function proveSession(
  harness: Harness,
  id: string,
  asks: readonly Ask[],
  posts: readonly WirePost[],
  parts: OracleParts,
  counts: ProofCounts,
): Promise<NativeExport> {
  const { turns: told } = await (await harness.request(`/sessions/${id}`)).json() as { turns: ToldTurn[] };
  const own = asks.filter((ask) => ask.naming === "messages" ? isOf(ask, id) : ask.session === id);
  const turns = proveTurns(told, own, posts);
  const answered = own.filter(({ outcome }) => outcome === "delivered")
    .flatMap(({ reply }) => reply!.turnIds.filter((turnId) => turnId !== null));
  const known = new Set(told.map(({ turn_id }) => turn_id));
  for (const turnId of answered) assert.ok(known.has(turnId), `turn ${turnId} was answered and is recorded`);
  for (const { ask } of turns) assert.notEqual(ask.outcome, "failed", "a failed request leaves no turn");
  for (const turn of turns) checkTurn(turn, turns, parts, counts);
  for (const turn of turns) {
    checkAttachment(turn, turns, parts, counts);
    checkSuperseded(turn, turns, counts);
  }
  const native = await harness.postOk(`/sessions/${id}/samples`, {}) as unknown as NativeExport;
  checkExport(native, turns, parts, counts);
  return native;
}

/** A client that left may have opened any session. */
function isOf({ reply, outcome }: Ask, id: string): boolean {
  return reply === null ? outcome === "left" : reply.sessionId === id;
}

/** Names of generations: unique, and none begins another request's. */
function checkRids(posts: readonly WirePost[]): void {
  for (const [i, one] of posts.entries()) {
    for (const other of posts.slice(i + 1)) {
      if (one.requestId === other.requestId) continue;
      assert.ok(!one.rid.startsWith(other.rid) && !other.rid.startsWith(one.rid), `${one.rid}, ${other.rid}`);
    }
  }
}

/** What the client was told is what passed over the wire. */
function checkReply(ask: Ask, posts: readonly WirePost[], counts: ProofCounts): void {
  counts.asks++;
  assert.notEqual(ask.outcome, "open");
  if (ask.outcome === "failed") {
    counts.failed++;
    const isTwin = ask.status === 409 && /answered first/.test(ask.error ?? "");
    assert.ok(
      ask.status === 200 || ask.status >= 500 || isTwin,
      `${ask.id}: only engines fail, but it was ${ask.status}: ${ask.error}`,
    );
  }
  if (ask.outcome === "left") counts.left++;
  if (ask.reply === null) return;
  const sampler = samplerOf(ask, posts);
  if (sampler !== ask) counts.replayed++;
  const own = postsOf(sampler, posts);
  if (new Set(own.map(({ promptIds }) => promptIds.length)).size > 1) counts.resumed++;
  assert.deepEqual(ask.reply.promptIds, own[0]!.promptIds, `${ask.id}: the prompt it was told`);
  let completed = 0;
  for (const [index, { tokenIds }] of ask.reply.choices.entries()) {
    assert.deepEqual(tokenIds, sampledFor(own, index)?.ids, `${ask.id}: the ids it was told`);
    completed += tokenIds.length;
  }
  if (ask.reply.usage === null) return;
  const { prompt_tokens: prompt, completion_tokens: completion } = ask.reply.usage;
  assert.deepEqual([prompt, completion], [own[0]!.promptIds.length, completed], `${ask.id}: usage`);
}

/** The file has the same rows, is read back as it was, and passes the offline check. */
async function checkFile(harness: Harness, exports: readonly NativeExport[]): Promise<void> {
  const lines = (await (await harness.request("/export?format=jsonl")).text()).split("\n").filter(Boolean);
  const read = groupRecords(importJsonLines(lines));
  const withRows = exports.filter(({ rows }) => rows.length > 0);
  assert.deepEqual(read, withRows, "the file has what the sessions have");
  if (lines.length === 0) return;
  const { findings } = await verifyExport(lines);
  assert.deepEqual(findings, [], "the offline check finds nothing");
}

/** A finished session refuses writes and is as it was. */
async function checkFinished(harness: Harness, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  await harness.postOk(`/sessions/${id}/finish`, {});
  const before = await (await harness.request(`/sessions/${id}`)).json();
  const body = { messages: [{ role: "user", content: "more" }] };
  const response = await harness.post(`/sessions/${id}/v1/chat/completions`, body);
  await response.text();
  assert.equal(response.status, 409, "a finished session refuses writes");
  assert.deepEqual((await (await harness.request(`/sessions/${id}`)).json()).turns, before.turns);
}

function settingOf(seed: number, isFaulty: boolean): Setting {
  const random = createRandom(hashPair(seed, -2));
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const protocol = pick(["sglang", "sglang", "vllm"] as const);
  const engine = protocol === "sglang" ? "sglang" : pick(["vllm", "vllm-completions"]);
  const onAbort = pick(["resume", "resume", "retry", "return"]);
  const faults = pick([FAULTS.none, FAULTS.some, FAULTS.many]);
  return {
    template: pick(TEMPLATE_NAMES),
    protocol,
    isIncremental: random() < 0.4,
    config: { engine, onAbort, abortRetries: 2 },
    faults: isFaulty ? faults : FAULTS.none,
  };
}

const FAULTS: Readonly<Record<"none" | "some" | "many", FaultChances>> = {
  none: {},
  some: { recut: 0.5, versionBump: 0.3, abortRunning: 0.15 },
  many: {
    ...{ recut: 0.4, versionBump: 0.3, abortRunning: 0.2, abortWaiting: 0.1, abortRetracted: 0.1 },
    ...{
      abortWithStatus: 0.05,
      httpError: 0.05,
      errorFrame: 0.06,
      dropBeforeHeaders: 0.06,
      dropMidBody: 0.08,
    },
  },
};

const stages = new Map<string, Promise<Stage>>();

function stageFor({ faults: _, ...setting }: Setting): Promise<Stage> {
  const key = JSON.stringify(setting);
  const known = stages.get(key) ?? openStage(setting);
  stages.set(key, known);
  return known;
}

async function openStage(
  { template, protocol, isIncremental, config }: Omit<Setting, "faults">,
): Promise<Stage> {
  const loaded = await loadTemplate(template);
  const posts: WirePost[] = [];
  let [seed, ids] = [0, 0];
  let [random, faults]: [Random, FaultChances] = [() => 1, {}];
  const harness = await createHarness({
    engines: ENGINES,
    engine: {
      protocol,
      // What is sampled does not depend on who samples it.
      seed: 0,
      splitProbability: 0.5,
      linesMax: 1,
      script: (prompt) => replyTo(prompt, seed, loaded),
      incrementalStreaming: isIncremental,
      streamIntervalTokens: isIncremental ? 1 : 3,
      requestLogMax: 0,
    },
    config: {
      abortRetryWaitMs: 0,
      circuitBreakerCooldownMs: 1,
      circuitBreakerThreshold: 1_000_000,
      ...config,
    },
    deps: { tokenizer: loaded, newRequestId: () => `${seed}-${ids++}.` },
    wrapFetch: (fetch) => {
      const record = recordPosts(fetch, posts);
      return async function strike(input, init) {
        const url = input instanceof Request ? input.url : String(input);
        const engine = harness.engines[harness.urls.findIndex((each) => url.startsWith(each))]!;
        for (const [name, chance] of Object.entries(faults)) {
          if (random() < chance) engine.faults[name as FaultName].next = 1;
        }
        return await record(input, init);
      };
    },
  });
  return {
    harness,
    loaded,
    posts,
    begin(nextSeed, nextFaults) {
      [seed, ids, faults, random] = [nextSeed, 0, nextFaults, createRandom(hashPair(nextSeed, -3))];
      posts.length = 0;
      for (const engine of harness.engines) {
        engine.setWeightVersion("1");
        for (const fault of Object.values(engine.faults)) fault.next = 0;
      }
    },
  };
}

/** Ends what a script has left behind. */
async function clear(harness: Harness): Promise<void> {
  const { sessions } = await (await harness.request("/sessions")).json() as { sessions: JsonObject[] };
  for (const { session_id: id } of sessions) {
    const response = await harness.request(`/sessions/${encodeURIComponent(id as string)}`, {
      method: "DELETE",
    });
    await response.text();
    assert.equal(response.status, 200);
  }
  await (await harness.post("/flush_cache", {})).text();
}

/** Closes every router that scripts were played on. */
export async function closeStages(): Promise<void> {
  for (const stage of stages.values()) await (await stage).harness[Symbol.asyncDispose]();
  stages.clear();
}

/** The reply depends on the prompt alone, so that a retry in another order is told the same. */
function replyTo(
  { ids }: ScriptPrompt,
  seed: number,
  { tokenizer }: LoadedTokenizer,
): ScriptedReply | undefined {
  const random = createRandom(ids.reduce(hashPair, seed));
  const text = REPLIES[Math.floor(random() * REPLIES.length)];
  if (text !== undefined && random() < 0.9) return text;
  // Cut in the midst of a character.
  return random() < 0.5 ? { ids: Array.from(tokenizer.encode("HAV🚀")).slice(0, -1) } : undefined;
}

/** Proves a script; of one that fails, finds the shortest beginning that fails as well. @throws Error with seed and steps */
export async function proveOrShrink(seed: number, counts: ProofCounts): Promise<void> {
  try {
    await proveScript(seed, counts);
  } catch (error) {
    try {
      await shrink(seed, error);
    } finally {
      await closeStages();
    }
  }
}

async function shrink(seed: number, error: unknown): Promise<never> {
  for (let steps = 1; steps <= stepsOf(seed); steps++) {
    try {
      await closeStages();
      await proveScript(seed, newCounts(), { steps });
    } catch (cause) {
      throw new Error(`Script ${seed} breaks a promise in its first ${steps} steps`, { cause });
    }
  }
  throw new Error(`Script ${seed} breaks a promise, but not on a router of its own`, { cause: error });
}
