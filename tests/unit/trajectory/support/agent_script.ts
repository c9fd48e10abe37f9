/** Random agents: what they ask, what the model says, what becomes of it. */
import assert from "node:assert/strict";
import type { SampledOutput } from "../../../../src/engine/engine.ts";
import { commitTurn, markDelivered } from "../../../../src/trajectory/commit_turn.ts";
import { joinOutputs } from "../../../../src/trajectory/join_outputs.ts";
import type { PlanParts, TurnPlan } from "../../../../src/trajectory/plan.ts";
import { planTurn } from "../../../../src/trajectory/plan_turn.ts";
import type { Session } from "../../../../src/trajectory/session.ts";
import type { Turn } from "../../../../src/trajectory/turn.ts";
import type { JsonObject, Random } from "../../../../src/types.ts";
import { lossyCopy } from "./lossy_copy.ts";
import { parseReply, randomSaying } from "./model.ts";
import { type Expectation, Oracle } from "./oracle.ts";
import { outputOf, SplitSampler } from "./split_sampler.ts";

/** One message of a conversation. Two entries are the same message only when they are one object. */
interface Entry {
  readonly message: JsonObject;
  /** The turn whose reply it is; null: the client wrote it. */
  readonly turn: Turn | null;
}

interface Conversation {
  readonly entries: readonly Entry[];
  readonly branch: number;
}

/** What is known of a turn. */
interface Kept extends Conversation {
  /** The messages as the router has them: its own replies, and the client's copies of what it wrote itself. */
  readonly own: readonly JsonObject[];
}

/** What a script is played on. */
export interface Stage {
  readonly parts: PlanParts;
  readonly session: Session;
  readonly sampler: SplitSampler;
  readonly random: Random;
  readonly reasons: boolean;
  /** The template may drop or change earlier turns. */
  readonly mayFork: boolean;
  readonly stops: readonly string[];
}

/** How often each thing happened: a test that never meets a case proves nothing about it. */
export type Tally = Record<string, number>;

const BRANCHES: readonly { tools: JsonObject[] | null; templateKwargs: JsonObject }[] = [
  { tools: null, templateKwargs: {} },
  { tools: [{ type: "function", function: { name: "look", parameters: {} } }], templateKwargs: {} },
  { tools: null, templateKwargs: { effort: "low" } },
];

/** One agent on one session. */
export class ScriptedAgent {
  readonly #stage: Stage;
  readonly #oracle: Oracle;
  readonly #tally: Tally;
  readonly #entriesOf = new Map<Turn, Kept>();
  /** Messages of each plan, as the router has them. */
  readonly #ownOf = new Map<TurnPlan, readonly JsonObject[]>();
  readonly #asked: Conversation[] = [];
  #conversations: Conversation[] = [];
  readonly #keepsReasoning: boolean;
  #serial = 0;

  constructor(stage: Stage, tally: Tally) {
    this.#stage = stage;
    this.#oracle = new Oracle(stage.parts);
    this.#tally = tally;
    this.#keepsReasoning = this.#chance(0.5);
  }

  async play(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step();
    this.#oracle.checkAll(this.#stage.session);
  }

