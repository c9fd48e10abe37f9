/**
 * A random agent: talks to a router over several conversations, as agents do, and checks every turn against the
 * engines' own ledger.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createRandom } from "../../src/engine/simulated/random.ts";
import type { FaultName } from "../../src/engine/simulated/faults.ts";
import type { JsonObject } from "../../src/types.ts";
import { joined, type LedgerEntry, type LedgerOutput, readOutput, recordingFetch } from "./engine_ledger.ts";
import { chatPrompt, createHarness, type Harness } from "./router_harness.ts";

/** What the engines say: words that have many splits, scripts that cut UTF-8, markup. */
const REPLIES = [
  "HAVING the json, hello world",
  "jsonp json 12 the the\n\n",
  "你好 🚀🎉 hello",
  "<think>the user</think>HAVING",
  "<tool_call>{}</tool_call>",
  "H",
  "",
];
const USER_TURNS = ["hello world", "say json", "HAVING 你好", "the 🚀", "12\n\n12", ""];
const STOP = "<|im_end|>";
/** What agents write behind a reply: the stop token and a line end, or less. */
const CLOSINGS = [`${STOP}\n`, `${STOP}\n`, STOP, "\n", "ING", ""];
const FAULTS: readonly FaultName[] = [
  "httpError",
  "errorFrame",
  "dropBeforeHeaders",
  "dropMidBody",
  "abortWaiting",
  "abortRunning",
  "abortRetracted",
  "abortWithStatus",
  "versionBump",
  "recut",
];
/** Steps of one script. */
const STEPS_MAX = 10;

/** A turn whose reply the client has whole. */
interface Turn {
  readonly scope: string | undefined;
  readonly prompt: string;
  readonly posted: readonly number[];
  readonly output: LedgerOutput;
  /** `prompt` and the engine's text. */
  readonly text: string;
  /** The next prompt may be built on it: its text stands for its tokens. */
  readonly isContinuable: boolean;
}

/** How often each promise was put to the test: a test that never asserts proves nothing. */
export interface ScriptCounts {
  turns: number;
  delivered: number;
  continued: number;
  retrieved: number;
}

/** Runs one script. @throws AssertionError at the first broken promise */
export async function runAgentScript(seed: number, counts: ScriptCounts): Promise<void> {
  const random = createRandom(seed);
  const entries: LedgerEntry[] = [];
  await using harness = await createHarness({
    engines: 2,
    engine: {
      splitProbability: 0.6,
      script: ({ ordinal }) => REPLIES[(ordinal * 7 + seed) % REPLIES.length],
      incrementalStreaming: seed % 2 === 0,
      streamIntervalTokens: 1 + seed % 3,
    },
    config: { abortRetryWaitMs: 0, abortRetries: 1 + seed % 2, circuitBreakerCooldownMs: 1 },
    wrapFetch: (fetch) => recordingFetch(fetch, entries),
  });
  const agent = new Agent(harness, entries, random, counts);
  const steps = 2 + Math.floor(random() * STEPS_MAX);
  for (let step = 0; step < steps; step++) await agent.step();
  const { pool, cache } = harness.router;
  assert.equal(pool.totalInFlight, 0, "load returns to zero");
  assert.equal(cache?.stats().pinned, 0, "pins return to zero");
  cache?.trie.checkInvariants();
}

class Agent {
  readonly #turns: Turn[] = [];
  readonly #harness: Harness;
  readonly #entries: LedgerEntry[];
  readonly #random: () => number;
  readonly #counts: ScriptCounts;

  constructor(harness: Harness, entries: LedgerEntry[], random: () => number, counts: ScriptCounts) {
    this.#harness = harness;
    this.#entries = entries;
    this.#random = random;
    this.#counts = counts;
  }

