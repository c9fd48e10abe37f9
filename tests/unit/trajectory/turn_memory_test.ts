import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { JsonObject } from "../../../src/types.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { assistant, Bench, user } from "./support/bench.ts";
import { loadTestTokenizer, planParts } from "./support/templates.ts";

const HISTORY_UNITS = 200_000;
const TURNS = 40;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function liveBytes(): number {
  collect();
  return Deno.memoryUsage().heapUsed;
}

Deno.test("commitTurn() keeps what a turn adds, not the prompt that it was rendered with", async () => {
  const bench = new Bench(planParts(await loadTestTokenizer(), TINY_CHAT_TEMPLATE));
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