  async #step(): Promise<void> {
    const asked = this.#next();
    this.#asked.push(asked);
    const plans = [await this.#plan(asked)];
    if (this.#chance(0.1)) plans.push(await this.#plan(asked)); // two at once
    for (const plan of plans) {
      const samples = this.#chance(0.12) ? 3 : 1;
      for (let sample = 0; sample < samples; sample++) this.#answer(asked, plan);
    }
  }

  /** What the agent asks now. */
  #next(): Conversation {
    const known = this.#conversations;
    const base = known[Math.floor(this.#stage.random() * known.length)];
    if (base === undefined || this.#chance(0.08)) return this.#begin(base?.branch ?? 0);
    const kind = this.#stage.random();
    if (kind < 0.55) return this.#append(base);
    if (kind < 0.68 && this.#asked.length > 0) return this.#count("retry", this.#pick(this.#asked));
    if (kind < 0.78) return this.#edit(base);
    if (kind < 0.85) return this.#rewrite(base);
    if (kind < 0.91) return this.#compact(base);
    if (kind < 0.95) {
      return this.#count("other branch", { ...this.#append(base), branch: this.#pick([0, 1, 2]) });
    }
    return this.#begin(base.branch);
  }

  #begin(branch: number): Conversation {
    const system = this.#chance(0.7) ? [this.#said("system", `system ${this.#serial++}`)] : [];
    return this.#count("begin", { entries: [...system, this.#user()], branch });
  }

  #append({ entries, branch }: Conversation): Conversation {
    const calls = entries[entries.length - 1]?.message.tool_calls;
    if (!Array.isArray(calls) || calls.length === 0) {
      return this.#count("append user", { entries: [...entries, this.#user()], branch });
    }
    const results = calls.map((call) => {
      const id = (call as { id: string }).id;
      return { message: { role: "tool", tool_call_id: id, content: `result ${this.#serial++}` }, turn: null };
    });
    return this.#count("append tool", { entries: [...entries, ...results], branch });
  }

  /** Another user message in place of an earlier one; what came after it goes. */
  #edit({ entries, branch }: Conversation): Conversation {
    const users = entries.flatMap(({ message }, index) => message.role === "user" ? [index] : []);
    const at = this.#pick(users);
    const after = this.#chance(0.3) ? entries.slice(at + 1) : [];
    const end = after.length === 0 || after[after.length - 1]!.message.role === "assistant";
    const edited = [
      ...entries.slice(0, at),
      this.#user(),
      ...after,
      ...(end && after.length > 0 ? [this.#user()] : []),
    ];
    return this.#count("edit", { entries: edited, branch });
  }

  /** The client's own words in place of a reply. */
  #rewrite({ entries, branch }: Conversation): Conversation {
    const replies = entries.flatMap(({ turn }, index) => turn !== null ? [index] : []);
    if (replies.length === 0) return this.#append({ entries, branch });
    const at = this.#pick(replies);
    const words = this.#said("assistant", `mended ${this.#serial++}`);
    const rest = this.#chance(0.5)
      ? entries.slice(at + 1).filter(({ message }) => message.role !== "tool")
      : [];
    return this.#count("rewrite", {
      entries: [...entries.slice(0, at), words, ...rest, this.#user()],
      branch,
    });
  }

  #compact({ entries, branch }: Conversation): Conversation {
    const system = entries.filter(({ message }) => message.role === "system").slice(0, 1);
    const summary = this.#said("user", `summary ${this.#serial++}`);
    const tail = entries.slice(-2).filter(({ message }) =>
      message.role !== "system" && message.role !== "tool"
    );
    return this.#count("compaction", { entries: [...system, summary, ...tail, this.#user()], branch });
  }

  async #plan(asked: Conversation): Promise<TurnPlan> {
    const { session, parts, random } = this.#stage;
    const messages = asked.entries.map(({ message }) =>
      message.role === "assistant" ? lossyCopy(message, this.#keepsReasoning, random) : message
    );
    const given = BRANCHES[asked.branch]!;
    const plan = await planTurn(session, { messages, ...given }, parts);
    const settings = { ...given, dateMs: session.frozenMs };
    const expected = this.#expect(asked, messages, plan);
    this.#ownOf.set(plan, expected.own);
    this.#oracle.checkPlan(plan, session, expected, settings);
    if (plan.cause !== null) this.#count(`cause ${plan.cause}`, null);
    if (plan.droppedIds > 0) this.#count("trimmed", null);
    if (plan.promptRuns.some(({ provenance }) => provenance === "c")) this.#count("closed", null);
    if (plan.ambiguity === "lineage") this.#count("ambiguous", null);
    if (plan.parent !== null) this.#count("continued", null);
    return plan;
  }

