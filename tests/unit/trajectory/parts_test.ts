/** The small parts of planning, where a whole conversation does not reach. */
import assert from "node:assert/strict";
import { ChatTemplate } from "../../../src/tokenizer/chat_template.ts";
import { ChatRenderer } from "../../../src/trajectory/chat_renderer.ts";
import { closingOf } from "../../../src/trajectory/closing.ts";
import { type ExtendedTurn, extensionOf } from "../../../src/trajectory/extension.ts";
import { foreignSpans } from "../../../src/trajectory/foreign_parts.ts";
import { joinOutputs } from "../../../src/trajectory/join_outputs.ts";
import { printsReasoning, textAround } from "../../../src/trajectory/placeholder.ts";
import { promptRuns } from "../../../src/trajectory/provenance_runs.ts";
import { prefixHashes } from "../../../src/trajectory/text_marks.ts";
import type { JsonObject } from "../../../src/types.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { assistant, Bench, user } from "./support/bench.ts";
import { outputOf } from "./support/split_sampler.ts";
import { loadTestTokenizer, planParts } from "./support/templates.ts";

const tokenizer = await loadTestTokenizer();
const settings = { tools: null, templateKwargs: {}, dateMs: 0 };
const rendererOf = (source: string) => new ChatRenderer(ChatTemplate.parse(source));

/** Refuses what is not a word of letters: no placeholder passes. */
const STRICT =
  `{% for m in messages %}{% if '\u{F8D0}' in m.content %}{{ raise_exception('strict') }}{% endif %}` +
  `{{ m.role }}:{{ m.content }};{% endfor %}`;
/** Prints each message with the number of characters: a placeholder changes more than itself. */
const COUNTED = `{{ messages | map(attribute='content') | join('') | length }}` +
  `{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}`;

Deno.test("foreignSpans() finds the client's words where a template takes no placeholder, or prints it otherwise", () => {
  for (const source of [STRICT, COUNTED]) {
    const renderer = rendererOf(source);
    const messages = [
      user("a"),
      assistant("one"),
      user("b"),
      assistant(""),
      user("c"),
      assistant("two"),
      user("d"),
    ];
    const prompt = renderer.render(messages, settings, true);
    const spans = foreignSpans({ renderer, settings, messages, prompt, from: 0, own: new Set() });
    assert.deepEqual(spans.map(({ start, end }) => prompt.slice(start, end)), ["one", "two"]);
    assert.deepEqual(foreignSpans({ renderer, settings, messages, prompt, from: 6, own: new Set() }), []);
  }
});

Deno.test("textAround() is null where placeholders are refused, repeated, left out, or found in the conversation", () => {
  const twice = `{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}`;
  const never = `{% for m in messages %}{{ m.role }}{% endfor %}`;
  for (const source of [STRICT, twice, never]) {
    assert.equal(textAround(rendererOf(source), [user("x")], settings, true, [0]), null);
  }
  const chatml = rendererOf(TINY_CHAT_TEMPLATE);
  assert.equal(textAround(chatml, [user("x"), user("\u{F8D0}x0x\u{F8D1}")], settings, true, [0]), null);
  const around = textAround(chatml, [user("x"), user("y")], settings, false, [0, 1]);
  assert.deepEqual(around, ["<|im_start|>user\n", "<|im_end|>\n<|im_start|>user\n", "<|im_end|>\n"]);
});

Deno.test("closingOf() and printsReasoning() answer for templates that refuse to be asked", () => {
  assert.equal(closingOf(rendererOf(STRICT), settings), "");
  assert.equal(printsReasoning(rendererOf(STRICT), [assistant("x")], settings, false, 0), false);
  const refusing = rendererOf(`{{ raise_exception('never') }}`);
  assert.equal(printsReasoning(refusing, [assistant("x")], settings, false, 0), false);
});

Deno.test("planTurn() takes what a conversation ends with where placeholders are refused, and forks where that is, too", async () => {
  const never = `{%- if messages[-1].role == 'assistant' %}{{- raise_exception('no end') }}{%- endif %}` +
    STRICT;
  for (const [source, isFork] of [[STRICT, false], [never, true]] as const) {
    const bench = new Bench(planParts(tokenizer, source));
    const turn = await bench.turn([user("a")], { text: "  one", stop: null, finish: "length" });
    const plan = await bench.plan([user("a"), assistant("  one"), user("b")]);
    assert.deepEqual([plan.parent, plan.cause], isFork ? [null, "template"] : [turn, null]);
  }
});

