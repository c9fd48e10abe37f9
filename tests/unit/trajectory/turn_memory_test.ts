import assert from "node:assert/strict";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { SessionStore } from "../../../src/trajectory/session_store.ts";
import type { JsonObject } from "../../../src/types.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { assistant, Bench, calling, result, storeOf, user } from "./support/bench.ts";
import { loadTestTokenizer, planParts } from "./support/templates.ts";

const HISTORY_UNITS = 200_000;
const TURNS = 40;
const parts = planParts(await loadTestTokenizer(), TINY_CHAT_TEMPLATE);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Objects, strings and buffers that are referred to; machine code, which comes when it comes, is none of them. */
function liveBytes(): number {
  collect();
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => !/code|trusted/.test(space_name));
  const objectBytes = spaces.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  return objectBytes + Deno.memoryUsage().external;
}

Deno.test("commitTurn() keeps what a turn adds, not the prompt that it was rendered with", async () => {
  const bench = new Bench(parts);
  const messages: JsonObject[] = [user("x ".repeat(HISTORY_UNITS / 2))];
  await bench.turn([...messages], { text: "yes" });
  const before = liveBytes();
  for (let turn = 0; turn < TURNS; turn++) {
    messages.push(assistant("yes"), user(`more ${turn}`));
    await bench.turn([...messages], { text: "yes" });
  }
  const grown = liveBytes() - before;
  assert.ok(grown < TURNS * HISTORY_UNITS / 4, `${TURNS} turns hold ${grown} bytes`);
});

Deno.test("SessionStore keeps ids, not the text that they were cut out of", async () => {
  const batch = () => crypto.randomUUID().repeat(HISTORY_UNITS / 36);
  const { store } = storeOf({ newId: () => batch().slice(-36) });
  await new Bench(parts, store.open()).turn([user("hi")], { text: "yes" });
  const before = liveBytes();
  for (let serial = 0; serial < TURNS; serial++) {
    await new Bench(parts, store.open()).turn([user("hi")], { text: "yes" });
  }
  const grown = liveBytes() - before;
  assert.ok(grown < TURNS * HISTORY_UNITS / 4, `${TURNS} sessions hold ${grown} bytes`);
});

Deno.test("commitTurn() keeps a reply that came in many pieces as one text", async () => {
  const bench = new Bench(parts);
  const pieces = Array.from({ length: HISTORY_UNITS / 8 }, (_, piece) => `${piece}`.padStart(8));
  const streamed = () => pieces.reduce((text, piece) => text + piece, "");
  await bench.turn([user("hi")], { text: "yes", reply: assistant("yes", { reasoning_content: streamed() }) });
  const before = liveBytes();
  await bench.turn([user("you")], {
    text: "yes",
    reply: assistant("yes", { reasoning_content: streamed() }),
  });
  const grown = liveBytes() - before;
  assert.ok(grown < HISTORY_UNITS * 2, `${HISTORY_UNITS} characters hold ${grown} bytes`);
});

/** A client: what it says before the reply of each turn, and what the model says. */
interface Talk {
  readonly sessions: number;
  readonly turns: number;
  readonly ask: (turn: number) => JsonObject[];
  readonly reply: (turn: number) => JsonObject;
  /** Samples of each request. Default 1. */
  readonly samples?: number;
  /** Nobody names the session. */
  readonly isAnonymous?: boolean;
}

const words = (turn: number, units: number) => `turn ${turn}: ${"look at the file ".repeat(units / 17)}`;
const says = (turn: number) => assistant(words(turn, 160));
const TALKS: Readonly<Record<string, Talk>> = {
  "long turns": { sessions: 8, turns: 20, ask: (turn) => [user(words(turn, 3_000))], reply: says },
  "short turns": { sessions: 20, turns: 20, ask: (turn) => [user(`say ${turn}`)], reply: says },
  "one turn": { sessions: 400, turns: 1, ask: (turn) => [user(`say ${turn}`)], reply: says },
  "nobody names it": {
    sessions: 40,
    turns: 10,
    ask: (turn) => [user(`say ${turn}`)],
    reply: says,
    isAnonymous: true,
  },
  "wide characters": {
    sessions: 12,
    turns: 20,
    ask: (turn) => [user(`${turn} 今天天气很好`.repeat(100))],
    reply: says,
  },
  "tool calls": {
    sessions: 12,
    turns: 20,
    ask: (turn) => {
      if (turn === 0) return [user(words(turn, 800))];
      return [result(`call_${turn - 1}`, words(turn, 400)), user(words(turn, 200))];
    },
    reply: (turn) => calling(`call_${turn}`, "look", JSON.stringify({ path: words(turn, 60) })),
  },
  "samples of one prompt": {
    sessions: 4,
    turns: 3,
    ask: (turn) => [user(words(turn, 40_000))],
    reply: says,
    samples: 16,
  },
};

/** Goes through the store as the gateway does: each request is parsed anew. */
async function hold(store: SessionStore, talk: Talk): Promise<void> {
  for (let serial = 0; serial < talk.sessions; serial++) {
    const name = talk.isAnonymous === true ? null : `session ${serial}`;
    const messages: JsonObject[] = [user(`client ${serial}`)];
    for (let turn = 0; turn < talk.turns; turn++) {
      messages.push(...talk.ask(turn));
      const chain = store.chainOf(name, JSON.parse(JSON.stringify(messages)));
      const session = name === null ? store.route(chain).session : store.open(name);
      const bench = new Bench(parts, session, () => 0.999);
      const plan = await bench.plan(chain.messages, { chain });
      const reply = talk.reply(turn);
      for (let sample = 0; sample < (talk.samples ?? 1); sample++) {
        const text = JSON.stringify(reply);
        bench.say(plan, { text, reply: JSON.parse(text) });
      }
      messages.push(reply);
    }
  }
}

for (const [name, talk] of Object.entries(TALKS)) {
  Deno.test(`SessionStore's account of bytes is what a collection leaves, to 15 %: ${name}`, async () => {
    await hold(storeOf().store, talk); // caches of all kinds are filled
    const before = liveBytes();
    const { store } = storeOf();
    await hold(store, talk);
    const held = liveBytes() - before;
    const ratio = store.stats().sizeBytes / held;
    assert.ok(
      Math.abs(ratio - 1) < 0.15,
      `${store.stats().sizeBytes} bytes by account, ${held} held: ${ratio}`,
    );
  });
}
