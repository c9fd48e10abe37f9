import assert from "node:assert/strict";
import { TokenCache } from "../../../src/cache/token_cache.ts";
import { ReaderWriterLock } from "../../../src/sync/reader_writer_lock.ts";
import { ModelTrie } from "../../../src/trie/model_trie.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { commitTurn } from "../../../src/trajectory/commit_turn.ts";
import { settlePrompt } from "../../../src/trajectory/encode_prompt.ts";
import { pathIds } from "../../../src/trajectory/path.ts";
import { IdempotencyConflictError } from "../../../src/trajectory/session_errors.ts";
import type { Turn } from "../../../src/trajectory/turn.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import type { JsonObject } from "../../../src/types.ts";
import { assistant, Bench, storeOf, system, user } from "./support/bench.ts";
import { outputOf } from "./support/split_sampler.ts";
import { DROPPING_TEMPLATE, loadTestTokenizer, planParts, REASONING_TEMPLATE } from "./support/templates.ts";

const tokenizer = await loadTestTokenizer();
const chatml = planParts(tokenizer, TINY_CHAT_TEMPLATE);
const HI = [user("hi")];
const IM_END = tokenizer.tokenToId("<|im_end|>")!;

Deno.test("planTurn() encodes what is new and nothing else", async () => {
  const encoded: string[] = [];
  const counting: Tokenizer = Object.assign(Object.create(tokenizer), {
    encode: () => assert.fail("encoded on the caller's thread"),
    encodeAsync: (text: string, options?: { continuation?: boolean }) => {
      encoded.push(text);
      return tokenizer.encodeAsync(text, options);
    },
  });
  for (
    const method of ["decode", "decodeBytes", "byteLength", "isSpecial", "tokenToId", "splicePoints"] as const
  ) {
    Object.assign(counting, { [method]: tokenizer[method].bind(tokenizer) });
  }
  const bench = new Bench(planParts(counting, TINY_CHAT_TEMPLATE));
  const messages: JsonObject[] = [system("a long system prompt")];
  for (let turn = 0; turn < 5; turn++) {
    messages.push(user(`say ${turn}`));
    const plan = await bench.plan([...messages]);
    bench.say(plan, { text: `reply ${turn}` });
    messages.push(assistant(`reply ${turn}`));
    assert.equal(plan.encodedTokens, plan.promptIds.length);
    if (turn > 0) {
      assert.equal(encoded.at(-1), `\n<|im_start|>user\nsay ${turn}<|im_end|>\n<|im_start|>assistant\n`);
    }
  }
  assert.equal(encoded.length, 5);
});

Deno.test("planTurn() leaves no trace in the session", async () => {
  const bench = new Bench(chatml);
  const [before, size] = [await bench.plan(HI), bench.session.sizeBytes];
  assert.equal((await bench.plan(HI)).cause, null);
  assert.deepEqual([...before.fullIds], [...(await bench.plan(HI)).fullIds]);
  assert.deepEqual([bench.session.turns.length, bench.session.sizeBytes], [0, size]);
});

Deno.test("planTurn() refuses a request without messages, and passes on what a template refuses", async () => {
  const bench = new Bench(chatml);
  await assert.rejects(bench.plan([]), TypeError);
  await assert.rejects(bench.plan([{ role: "nobody", content: "x" }]), /Unknown role: nobody/);
  assert.equal(bench.session.turns.length, 0);
});

Deno.test("planTurn() finds by text what the messages do not tell", async () => {
  const bench = new Bench(planParts(tokenizer, REASONING_TEMPLATE));
  const reply = assistant("yes", { reasoning_content: "so" });
  const turn = await bench.turn(HI, { text: "<think>\nso\n</think>\n\nyes", reply });
  const inline = [...HI, assistant("<think>\nso\n</think>\n\nyes"), user("more")];
  const plan = await bench.plan(inline);
  assert.equal(plan.parent, turn);
  assert.equal(plan.cause, null);
  assert.deepEqual(plan.messages, [user("more")]);
  assert.deepEqual([...plan.fullIds.subarray(0, pathIds(turn).length)], [...pathIds(turn)]);
  const second = bench.say(plan, { text: "on" });
  const next = await bench.plan([...inline, assistant("on"), user("next")]);
  assert.equal(next.parent, second, "the client's own copy leads on from there");
});

Deno.test("planTurn() marks the client's assistant messages in a prompt that begins anew", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan([
    system("s"),
    user("1"),
    assistant("one"),
    user("2"),
    assistant("two"),
    user("3"),
  ]);
  assert.deepEqual(
    bench.runs(plan).map(([provenance, text]) => provenance === "f" ? text : provenance),
    ["p", "one", "p", "two", "p"],
  );
});

Deno.test("planTurn() tells whether the prompt opens the reasoning", async () => {
  const opens = TINY_CHAT_TEMPLATE.replace(
    "<|im_start|>assistant\\n' }}\n{%- endif",
    "<|im_start|>assistant\\n<think>\\n' }}\n{%- endif",
  );
  assert.notEqual(opens, TINY_CHAT_TEMPLATE);
  const plan = await new Bench(planParts(tokenizer, opens)).plan(HI);
  assert.equal(plan.reasoningOpen, true);
  assert.ok(plan.promptTail.endsWith("<think>\n"));
  assert.equal((await new Bench(chatml).plan(HI)).reasoningOpen, false);
});