Deno.test("extensionOf() closes what was cut short", () => {
  const closing = "</s>\n";
  const turn = (body: string, reply: JsonObject, more: Partial<ExtendedTurn> = {}) => ({
    promptUnits: 2,
    sampled: { body, stop: "" },
    reply: assistant("", reply),
    status: "truncated" as const,
    reasoningOpen: false,
    ...more,
  });
  const after = (
    given: ExtendedTurn,
    prompt: string,
    behind: string | null,
    printsReasoning = true,
    through: string | null = null,
  ) =>
    extensionOf(given, {
      prompt,
      closing,
      textBehind: () => behind,
      textThrough: () => through,
      printsReasoning: () => printsReasoning,
    });
  const cases: [string, ExtendedTurn, string, string, string | null][] = [
    ["a plain body", turn("ab", { content: "ab" }), "P:ab</s>\nQ", "</s>\nQ", "</s>\nQ"],
    [
      "reasoning",
      turn("<think>\nab", { reasoning_content: "ab" }),
      "P:<think>\nab\n</think>\n\n</s>\nQ",
      "</s>\nQ",
      "\n</think>\n\n</s>\nQ",
    ],
    [
      "reasoning in other words",
      turn("<think>ab", { reasoning_content: "ab" }),
      "P:<t>ab</t></s>\nQ",
      "</s>\nQ",
      "</t></s>\nQ",
    ],
    ["an opener alone", turn("<think>", {}), "P:</s>\nQ", "</s>\nQ", "\n</think>\n\n</s>\nQ"],
    ["an opener and a line", turn("<think>\n", {}), "P:</s>\nQ", "</s>\nQ", "</think>\n\n</s>\nQ"],
    [
      "an opener of the prompt",
      turn("ab", {}, { reasoningOpen: true }),
      "P:</s>\nQ",
      "</s>\nQ",
      "\n</think>\n\n</s>\nQ",
    ],
    ["words that are left out", turn("ab", { content: "ab" }), "P:</s>\nQ", "</s>\nQ", null],
    ["a behind that is not there", turn("ab", { content: "cd" }), "P:cd</s>\nQ", "R", null],
  ];
  for (const [what, given, prompt, behind, text] of cases) {
    const extension = after(given, prompt, behind);
    assert.equal(extension?.text ?? null, text, what);
    if (extension === null) continue;
    assert.equal(extension.text.slice(0, extension.closingUnits), text!.slice(0, -1), what);
    assert.equal(extension.closingProvenance, "c");
  }
  assert.equal(after(turn("a b", { reasoning_content: "ab" }), "P:ab</s>\nQ", "</s>\nQ", false), null);

  const byEnd: [through: string | null, text: string | null][] = [
    ["P:cd</s>\n", "</s>\nQ"],
    ["P:cd", "</s>\nQ"],
    ["P:cd<end>", null],
    ["P:", null],
    [null, null],
  ];
  for (const [through, text] of byEnd) {
    const extension = after(turn("ab", { content: "cd" }), "P:cd</s>\nQ", "R", true, through);
    assert.equal(extension?.text ?? null, text, `by its end ${through}`);
  }
});

Deno.test("promptRuns() gives a token to the part in which it begins", () => {
  const text = "HAVING 你好";
  const ids = tokenizer.encode(text);
  const parts = [
    { endUnit: 0, provenance: "b" as const },
    { endUnit: 2, provenance: "c" as const },
    { endUnit: 8, provenance: "f" as const },
    { endUnit: text.length, provenance: "p" as const },
  ];
  const runs = promptRuns(tokenizer, text, ids, parts);
  assert.equal(runs.reduce((sum, { tokens }) => sum + tokens, 0), ids.length);
  assert.equal(runs[0]?.provenance, "c");
  assert.deepEqual(promptRuns(tokenizer, "", new Uint32Array(), parts.slice(0, 1)), []);
  const merged = [{ endUnit: 3, provenance: "p" as const }, { endUnit: 9, provenance: "p" as const }];
  assert.deepEqual(promptRuns(tokenizer, text, ids, merged), [{ tokens: ids.length, provenance: "p" }]);
});

Deno.test("prefixHashes() hashes each beginning, and none that splits a character", () => {
  const text = "a🚀b";
  const [whole, one, split, past] = prefixHashes(text, [4, 1, 2, 5]);
  assert.equal(whole, prefixHashes(text, [4])[0]);
  assert.equal(one, prefixHashes("a", [1])[0]);
  assert.deepEqual([split, past], [null, null]);
});

Deno.test("joinOutputs() tells where pieces contradict what was sent", () => {
  const piece = outputOf([1, 2], 10, { finish: "abort" });
  assert.equal(joinOutputs([piece], 10), piece);
  assert.throws(() => joinOutputs([], 10), RangeError);
  const bad: [Partial<typeof piece>, RegExp][] = [
    [{ promptTokens: 11 }, /counted 11 prompt tokens, 12 were sent/],
    [{ promptTokens: 12, logprobs: new Float64Array(1) }, /2 ids came with 1 logprobs/],
    [{ promptTokens: 12, completionTokens: 9 }, /counted 9 tokens/],
    [{ promptTokens: 12, inconsistency: "told so" }, /told so/],
  ];
  for (const [more, reason] of bad) {
    assert.match(joinOutputs([piece, { ...piece, ...more }], 10).inconsistency!, reason);
  }
  const unknown = { ...piece, promptTokens: null, completionTokens: null };
  const joined = joinOutputs([unknown, unknown], 10);
  assert.deepEqual([joined.inconsistency, joined.completionTokens, joined.promptTokens], [null, 4, null]);
  assert.deepEqual(joined.versions, [{ tokens: 2, version: null }, { tokens: 2, version: null }]);
});

Deno.test("TurnIndex.factsOf() tells of turns of its own session only", async () => {
  const [bench, other] = [
    new Bench(planParts(tokenizer, TINY_CHAT_TEMPLATE)),
    new Bench(planParts(tokenizer, TINY_CHAT_TEMPLATE)),
  ];
  const turn = await bench.turn([user("hi")], { text: "yes" });
  assert.equal(bench.session.index.factsOf(turn).messageCount, 2);
  assert.throws(() => other.session.index.factsOf(turn), /of another session/);
});