  #expect(asked: Conversation, sent: readonly JsonObject[], plan: TurnPlan): Expectation {
    const { session, mayFork } = this.#stage;
    const begins = session.turns.flatMap((turn) => {
      const known = this.#entriesOf.get(turn)!;
      const isBegin = known.entries.every((entry, index) => saysSame(entry, asked.entries[index]));
      return isBegin ? [{ turn, length: known.entries.length, branch: known.branch }] : [];
    });
    const deepest = Math.max(0, ...begins.map(({ length }) => length));
    const there = begins.filter(({ length }) => length === deepest);
    const same = there.filter(({ branch }) => branch === asked.branch).map(({ turn }) => turn);
    const meant = same.find((turn) =>
      this.#entriesOf.get(turn)!.entries.every((entry, i) => entry === asked.entries[i])
    );
    const parent = meant ?? same[0] ?? null;
    const covered = there.length > 0 ? deepest : 0;
    const chosen = plan.matched === null ? [] : this.#entriesOf.get(plan.matched)!.own;
    return {
      parent,
      alternatives: same.filter((turn) => turn !== parent),
      own: [...chosen.slice(0, covered), ...sent.slice(covered)],
      foreign: asked.entries.slice(covered).flatMap(({ message }) =>
        message.role === "assistant" && shows(message) ? [String(message.content)] : []
      ),
      hasForeign: asked.entries.slice(covered).some(({ message }) => message.role === "assistant"),
      mayFork,
      isRepeated: plan.repeats !== null,
    };
  }

  /** The engine answers; the reply is checked, kept, delivered, or lost. */
  #answer(asked: Conversation, plan: TurnPlan): void {
    const { session, parts: { tokenizer }, random } = this.#stage;
    const output = this.#generate(plan);
    const text = tokenizer.decode(withoutStop(output));
    const reply = parseReply(text, () => `call_${session.id}_${this.#serial++}`);
    const parts = { tokenizer, epochMs: () => 0 };
    if (this.#chance(0.08)) return this.#spoil(plan, output, reply);
    const done = commitTurn(session, plan, output, reply, parts);
    if (!done.ok) assert.fail(done.detail);
    this.#oracle.take(done.turn, plan, output);
    const entries = [...asked.entries, { message: reply, turn: done.turn }];
    const own = [...this.#ownOf.get(plan)!, reply];
    this.#entriesOf.set(done.turn, { entries, branch: asked.branch, own });
    if (random() < 0.15) return void this.#count("lost reply", null);
    markDelivered(session, done.turn);
    assert.ok(done.turn.isDelivered);
    this.#conversations.push({ entries, branch: asked.branch });
    if (this.#conversations.length > 6) this.#conversations = this.#conversations.slice(1);
  }

  /** A reply that contradicts itself leaves no trace. */
  #spoil(plan: TurnPlan, output: SampledOutput, reply: JsonObject): void {
    const { session, parts: { tokenizer }, random } = this.#stage;
    const spoiled: SampledOutput[] = [
      { ...output, promptTokens: plan.fullIds.length + 1 },
      { ...output, logprobs: new Float64Array(output.tokenIds.length + 1) },
      { ...output, completionTokens: output.tokenIds.length + 1 },
      { ...output, inconsistency: "told so" },
      {
        ...output,
        tokenIds: Uint32Array.of(tokenizer.vocabSize),
        logprobs: new Float64Array(1),
        completionTokens: 1,
        versions: [],
      },
      { ...output, versions: [{ tokens: output.tokenIds.length + 1, version: 1 }] },
    ];
    const before = [session.turns.length, session.sizeBytes];
    const result = commitTurn(session, plan, this.#pick(spoiled), reply, { tokenizer, epochMs: () => 0 });
    assert.equal(result.ok, false);
    assert.deepEqual([session.turns.length, session.sizeBytes], before);
    this.#count("refused reply", null);
    void random;
  }

  #generate(plan: TurnPlan): SampledOutput {
    const { sampler, random, reasons, parts: { tokenizer }, stops } = this.#stage;
    const ids = sampler.split(randomSaying(random, reasons), random);
    const stop = tokenizer.tokenToId(this.#pick(stops))!;
    const prompt = plan.fullIds.length;
    const kind = random();
    if (kind < 0.12) {
      const cut = ids.slice(0, Math.floor(random() * ids.length));
      this.#count("truncated", null);
      return outputOf(cut, prompt, { finish: random() < 0.5 ? "length" : "abort", version: 1, random });
    }
    if (kind < 0.25) return this.#resumed(ids, stop, prompt);
    return outputOf(ids, prompt, { stop, random, ...(random() < 0.8 ? { version: this.#serial % 5 } : {}) });
  }

  /** The engine was paused, once or twice, and went on under another version. */
  #resumed(ids: readonly number[], stop: number, prompt: number): SampledOutput {
    const { random } = this.#stage;
    const cuts = [random(), random()].map((part) => Math.floor(part * (ids.length + 1))).sort((a, b) =>
      a - b
    );
    const pieces = [
      outputOf(ids.slice(0, cuts[0]), prompt, { finish: "abort", version: 1, random }),
      outputOf(ids.slice(cuts[0], cuts[1]), prompt + cuts[0]!, { finish: "abort", version: 2, random }),
      outputOf(ids.slice(cuts[1]), prompt + cuts[1]!, { stop, version: "three", random }),
    ];
    this.#count("resumed", null);
    const joined = joinOutputs(pieces, prompt);
    assert.equal(joined.inconsistency, null);
    return joined;
  }

  #user(): Entry {
    const words = this.#pick(["say json", "HAVING 你好", "the 🚀\n", "<|im_end|>", "</think> 12"]);
    return this.#said("user", `${words} ${this.#serial++}`);
  }

  #said(role: string, content: string): Entry {
    return { message: { role, content }, turn: null };
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#stage.random() * items.length)]!;
  }

  #chance(probability: number): boolean {
    return this.#stage.random() < probability;
  }

  #count<T>(what: string, value: T): T {
    this.#tally[what] = (this.#tally[what] ?? 0) + 1;
    return value;
  }
}

/** One object, or replies of which a client cannot tell that they are two. */
function saysSame(known: Entry, asked: Entry | undefined): boolean {
  if (known === asked) return true;
  if (known.turn === null || asked === undefined || asked.turn === null) return false;
  const visible = ({ message }: Entry) => JSON.stringify([message.content ?? "", message.tool_calls ?? []]);
  return visible(known) === visible(asked);
}

function shows(message: JsonObject): boolean {
  return typeof message.content === "string" && message.content.trim() !== "";
}

function withoutStop({ tokenIds, finishReason }: SampledOutput): Uint32Array {
  return finishReason?.matched === undefined ? tokenIds : tokenIds.subarray(0, -1);
}