Deno.test("planTurn() tells the same end of the prompt when a request is repeated", async () => {
  const contents = ["", "hi", "a 🚀 ".repeat(200), "今天天气很好".repeat(60), "\n ".repeat(200)];
  for (const content of contents) {
    for (const template of [TINY_CHAT_TEMPLATE, REASONING_TEMPLATE]) {
      const bench = new Bench(planParts(tokenizer, template));
      await bench.turn(HI, { text: "yes" });
      const messages = [...HI, assistant("yes"), user(content)];
      const first = await bench.plan(messages);
      bench.say(first, { text: "one" });
      const again = await bench.plan(messages);
      assert.equal(again.cause, "retry");
      assert.deepEqual([again.promptTail, again.reasoningOpen], [first.promptTail, first.reasoningOpen]);
    }
  }
});

Deno.test("planTurn() takes tokens from the cache for prompts that begin anew, of no other session's samples", async () => {
  const cache = new TokenCache({ trie: new ModelTrie(), lock: new ReaderWriterLock(), tokenizer });
  const parts = planParts(tokenizer, DROPPING_TEMPLATE, { cache });
  const { store } = storeOf();
  const ids = [...tokenizer.encode("HAV"), ...[..."ING"].map((letter) => tokenizer.tokenToId(letter)!)];
  const bench = new Bench(parts, store.open("a"));
  const first = await bench.plan([system("s"), ...HI]);
  assert.equal(first.encodedTokens, first.fullIds.length);
  const output = outputOf(ids, first.fullIds.length, { stop: IM_END });
  await settlePrompt(parts, first, output);
  assert.equal(cache.stats().pinned, 0);

  const other = await new Bench(parts, store.open("b")).plan([system("s"), user("other")]);
  assert.ok(other.encodedTokens < other.fullIds.length, "the system prompt is lent");
  await settlePrompt(parts, other, null);
  assert.equal(cache.stats().pinned, 0);
  const text = [system("s"), ...HI, assistant("HAVING"), user("more")];
  for (const [id, isShared] of [["a", true], ["b", false]] as const) {
    const plan = await new Bench(parts, store.open(id)).plan(text);
    const shown = [...plan.fullIds].slice(first.fullIds.length, first.fullIds.length + ids.length);
    assert.equal(shown.join() === ids.join(), isShared, id);
    await settlePrompt(parts, plan, null);
  }
});

Deno.test("commitTurn() makes one turn of one idempotency key", async () => {
  const bench = new Bench(chatml);
  const key = { idempotencyKey: "k" };
  const plans = [await bench.plan(HI, key), await bench.plan(HI, key)];
  const commits = plans.map((plan, index) =>
    commitTurn(
      bench.session,
      plan,
      outputOf([index + 1], plan.fullIds.length, { stop: IM_END }),
      assistant(`${index}`),
      { tokenizer, epochMs: () => 0 },
      key,
    )
  );
  const [first, second] = commits;
  assert.ok(first?.ok && second?.ok);
  assert.deepEqual([first.isNew, second.isNew, second.turn === first.turn], [true, false, true]);
  assert.equal(bench.session.turns.length, 1);
  assert.equal((await bench.plan(HI, key)).answered, first.turn);
  await assert.rejects(bench.plan([user("else")], key), IdempotencyConflictError);
  bench.session.finish();
  assert.equal((await bench.plan(HI, key)).answered, first.turn, "an answer is not a write");
});

Deno.test("commitTurn() gives one forest in whichever order turns end", async () => {
  const shapes: string[] = [];
  for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
    const bench = new Bench(chatml);
    const root = await bench.turn(HI, { text: "yes" });
    const next = (word: string) => bench.plan([...HI, assistant("yes"), user(word)]);
    const plans = [await next("one"), await next("two"), await bench.plan([system("sub"), user("three")])];
    const turns = new Map<number, Turn>();
    for (const index of order) turns.set(index, bench.say(plans[index]!, { text: `end ${index}` }));
    shapes.push(JSON.stringify([0, 1, 2].map((index) => {
      const { parent, promptIds, outputIds, postedHash } = turns.get(index)!;
      return [parent === root, [...promptIds], [...outputIds], postedHash];
    })));
  }
  assert.equal(new Set(shapes).size, 1);
});

Deno.test("commitTurn() tells why it refuses a reply", async () => {
  const bench = new Bench(chatml);
  const plan = await bench.plan(HI);
  const good = outputOf([1, 2], plan.fullIds.length, { stop: IM_END });
  const cases: [Partial<typeof good>, string, RegExp][] = [
    [{ promptTokens: 3 }, "prompt count", /counted 3 prompt tokens/],
    [{ completionTokens: 9 }, "inconsistent reply", /counted 9 tokens, 3 ids came/],
    [{ logprobs: new Float64Array(1) }, "inconsistent reply", /3 ids came with 1 logprobs/],
    [{ versions: [{ tokens: 2, version: 1 }] }, "inconsistent reply", /versions for 2/],
    [{ inconsistency: "because" }, "inconsistent reply", /because/],
    [{ tokenIds: Uint32Array.of(1, 2, 99_999) }, "unknown token", /no token 99999/],
  ];
  for (const [bad, reason, detail] of cases) {
    const result = commitTurn(bench.session, plan, { ...good, ...bad }, assistant("x"), {
      tokenizer,
      epochMs: () => 0,
    });
    assert.ok(!result.ok);
    assert.equal(result.reason, reason);
    assert.match(result.detail, detail);
  }
  assert.equal(bench.session.turns.length, 0);
});
