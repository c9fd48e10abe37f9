/** The ways in which token exactness breaks, by their names. */
import assert from "node:assert/strict";
import { pathIds } from "../../../src/trajectory/path.ts";
import { assistant, Bench, calling, result, user } from "./support/bench.ts";
import {
  DROPPING_TEMPLATE,
  HEADER_TEMPLATE,
  loadTestTokenizer,
  planParts,
  REASONING_TEMPLATE,
  RETURN_TEMPLATE,
} from "./support/templates.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { joinOutputs } from "../../../src/trajectory/join_outputs.ts";
import { commitTurn } from "../../../src/trajectory/commit_turn.ts";
import { outputOf } from "./support/split_sampler.ts";

const tokenizer = await loadTestTokenizer();
const chatml = planParts(tokenizer, TINY_CHAT_TEMPLATE);
const idsOf = (text: string) => [...text].map((letter) => tokenizer.tokenToId(letter)!);
const HI = [user("hi")];

/** The first prompt as a list, for prefix checks. */
function assertBegins(full: Uint32Array, prefix: Uint32Array): void {
  assert.deepEqual([...full.subarray(0, prefix.length)], [...prefix]);
}

Deno.test("D1 planTurn() keeps a split that is not the canonical one", async () => {
  const bench = new Bench(chatml);
  const ids = [tokenizer.tokenToId("H")!, tokenizer.tokenToId("AVING")!];
  assert.notDeepEqual([...tokenizer.encode("HAVING")], ids);
  const turn = await bench.turn(HI, { ids });
  const plan = await bench.plan([...HI, assistant("HAVING"), user("more")]);
  assert.equal(plan.parent, turn);
  assert.equal(plan.suffix, "verbatim");
  assertBegins(plan.fullIds, pathIds(turn));
  assert.equal(
    tokenizer.decode(plan.fullIds),
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nHAVING<|im_end|>\n" +
      "<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n",
  );
});

Deno.test("D2 planTurn() never merges across the end of a sample", async () => {
  const bench = new Bench(planParts(tokenizer, HEADER_TEMPLATE));
  const turn = await bench.turn(HI, { text: "H", stop: null, finish: "length" });
  const plan = await bench.plan([...HI, assistant("H"), user("AVING")]);
  assertBegins(plan.fullIds, pathIds(turn));
});

Deno.test("D3 planTurn() forks with its cause when the template drops reasoning", async () => {
  const bench = new Bench(planParts(tokenizer, DROPPING_TEMPLATE));
  const reply = assistant("yes", { reasoning_content: "because" });
  const turn = await bench.turn(HI, { text: "<think>\nbecause\n</think>\n\nyes", reply });
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assert.equal(plan.parent, null);
  assert.equal(plan.matched, turn);
  assert.equal(plan.cause, "template");
  assert.ok(!tokenizer.decode(plan.fullIds).includes("because"));
  assert.deepEqual(bench.runs(plan).map(([provenance]) => provenance), ["p"]);
});

Deno.test("D3 planTurn() renders our own reasoning in place of a copy without it", async () => {
  const bench = new Bench(planParts(tokenizer, REASONING_TEMPLATE));
  const reply = assistant("yes", { reasoning_content: "because" });
  const turn = await bench.turn(HI, { text: "<think>\nbecause\n</think>\n\nyes", reply });
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assert.equal(plan.parent, turn);
  assert.equal(plan.cause, null);
  assertBegins(plan.fullIds, pathIds(turn));
});

Deno.test("D3 planTurn() keeps reasoning before tool results where the template does", async () => {
  const bench = new Bench(planParts(tokenizer, DROPPING_TEMPLATE));
  const reply = calling("c1", "look", '{"a":1}', { reasoning_content: "because" });
  const text = '<think>\nbecause\n</think>\n\n<tool_call>{"name":"look","arguments":{"a":1}}</tool_call>';
  const turn = await bench.turn(HI, { text, reply });
  const plan = await bench.plan([...HI, calling("c1", "look", '{"a": 1}'), result("c1", "ok")]);
  assert.equal(plan.parent, turn);
  assert.equal(bench.runs(plan)[0]![1], "\n");
});

