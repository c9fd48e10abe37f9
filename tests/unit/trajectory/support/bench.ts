/** A conversation by hand: for named tests. */
import assert from "node:assert/strict";
import { commitTurn, markDelivered } from "../../../../src/trajectory/commit_turn.ts";
import type { ChatRequest, PlanParts, TurnPlan } from "../../../../src/trajectory/plan.ts";
import { planTurn } from "../../../../src/trajectory/plan_turn.ts";
import type { Session } from "../../../../src/trajectory/session.ts";
import { SessionStore, type SessionStoreOptions } from "../../../../src/trajectory/session_store.ts";
import type { Turn } from "../../../../src/trajectory/turn.ts";
import type { Tokenizer } from "../../../../src/tokenizer/tokenizer.ts";
import type { JsonObject } from "../../../../src/types.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { outputOf, SplitSampler } from "./split_sampler.ts";

/** Numbers for ids. */
export function serialIds(prefix = "id"): () => string {
  let serial = 0;
  return () => `${prefix}-${serial++}`;
}

/** A store over a fake clock. */
export function storeOf(
  options: Partial<SessionStoreOptions> = {},
): { store: SessionStore; clock: FakeClock } {
  const clock = new FakeClock();
  return { store: new SessionStore({ clock, newId: serialIds(), ...options }), clock };
}

/** What the model says in one turn. */
export interface Said {
  /** Text of the ids; or the ids themselves. */
  readonly text?: string;
  readonly ids?: readonly number[];
  /** Default `<|im_end|>`; null: none is sampled. */
  readonly stop?: string | null;
  readonly finish?: "stop" | "length" | "abort";
  /** The message that the client gets. Default: the text as content. */
  readonly reply?: JsonObject;
}

const samplers = new WeakMap<Tokenizer, SplitSampler>();

/** Reading a large vocabulary takes a while: once is enough. */
function samplerOf(tokenizer: Tokenizer): SplitSampler {
  const known = samplers.get(tokenizer) ?? new SplitSampler(tokenizer);
  samplers.set(tokenizer, known);
  return known;
}

/** One client, one session, one engine. */
export class Bench {
  readonly parts: PlanParts;
  readonly session: Session;
  readonly #sampler: SplitSampler;
  readonly #random: () => number;

  constructor(
    parts: PlanParts,
    session: Session = storeOf().store.open("s"),
    random: () => number = () => 0,
  ) {
    this.parts = parts;
    this.session = session;
    this.#sampler = samplerOf(parts.tokenizer);
    this.#random = random;
  }

  plan(messages: readonly JsonObject[], more: Partial<ChatRequest> = {}): Promise<TurnPlan> {
    return planTurn(this.session, { messages, ...more }, this.parts);
  }

  /** Commits and delivers what the model says to a plan. */
  say(plan: TurnPlan, said: Said, isDelivered = true): Turn {
    const { tokenizer } = this.parts;
    const ids = said.ids ?? this.#sampler.split(said.text ?? "", this.#random);
    const stop = said.stop === null ? undefined : tokenizer.tokenToId(said.stop ?? "<|im_end|>")!;
    const output = outputOf(ids, plan.fullIds.length, {
      ...(stop === undefined ? {} : { stop }),
      ...(said.finish === undefined ? {} : { finish: said.finish }),
    });
    const reply = said.reply ?? assistant(said.text ?? tokenizer.decode(ids));
    const result = commitTurn(this.session, plan, output, reply, { tokenizer, epochMs: () => 0 });
    if (!result.ok) assert.fail(result.detail);
    if (isDelivered) markDelivered(this.session, result.turn);
    return result.turn;
  }

  async turn(messages: readonly JsonObject[], said: Said, more: Partial<ChatRequest> = {}): Promise<Turn> {
    return this.say(await this.plan(messages, more), said);
  }

  /** Text of a plan's delta, one entry a run: provenance and text. */
  runs(plan: TurnPlan): [string, string][] {
    let at = 0;
    return plan.promptRuns.map(({ tokens, provenance }) => {
      const ids = plan.promptIds.subarray(at, at += tokens);
      return [provenance, this.parts.tokenizer.decode(ids)];
    });
  }
}

export function user(content: string): JsonObject {
  return { role: "user", content };
}

export function system(content: string): JsonObject {
  return { role: "system", content };
}

export function assistant(content: string, more: JsonObject = {}): JsonObject {
  return { role: "assistant", content, ...more };
}

/** An assistant message with one tool call. */
export function calling(id: string, name: string, args: string, more: JsonObject = {}): JsonObject {
  const called = { id, type: "function", function: { name, arguments: args } };
  return { role: "assistant", content: null, tool_calls: [called], ...more };
}

export function result(id: string, content: string): JsonObject {
  return { role: "tool", tool_call_id: id, content };
}