  async step(): Promise<void> {
    if (this.#chance(0.3)) this.#breakSomething();
    const width = this.#chance(0.2) ? 3 : 1;
    const prompts = Array.from({ length: width }, () => this.#nextPrompt());
    await Promise.all(prompts.map(({ prompt, scope }) => this.#turn(prompt, scope)));
    const turn = this.#pick(this.#turns);
    if (turn !== undefined) await this.#checkRetrieval(turn);
  }

  #nextPrompt(): { prompt: string; scope: string | undefined } {
    const turn = this.#pick(this.#turns);
    const scope = this.#chance(0.3) ? this.#pick(["a", "b"]) : undefined;
    if (turn === undefined || this.#chance(0.2)) {
      return { prompt: chatPrompt(this.#pick(USER_TURNS)!), scope };
    }
    const kind = this.#random();
    // Retries and siblings send the same prompt again.
    if (kind < 0.15) return { prompt: turn.prompt, scope: turn.scope };
    if (kind < 0.25) return { prompt: turn.prompt + this.#pick(["p", "n x", "ING"]), scope: turn.scope };
    if (kind < 0.35) return { prompt: turn.text.replace(/[aeo]/, "u"), scope: turn.scope };
    const user = chatPrompt(this.#pick(USER_TURNS)!, turn.text + this.#pick(CLOSINGS));
    return { prompt: user, scope: this.#chance(0.8) ? turn.scope : scope };
  }

  #breakSomething(): void {
    const engine = this.#pick(this.#harness.engines)!;
    engine.faults[this.#pick(FAULTS)!].next = 1;
    if (this.#chance(0.3)) engine.setWeightVersion(String(Math.floor(this.#random() * 9)));
  }

  async #turn(prompt: string, scope: string | undefined): Promise<void> {
    this.#counts.turns++;
    const isStream = this.#chance(0.5);
    const ids = this.#chance(0.2) ? [...this.#harness.loaded.tokenizer.encode(prompt)] : null;
    const known = [...this.#turns];
    const params = {
      max_new_tokens: 1 + Math.floor(this.#random() * 24),
      ...(this.#chance(0.15) ? { stop: ["json", "ING"] } : {}),
    };
    const response = await this.#harness.post("/generate", {
      ...(ids === null ? { text: prompt } : { input_ids: ids }),
      sampling_params: params,
      stream: isStream,
    }, { headers: scope === undefined ? {} : { "x-session-id": scope } });
    const bytes = await readUntil(response, isStream && this.#chance(0.1) ? 1 : Infinity);
    if (bytes === null || response.status !== 200) return;
    const output = readOutput(bytes, isStream);
    if (output === null || output.finish?.status_code !== undefined) return;
    const entry = this.#entryOf(bytes);
    assert.ok(entry !== undefined, "the client gets an engine's bytes");
    this.#counts.delivered++;
    const posted = entry.promptIds;
    if (ids === null) {
      assert.equal(this.#harness.loaded.tokenizer.decode(posted), prompt, "the ids are the text");
      this.#checkContinuation(known, prompt, posted, scope);
    } else assert.deepEqual(posted, ids, "ids are forwarded as given");
    if (output.ids.length === 0) return;
    const isTrimmed = typeof output.finish?.matched === "string";
    const text = prompt + output.text;
    this.#turns.push({
      scope,
      prompt,
      posted,
      output,
      text,
      isContinuable: !isTrimmed && output.text !== "",
    });
  }

  /** The entry with these very bytes: request ids differ, so no two replies are the same. */
  #entryOf(bytes: Uint8Array): LedgerEntry | undefined {
    return this.#entries.find(({ chunks }) => {
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      return length === bytes.length && joined(chunks).every((byte, i) => byte === bytes[i]);
    });
  }

  /** If the prompt extends an earlier turn, its ids begin with that turn's, unless other tokens have the same text. */
  #checkContinuation(
    known: readonly Turn[],
    prompt: string,
    posted: readonly number[],
    scope: string | undefined,
  ): void {
    const extended = known.filter((turn) =>
      turn.isContinuable && prompt.startsWith(turn.text) && (scope === undefined || turn.scope === scope)
    );
    const length = Math.max(...extended.map((turn) => turn.text.length));
    const longest = extended.filter((turn) => turn.text.length === length);
    const [turn] = longest;
    if (turn === undefined) return;
    const stopId = this.#harness.loaded.tokenizer.tokenToId(STOP);
    const endsWithStop = turn.output.ids.at(-1) === stopId && !prompt.startsWith(STOP, length);
    const whole = [...turn.posted, ...turn.output.ids];
    // The client left the stop token out: so does the prompt.
    const expected = endsWithStop ? whole.slice(0, -1) : whole;
    const isAmbiguous = this.#turns.concat(known).some((other) => {
      const same = commonPrefix(fullText(this.#harness, other), prompt) >= length;
      return same && !startsWith([...other.posted, ...other.output.ids], expected);
    });
    if (isAmbiguous) return;
    this.#counts.continued++;
    assert.deepEqual(posted.slice(0, expected.length), expected, "the sampled ids are sent again");
  }

  /** The trainer's question: every token of one real sample, never a mixture. */
  async #checkRetrieval(turn: Turn): Promise<void> {
    if (turn.output.text === "") return;
    const headers = turn.scope === undefined ? {} : { "x-session-id": turn.scope };
    const response = await this.#harness.post("/retrieve_from_text", { text: turn.text, insert: false }, {
      headers,
    });
    const row = await response.json() as JsonObject & {
      tokens: number[];
      loss_mask: number[];
      rollout_logp: number[];
      generation_versions: (number | string)[];
    };
    this.#counts.retrieved++;
    const isSame = (other: Turn) =>
      equal(row.tokens, [...other.posted, ...other.output.ids]) &&
      runsOf(row.loss_mask).at(-1)?.from === other.posted.length && this.#isSampleOf(row, other);
    const sources = this.#turns.filter((other) =>
      other.text === turn.text || fullText(this.#harness, other) === turn.text
    );
    // The same text may also stand in what some client sent, encoded anew or as ids of its own: newest first.
    const asPrompt = this.#turns.some((other) => startsWith(other.posted, row.tokens));
    assert.ok(asPrompt || sources.some(isSame), `one sample's tokens for ${JSON.stringify(turn.text)}`);
    for (const { from, to } of runsOf(row.loss_mask)) {
      const isReal = this.#turns.some((other) =>
        other.posted.length === from && startsWith(row.tokens, other.posted) &&
        startsWith([...other.output.ids], row.tokens.slice(from, to)) && this.#isSampleOf(row, other, to)
      );
      assert.ok(isReal, `tokens ${from} to ${to} are one delivered sample`);
    }
  }

  #isSampleOf(
    row: { rollout_logp: number[]; generation_versions: (number | string)[] },
    { posted, output }: Turn,
    to: number = posted.length + output.ids.length,
  ): boolean {
    const from = posted.length;
    return equal(row.rollout_logp.slice(from, to), output.logprobs.slice(0, to - from)) &&
      equal(row.generation_versions.slice(from, to), output.versions.slice(0, to - from));
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }
}

function fullText({ loaded }: Harness, turn: Turn): string {
  return turn.prompt + loaded.tokenizer.decode(turn.output.ids);
}

async function readUntil(response: Response, chunksMax: number): Promise<Uint8Array | null> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  try {
    for (let count = 0; reader !== undefined; count++) {
      if (count >= chunksMax) {
        await reader.cancel();
        return null;
      }
      const { value } = await reader.read();
      if (value === undefined) break;
      chunks.push(value);
    }
  } catch {
    return null;
  }
  return joined(chunks);
}

function runsOf(mask: readonly number[]): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  mask.forEach((bit, i) => {
    if (bit === 0) return;
    if (i > 0 && mask[i - 1] === 1) runs.at(-1)!.to = i + 1;
    else runs.push({ from: i, to: i + 1 });
  });
  return runs;
}

function startsWith(whole: readonly unknown[], part: readonly unknown[]): boolean {
  return part.length <= whole.length && part.every((item, i) => item === whole[i]);
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && startsWith(a, b);
}

function commonPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}
