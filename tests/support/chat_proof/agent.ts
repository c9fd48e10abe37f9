/**
 * A random agent: one script is a list of steps, each drawn from a seed of its own, so that any prefix of a script is a script.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createRandom, hashPair } from "../../../src/engine/simulated/random.ts";
import type { JsonObject, Random } from "../../../src/types.ts";
import type { Harness } from "../router_harness.ts";
import { type Ask, type Leaving, lossy, type Naming, send } from "./client.ts";

/** A conversation as the client has it. */
interface Conversation {
  readonly session: string;
  readonly naming: Naming;
  tools: readonly JsonObject[] | null;
  kwargs: JsonObject;
  messages: JsonObject[];
  /** Turns whose replies stand untouched in `messages`, by their place. */
  turns: { readonly at: number; readonly id: string }[];
  /** The last request and the messages it was made of. */
  last: { readonly ask: Ask; readonly before: Pick<Conversation, "messages" | "turns"> } | null;
}

const USERS = ["hello world", "say json", "HAVING 你好", "the 🚀", "12\n\n12", "go on", " "];
const RESULTS = ["sunny", '{"ok": true}', "", "HAVING\n", "你好 json"];
const SYSTEMS = ["You are HAVING", "the user", "json only"];
const NAMINGS: readonly Naming[] = ["path", "path", "header", "metadata", "key", "messages"];
const TOOLS: readonly JsonObject[] = [
  {
    type: "function",
    function: {
      name: "look_up",
      parameters: { type: "object", properties: { word: { type: "string" }, count: { type: "number" } } },
    },
  },
  { type: "function", function: { name: "stop", parameters: { type: "object", properties: {} } } },
];
const CONVERSATIONS_MAX = 4;