Deno.test("D3 planTurn() sees that reasoning is dropped whose words the content has, too", async () => {
  const bench = new Bench(planParts(tokenizer, DROPPING_TEMPLATE));
  const reply = assistant("yes, so", { reasoning_content: "yes" });
  await bench.turn(HI, { text: "<think>\nyes\n</think>\n\nyes, so", reply });
  const plan = await bench.plan([...HI, assistant("yes, so"), user("more")]);
  assert.equal(plan.cause, "template");
});

Deno.test("D4 planTurn() trims a stop token that the template writes in the last turn only", async () => {
  const bench = new Bench(planParts(tokenizer, RETURN_TEMPLATE));
  const turn = await bench.turn(HI, { text: "yes", stop: "<|return|>" });
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assert.equal(plan.parent, turn);
  assert.equal(plan.droppedIds, 1);
  assert.deepEqual(bench.runs(plan)[0], ["b", "<|im_end|>\n"]);
  assertBegins(plan.fullIds, pathIds(turn).subarray(0, -1));
  assert.ok(!tokenizer.decode(plan.fullIds).includes("<|return|>"));
});

Deno.test("D5 planTurn() attaches tool calls however they are written", async () => {
  const said = '{"b": false, "a": [1, 2]}';
  const copies = ['{"a":[1,2],"b":false}', '{ "b" : false , "a" : [ 1 , 2 ] }', said];
  for (const copy of copies) {
    const bench = new Bench(chatml);
    const text = `<tool_call>{"name":  "look", "arguments": ${said}}</tool_call>`;
    const turn = await bench.turn(HI, { text, reply: calling("c1", "look", said) });
    const plan = await bench.plan([...HI, calling("c1", "look", copy), result("c1", "ok")]);
    assert.equal(plan.parent, turn, copy);
    assert.equal(plan.suffix, "confirmed");
    assertBegins(plan.fullIds, pathIds(turn));
    assert.deepEqual(bench.runs(plan), [
      ["b", "\n"],
      ["p", "<|im_start|>tool\nok<|im_end|>\n<|im_start|>assistant\n"],
    ]);
  }
});

Deno.test("D5 planTurn() takes the text of the real history where the template depends on it", async () => {
  const numbered = TINY_CHAT_TEMPLATE.replace(
    "{{- '<|im_end|>\\n' }}\n{%- endfor",
    "{{- '<|im_end|>' ~ loop.index0 ~ '\\n' }}\n{%- endfor",
  );
  const bench = new Bench(planParts(tokenizer, numbered));
  const text = '<tool_call>{"name": "look",  "arguments": {}}</tool_call>';
  const turn = await bench.turn([user("1"), assistant("2"), user("3")], {
    text,
    reply: calling("c1", "look", "{}"),
  });
  const plan = await bench.plan([
    user("1"),
    assistant("2"),
    user("3"),
    calling("c1", "look", "{}"),
    result("c1", "ok"),
  ]);
  assert.deepEqual([plan.parent, plan.suffix], [turn, "unconfirmed"]);
  assert.ok(tokenizer.decode(plan.promptIds).startsWith("3\n<|im_start|>tool"));
});

Deno.test("D6 planTurn() keeps text that the parser or the template trims", async () => {
  const template = TINY_CHAT_TEMPLATE.replace("{{- message.content }}", "{{- message.content | trim }}");
  const bench = new Bench(planParts(tokenizer, template));
  const turn = await bench.turn(HI, { text: "\nyes\n\n" });
  const plan = await bench.plan([...HI, assistant("\nyes\n\n"), user("more")]);
  assert.equal(plan.parent, turn);
  assert.equal(bench.runs(plan)[0]![1], "\n");
});

Deno.test("D7 planTurn() marks what the template writes behind a sampled stop token", async () => {
  const bench = new Bench(chatml);
  await bench.turn(HI, { text: "yes" });
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assert.deepEqual(bench.runs(plan), [
    ["b", "\n"],
    ["p", "<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n"],
  ]);
});

