/** The ways in which token exactness breaks where conversations part, by their names. */
import assert from "node:assert/strict";
import { strftime } from "../../../src/tokenizer/python_strftime.ts";
import { pathIds } from "../../../src/trajectory/path.ts";
import { assistant, Bench, calling, result, storeOf, system, user } from "./support/bench.ts";
import { loadTestTokenizer, planParts } from "./support/templates.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";

const tokenizer = await loadTestTokenizer();
const chatml = planParts(tokenizer, TINY_CHAT_TEMPLATE);
const idsOf = (text: string) => [...text].map((letter) => tokenizer.tokenToId(letter)!);
const HI = [user("hi")];

/** The first prompt as a list, for prefix checks. */
function assertBegins(full: Uint32Array, prefix: Uint32Array): void {
  assert.deepEqual([...full.subarray(0, prefix.length)], [...prefix]);
}

Deno.test("D14 planTurn() branches before an edit and uses nothing past it", async () => {
  const bench = new Bench(chatml);
  const first = await bench.turn(HI, { ids: idsOf("HAVING") });
  const one = [...HI, assistant("HAVING"), user("one")];
  await bench.turn(one, { ids: idsOf("json") });
  const plan = await bench.plan([...HI, assistant("HAVING"), user("two"), assistant("json"), user("go on")]);
  assert.equal(plan.parent, first);
  assert.equal(plan.cause, "edit");
  assertBegins(plan.fullIds, pathIds(first));
  const rest = plan.fullIds.subarray(pathIds(first).length);
  assert.deepEqual([...rest], [...tokenizer.encodeContinuation(tokenizer.decode(rest))]);
});

Deno.test("D14 planTurn() begins anew after a compaction", async () => {
  const bench = new Bench(chatml);
  await bench.turn([system("s"), ...HI], { text: "yes" });
  await bench.turn([system("s"), ...HI, assistant("yes"), user("more")], { text: "no" });
  const plan = await bench.plan([system("s"), user("Summary: hi, yes."), assistant("no"), user("next")]);
  assert.equal(plan.parent, null);
  assert.equal(plan.cause, "edit");
});

Deno.test("D15 planTurn() takes a rewritten reply as foreign words", async () => {
  const bench = new Bench(chatml);
  const first = await bench.turn(HI, { text: "yes" });
  const more = [...HI, assistant("yes"), user("more")];
  await bench.turn(more, { text: "broken call" });
  const plan = await bench.plan([...more, assistant("mended call"), user("next")]);
  assert.equal(plan.parent, first);
  assert.equal(plan.cause, "edit");
  assert.deepEqual(bench.runs(plan), [
    ["b", "\n"],
    ["p", "<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n"],
    ["f", "mended call"],
    ["p", "<|im_end|>\n<|im_start|>user\nnext<|im_end|>\n<|im_start|>assistant\n"],
  ]);
});

Deno.test("D15 planTurn() takes a rewritten reply as foreign words that begins with the reply and its own stop token", async () => {
  const bench = new Bench(chatml);
  await bench.turn(HI, { text: "th", stop: "e" });
  const plan = await bench.plan([...HI, assistant("the edited"), user("more")]);
  assert.deepEqual([plan.parent, plan.cause], [null, "edit"]);
  assert.ok(bench.runs(plan).some(([provenance, text]) => provenance === "f" && text === "the edited"));
});

Deno.test("D15 planTurn() still takes a rewritten reply as foreign words when the whole prompt begins anew", async () => {
  const bench = new Bench(chatml);
  const before = [...HI, assistant("mended call"), user("next")];
  await bench.turn(before, { text: "own words" });
  const messages = [...before, assistant("own words"), user("more")];
  const plan = await bench.plan(messages, { templateKwargs: { other: true } });
  assert.deepEqual([plan.parent, plan.cause], [null, "branch key"]);
  assert.deepEqual(bench.runs(plan).filter(([provenance]) => provenance === "f"), [["f", "mended call"]]);
});

Deno.test("D17 planTurn() gives a sub-agent a root of its own and leaves the conversation as it is", async () => {
  const bench = new Bench(chatml);
  const turn = await bench.turn([system("main"), ...HI], { text: "yes" });
  const sub = await bench.turn([system("sub"), user("do it")], { text: "done" });
  assert.equal(sub.parent, null);
  assert.equal(sub.cause, null);
  const plan = await bench.plan([system("main"), ...HI, assistant("yes"), user("more")]);
  assert.equal(plan.parent, turn);
});

Deno.test("D17 commitTurn() makes samples of one plan siblings", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan(HI);
  const turns = ["one", "two", "three"].map((text) => bench.say(plan, { text }));
  assert.deepEqual(turns.map(({ cause }) => cause), [null, "best of n", "best of n"]);
  assert.deepEqual(turns.map(({ isSuperseded }) => isSuperseded), [false, false, false]);
  const next = await bench.plan([...HI, assistant("two"), user("more")]);
  assert.equal(next.parent, turns[1]);
});

Deno.test("D18 planTurn() tells that a reply could be that of a turn that was retried, too", async () => {
  const bench = new Bench(planParts(tokenizer, TINY_CHAT_TEMPLATE));
  await bench.turn(HI, { text: "Yes." });
  const retry = await bench.turn(HI, { text: "Yes." });
  const plan = await bench.plan([...HI, assistant("Yes."), user("And?")]);
  assert.deepEqual([plan.parent, plan.candidates, plan.ambiguity], [retry, 2, "lineage"]);
  const named = await bench.plan([...HI, assistant("Yes."), user("And?")], { parentTurnId: retry.id });
  assert.deepEqual([named.parent, named.candidates, named.ambiguity], [retry, 1, null]);
});