/** Plays scripts. */
export class Agent {
  /** Every request, in the order they were sent. */
  readonly asks: Ask[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #harness: Harness;
  readonly #seed: number;
  readonly #streams: boolean | null;
  readonly #leaves: boolean;
  #random: Random = () => 0;

  /**
   * @param streams true or false: all replies are streamed, or none is; null: as it comes
   * @param leaves clients leave in mid-stream
   */
  constructor(harness: Harness, seed: number, streams: boolean | null = null, leaves: boolean = true) {
    this.#harness = harness;
    this.#seed = seed;
    this.#streams = streams;
    this.#leaves = leaves;
  }

  /** Step `index` of the script. */
  async step(index: number): Promise<void> {
    this.#random = createRandom(hashPair(this.#seed, index));
    const conversation = this.#pick(this.#conversations);
    const isNew = conversation === undefined ||
      (this.#chance(0.15) && this.#conversations.length < CONVERSATIONS_MAX);
    if (isNew) return await this.#turn(this.#open(conversation));
    if (conversation.last !== null && this.#chance(0.15)) return await this.#retry(conversation);
    const kind = this.#random();
    if (kind < 0.12) this.#edit(conversation);
    else if (kind < 0.19) this.#compact(conversation);
    else if (kind < 0.24) this.#changeBranch(conversation);
    this.#append(conversation);
    // Which of several requests is recorded first depends on who streams.
    if (this.#streams === null && this.#chance(0.12)) return await this.#parallel(conversation);
    if (this.#streams === null && this.#chance(0.04)) return await this.#twins(conversation);
    await this.#turn(conversation);
  }

  /** A conversation, or a sub-agent's on the session of another. */
  #open(parent: Conversation | undefined): Conversation {
    const shares = parent !== undefined && this.#chance(0.6);
    const conversation: Conversation = {
      session: shares ? parent.session : `s${this.#conversations.length}-${this.#seed}`,
      naming: shares ? parent.naming : this.#pick(NAMINGS)!,
      tools: this.#chance(0.6) ? TOOLS : null,
      kwargs: {},
      messages: this.#chance(0.6) ? [{ role: "system", content: this.#pick(SYSTEMS)! }] : [],
      turns: [],
      last: null,
    };
    this.#conversations.push(conversation);
    this.#append(conversation);
    return conversation;
  }

  /** What an agent says next: results of the calls, or a user's words. */
  #append(conversation: Conversation): void {
    const { messages } = conversation;
    const last = messages.at(-1);
    if (last !== undefined && last.role !== "assistant" && last.role !== "system" && this.#chance(0.8)) {
      return;
    }
    const calls = (last?.role === "assistant" ? last.tool_calls ?? [] : []) as JsonObject[];
    const results = calls.map(({ id }) => ({
      role: "tool",
      tool_call_id: id!,
      content: this.#pick(RESULTS)!,
    }));
    messages.push(...results);
    if (results.length === 0 || this.#chance(0.1)) {
      messages.push({ role: "user", content: this.#pick(USERS)! });
    }
  }

  async #turn(conversation: Conversation): Promise<void> {
    const before = { messages: [...conversation.messages], turns: [...conversation.turns] };
    const ask = this.#ask(conversation, this.#sampling());
    await send(this.#harness, ask, this.#leaving());
    const isRecorded = ask.outcome === "delivered" && ask.reply?.turnIds[0] !== null;
    if (ask.idempotencyKey !== null && isRecorded) await this.#repeat(ask);
    conversation.last = { ask, before };
    this.#take(conversation, ask);
  }

  /** The same key again is answered with the same turn, and nothing is sampled. */
  async #repeat(ask: Ask): Promise<void> {
    const again: Ask = { ...ask, id: `${ask.id}-again`, outcome: "open", reply: null };
    await send(this.#harness, again, null);
    assert.equal(again.outcome, "delivered", "a key is answered again");
    assert.deepEqual(again.reply!.turnIds, ask.reply!.turnIds, "one key is one turn");
    assert.deepEqual(again.reply!.choices[0]!.tokenIds, ask.reply!.choices[0]!.tokenIds);
  }

  /** The same request again, word for word or as another library writes it. */
  async #retry(conversation: Conversation): Promise<void> {
    const { ask: first, before } = conversation.last!;
    conversation.messages = [...before.messages];
    conversation.turns = [...before.turns];
    const isStreamed = this.#chance(0.5);
    // A client that got nothing may ask under the same key.
    const ofKey = this.#chance(0.6) ? first.ofKey : [];
    const ask = this.#chance(0.7) || ofKey.length > 0
      ? this.#again(first, { ...first.body, stream: this.#streams ?? isStreamed }, ofKey)
      : this.#ask(conversation, this.#sampling());
    await send(this.#harness, ask, this.#leaving());
    conversation.last = { ask, before };
    this.#take(conversation, ask);
  }

  /** Several requests at once: the same one, or others. */
  async #parallel(conversation: Conversation): Promise<void> {
    const before = { messages: [...conversation.messages], turns: [...conversation.turns] };
    const asks = Array.from({ length: this.#chance(0.5) ? 2 : 3 }, () => {
      if (this.#chance(0.4)) return this.#ask(conversation, this.#sampling());
      const other = { ...conversation, messages: [...before.messages] };
      other.messages.push({ role: "user", content: this.#pick(USERS)! });
      return this.#ask(other, this.#sampling());
    });
    await Promise.all(asks.map((ask) => send(this.#harness, ask, this.#leaving())));
    const same = asks.filter((ask) => ask.messages.length === before.messages.length);
    const ask = this.#pick(same);
    if (ask === undefined) return;
    conversation.last = { ask, before };
    this.#take(conversation, ask);
  }

  /** One request, sent twice at once under one key. */
  async #twins(conversation: Conversation): Promise<void> {
    if (conversation.naming === "messages") return;
    const before = { messages: [...conversation.messages], turns: [...conversation.turns] };
    const { n: _, ...sampling } = this.#sampling();
    const first = this.#ask(conversation, sampling, true);
    const asks = [first, this.#again(first, first.body, first.ofKey)];
    await Promise.all(asks.map((ask) => send(this.#harness, ask, null)));
    const ask = asks.find(({ outcome }) => outcome === "delivered") ?? first;
    const ids = new Set(asks.flatMap(({ reply }) => reply?.turnIds ?? []).filter((id) => id !== null));
    assert.ok(ids.size <= 1, "one key is one turn");
    conversation.last = { ask, before };
    this.#take(conversation, ask);
  }

  /** Another message stands in the history, or the model's own words are rewritten; what followed may be gone. */
  #edit(conversation: Conversation): void {
    const { messages } = conversation;
    const at = Math.floor(this.#random() * messages.length);
    const message = messages[at]!;
    const text = typeof message.content === "string" ? message.content : "";
    const changed: JsonObject = { ...message, content: `${Array.from(text).slice(0, -1).join("")}edited` };
    if (message.role === "assistant" && this.#chance(0.3)) delete changed.tool_calls;
    messages[at] = changed;
    if (this.#chance(0.6)) {
      const end = message.role === "assistant" && changed.tool_calls !== undefined ? at : at + 1;
      messages.splice(Math.max(end, 1));
    }
    conversation.turns = conversation.turns.filter((turn) => turn.at < Math.min(at, messages.length));
    conversation.last = null;
  }

  /** A summary stands for what was said. */
  #compact(conversation: Conversation): void {
    const system = conversation.messages.filter(({ role }) => role === "system");
    conversation.messages = [...system, { role: "user", content: "Summary: HAVING said json" }];
    if (this.#chance(0.4)) conversation.messages.push({ role: "assistant", content: "I see the json." });
    conversation.turns = [];
    conversation.last = null;
  }

  #changeBranch(conversation: Conversation): void {
    if (this.#chance(0.5)) conversation.tools = conversation.tools === null ? TOOLS : null;
    else conversation.kwargs = { variant: Math.floor(this.#random() * 2) };
    conversation.last = null;
  }

  #sampling(): JsonObject {
    const cut = this.#random();
    return {
      ...(cut < 0.25 ? { max_tokens: 1 + Math.floor(this.#random() * 12) } : { max_tokens: 120 }),
      ...(this.#chance(0.08) ? { stop: this.#pick([["json"], "VIN", ["好", "the"]])! } : {}),
      ...(this.#chance(0.05) ? { stop_token_ids: [this.#harness.loaded.tokenizer.encode("e")[0]!] } : {}),
      ...(this.#chance(0.1) ? { n: 2 + Math.floor(this.#random() * 2) } : {}),
      ...(this.#chance(0.1) ? { logprobs: true, top_logprobs: 1 } : {}),
    };
  }

  #leaving(): Leaving | null {
    if (!this.#chance(0.1) || !this.#leaves) return null;
    const readingTicks = this.#chance(0.7) ? Math.floor(this.#random() * 120) : null;
    return { afterChunks: Math.floor(this.#random() * 10), readingTicks };
  }

  /** @param isKeyed it has a key; default: as it comes */
  #ask(conversation: Conversation, sampling: JsonObject, isKeyed: boolean = false): Ask {
    const { messages, tools, kwargs, session, naming, turns } = conversation;
    const sent = this.#chance(0.5)
      ? lossy(messages, this.#random)
      : messages.map((message) => ({ ...message }));
    const isStreamed = this.#chance(0.5);
    const stream = this.#streams ?? isStreamed;
    const hasKey = (sampling.n ?? 1) === 1 && naming !== "messages" && (isKeyed || this.#chance(0.12));
    const body: JsonObject = {
      model: "m",
      messages: sent,
      ...(tools === null ? {} : { tools: [...tools] }),
      ...(Object.keys(kwargs).length === 0 ? {} : { chat_template_kwargs: kwargs }),
      ...sampling,
      return_token_ids: true,
      stream,
      ...(this.#chance(0.5) && stream ? { stream_options: { include_usage: true } } : {}),
    };
    const id = `ask-${this.#seed}-${this.asks.length}.`;
    const continues = turns.at(-1)?.id ?? null;
    return this.#note(
      { id, session, naming, body, messages: sent, continues },
      hasKey ? `key of ${id}` : null,
    );
  }

  /** @param ofKey requests whose key it has; none: it has no key */
  #again(first: Ask, body: JsonObject, ofKey: Ask[]): Ask {
    const { session, naming, messages, continues } = first;
    const id = `ask-${this.#seed}-${this.asks.length}.`;
    const key = ofKey.length === 0 ? null : first.idempotencyKey;
    return this.#note({ id, session, naming, body, messages, continues }, key, ofKey);
  }

  #note(
    ask: Pick<Ask, "id" | "session" | "naming" | "body" | "messages" | "continues">,
    idempotencyKey: string | null,
    ofKey: Ask[] = [],
  ): Ask {
    const answeredBefore = this.asks.filter(({ outcome }) => outcome === "delivered");
    const open: Ask = {
      ...ask,
      answeredBefore,
      idempotencyKey,
      ofKey,
      outcome: "open",
      isRace: false,
      status: 0,
      error: null,
      reply: null,
    };
    if (idempotencyKey !== null) ofKey.push(open);
    this.asks.push(open);
    return open;
  }

  /** Goes on with one of the samples. */
  #take(conversation: Conversation, { reply, outcome }: Ask): void {
    if (outcome !== "delivered" || reply === null) return;
    const index = Math.floor(this.#random() * reply.choices.length);
    const [choice, id] = [reply.choices[index]!, reply.turnIds[index] ?? null];
    conversation.messages.push(choice.message);
    const at = conversation.messages.length - 1;
    if (id !== null) conversation.turns.push({ at, id });
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }
}