Deno.test("D8 planTurn() keeps a stop token that is the next header, and trims another", async () => {
  const cases: [string, number, string][] = [
    ["<|user|>", 0, "\nmore<|assistant|>\n"],
    ["<|observation|>", 1, "<|user|>\nmore<|assistant|>\n"],
  ];
  for (const [stop, droppedIds, text] of cases) {
    const bench = new Bench(planParts(tokenizer, HEADER_TEMPLATE));
    const turn = await bench.turn(HI, { text: "yes", stop });
    const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
    assert.equal(plan.parent, turn);
    assert.equal(plan.droppedIds, droppedIds);
    assert.deepEqual(bench.runs(plan), [["p", text]]);
    assert.equal(
      tokenizer.decode(plan.fullIds),
      "<|user|>\nhi<|assistant|>\nyes<|user|>\nmore<|assistant|>\n",
    );
  }
});

Deno.test("D9 planTurn() writes the closing of a turn that a stop string ended", async () => {
  const bench = new Bench(chatml);
  const turn = await bench.turn(HI, { text: "yes", stop: null, finish: "stop" });
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assertBegins(plan.fullIds, pathIds(turn));
  assert.deepEqual(bench.runs(plan)[0], ["b", "<|im_end|>\n"]);
});

Deno.test("D11 planTurn() keeps ids that end inside a character", async () => {
  const bench = new Bench(chatml);
  const half = [...tokenizer.encode("你").subarray(0, 0), ...[0xe4, 0xbd].map((byte) => tokenOfByte(byte))];
  const turn = await bench.turn(HI, { ids: half, stop: null, finish: "length" });
  const plan = await bench.plan([...HI, assistant(tokenizer.decode(half)), user("more")]);
  assert.equal(plan.parent, turn);
  assertBegins(plan.fullIds, pathIds(turn));
});

function tokenOfByte(byte: number): number {
  for (let id = 0; id < 256; id++) if (tokenizer.decodeBytes([id])[0] === byte) return id;
  throw new Error(`no token for byte ${byte}`);
}

Deno.test("D12 planTurn() closes a truncated turn synthetically", async () => {
  const bench = new Bench(chatml);
  const turn = await bench.turn(HI, { text: "ye", stop: null, finish: "length" });
  assert.equal(turn.status, "truncated");
  const plan = await bench.plan([...HI, assistant("ye"), user("more")]);
  assertBegins(plan.fullIds, pathIds(turn));
  assert.deepEqual(bench.runs(plan)[0], ["c", "<|im_end|>\n"]);
});

Deno.test("D12 planTurn() closes reasoning that was truncated", async () => {
  const bench = new Bench(planParts(tokenizer, REASONING_TEMPLATE));
  const reply = assistant("", { reasoning_content: "becau" });
  const turn = await bench.turn(HI, { text: "<think>\nbecau", stop: null, finish: "length", reply });
  const plan = await bench.plan([...HI, assistant("", { reasoning_content: "becau" }), user("more")]);
  assert.equal(plan.parent, turn);
  assert.deepEqual(bench.runs(plan)[0], ["c", "\n</think>\n\n<|im_end|>\n"]);
});

Deno.test("D13 commitTurn() records each piece of an aborted turn under its own version", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan(HI);
  const prompt = plan.fullIds.length;
  const pieces = [
    outputOf(idsOf("HA"), prompt, { finish: "abort", version: 7 }),
    outputOf(idsOf("V"), prompt + 2, { finish: "abort", version: 8 }),
    outputOf(idsOf("!"), prompt + 3, { stop: tokenizer.tokenToId("<|im_end|>")!, version: 8 }),
  ];
  const joined = joinOutputs(pieces, prompt);
  const done = commitTurn(bench.session, plan, joined, assistant("HAV!"), { tokenizer, epochMs: () => 0 });
  assert.ok(done.ok);
  assert.equal(done.turn.status, "completed");
  assert.deepEqual(done.turn.sampledRuns, [
    { tokens: 2, version: 7 },
    { tokens: 1, version: 8 },
    { tokens: 2, version: 8 },
  ]);
  const wrong = joinOutputs([pieces[0]!, { ...pieces[1]!, promptTokens: prompt }], prompt);
  assert.match(wrong.inconsistency!, /counted/);
});