Deno.test("D18 markDelivered() supersedes the turns that a retry replaces", async () => {
  const bench = new Bench(chatml);
  const lost = bench.say(await bench.plan(HI), { text: "one" }, false);
  const plan = await bench.plan(HI);
  assert.equal(plan.cause, "retry");
  assert.equal(plan.repeats, lost);
  assert.equal(plan.ambiguity, null);
  assert.deepEqual(plan.promptIds, lost.promptIds);
  const retried = bench.say(plan, { text: "two" });
  assert.deepEqual([lost.isDelivered, lost.isSuperseded], [false, true]);
  assert.deepEqual([retried.isDelivered, retried.isSuperseded], [true, false]);
  assert.equal((await bench.plan(HI)).ambiguity, "retry");
});

Deno.test("D18 markDelivered() keeps requests that ran at the same time, and turns that go on", async () => {
  const bench = new Bench(chatml);
  const plans = [await bench.plan(HI), await bench.plan(HI)];
  const turns = plans.map((plan, index) => bench.say(plan, { text: `say ${index}` }));
  assert.deepEqual(turns.map(({ isSuperseded }) => isSuperseded), [false, false]);
  assert.deepEqual(turns.map(({ cause }) => cause), [null, "best of n"]);
  await bench.turn([...HI, assistant("say 0"), user("more")], { text: "on" });
  await bench.turn(HI, { text: "again" });
  assert.deepEqual(turns.map(({ isSuperseded }) => isSuperseded), [false, true]);
  const late = await bench.turn([...HI, assistant("say 1"), user("more")], { text: "late" });
  assert.equal(late.parent, turns[1]);
  assert.equal(turns[1]!.isSuperseded, false);
});

Deno.test("D18 markDelivered() keeps a request that differs in the client's own reasoning alone", async () => {
  const bench = new Bench(chatml);
  const asked = (reasoning: string) => [
    ...HI,
    { role: "assistant", content: "edited", reasoning_content: reasoning },
    user("more"),
  ];
  const turns = [];
  for (const reasoning of ["", "because", "because"]) {
    turns.push(bench.say(await bench.plan(asked(reasoning)), { text: "yes" }));
  }
  assert.deepEqual(turns.map(({ isSuperseded }) => isSuperseded), [false, true, false]);
});

Deno.test("D19 planTurn() branches on tools and template arguments", async () => {
  const tools = [{ type: "function", function: { name: "look", parameters: {} } }];
  const cases = [{ tools }, { templateKwargs: { enable_thinking: false } }];
  for (const more of cases) {
    const bench = new Bench(chatml);
    await bench.turn(HI, { text: "yes" });
    const plan = await bench.plan([...HI, assistant("yes"), user("more")], more);
    assert.equal(plan.parent, null);
    assert.equal(plan.cause, "branch key");
    const turn = bench.say(plan, { text: "no" });
    const next = [...HI, assistant("yes"), user("more"), assistant("no"), user("next")];
    assert.equal((await bench.plan(next, more)).parent, turn);
    assert.equal((await bench.plan(next)).cause, "branch key");
  }
});

Deno.test("D20 planTurn() freezes the clock for a session", async () => {
  const { store, clock } = storeOf();
  const dated = planParts(tokenizer, `{{- strftime_now('%Y-%m-%d') }}` + TINY_CHAT_TEMPLATE);
  const bench = new Bench(dated, store.open("s"));
  const today = () => strftime(new Date(clock.epochMs()), "%Y-%m-%d");
  const first = today();
  const turn = await bench.turn(HI, { text: "yes" });
  await clock.advance(30 * 3_600_000);
  const plan = await bench.plan([...HI, assistant("yes"), user("more")]);
  assert.equal(plan.parent, turn);
  const later = new Bench(dated, store.open("later"));
  const tomorrow = await later.plan(HI);
  assert.notEqual(tomorrow.branchKey, turn.branchKey);
  assert.ok(tokenizer.decode(plan.fullIds).startsWith(first));
  assert.ok(tokenizer.decode(tomorrow.fullIds).startsWith(today()));
  assert.notEqual(first, today());
});

Deno.test("D23 planTurn() tells that two samples say the same, and takes one whole", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan(HI);
  const canonical = bench.say(plan, { ids: [...tokenizer.encode("HAVING")] });
  const other = bench.say(plan, { ids: idsOf("HAVING") });
  const messages = [...HI, assistant("HAVING"), user("more")];
  const next = await bench.plan(messages);
  assert.equal(next.ambiguity, "lineage");
  assert.equal(next.candidates, 2);
  assert.equal(next.parent, other);
  assertBegins(next.fullIds, pathIds(other));
  const named = await bench.plan(messages, { parentTurnId: canonical.id });
  assert.equal(named.parent, canonical);
  assertBegins(named.fullIds, pathIds(canonical));
});

Deno.test("D23 planTurn() lets a minted tool call's id decide", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan(HI);
  const text = '<tool_call>{"name": "look", "arguments": {}}</tool_call>';
  const turns = ["c1", "c2"].map((id) => bench.say(plan, { text, reply: calling(id, "look", "{}") }));
  for (const [index, id] of ["c1", "c2"].entries()) {
    const next = await bench.plan([...HI, calling(id, "look", ""), result(id, "ok")]);
    assert.equal(next.parent, turns[index]);
    assert.equal(next.ambiguity, null);
  }
});
