import assert from "node:assert/strict";
import { ChatTemplate } from "../../../src/tokenizer/chat_template.ts";
import { certifyTemplate } from "../../../src/trajectory/certify_template.ts";
import { ChatRenderer } from "../../../src/trajectory/chat_renderer.ts";
import type { JsonObject } from "../../../src/types.ts";
import { closingOf } from "../../../src/trajectory/closing.ts";
import { IDS_CHAT_TEMPLATE, TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { assistant, calling, user } from "./support/bench.ts";
import {
  DROPPING_TEMPLATE,
  HEADER_TEMPLATE,
  loadTestTokenizer,
  REASONING_TEMPLATE,
  RETURN_TEMPLATE,
} from "./support/templates.ts";

const tokenizer = await loadTestTokenizer();
const SETTINGS = { tools: null, templateKwargs: {}, dateMs: 0 };

/** Prints the number of messages first: no conversation keeps its beginning. */
const COUNTING = `{{- messages | length }}` + TINY_CHAT_TEMPLATE;
/** Takes no tool messages. */
const REFUSING = TINY_CHAT_TEMPLATE.replace(", 'tool'", "");

/** Opens the model's reasoning, and writes no such opener for earlier turns. */
const OPENING = TINY_CHAT_TEMPLATE.replace(
  "assistant\\n' }}\n{%- endif %}",
  "assistant\\n<think>\\n' }}\n{%- endif %}",
);
/** Leaves calls out. */
const CALLLESS = TINY_CHAT_TEMPLATE.replace("{%- if message.tool_calls %}", "{%- if false %}");
/** Prints calls, ends such a turn with nothing, and goes on otherwise behind plain words. */
const UNCLOSED = TINY_CHAT_TEMPLATE.replace(
  "{{- '<|im_end|>\\n' }}\n{%- endfor %}",
  "{%- if not message.tool_calls %}{{- '<|im_end|>\\n' }}{%- endif %}\n{%- endfor %}",
);
/** Says the last user's words first. */
const LAST_FIRST =
  `{{- (messages | selectattr('role', 'equalto', 'user') | list)[-1].content }}{{- messages | length }}` +
  TINY_CHAT_TEMPLATE;

type Verdicts = ReturnType<typeof certifyTemplate>["verdicts"];

const CASES: [string, string, Verdicts["user"], Verdicts["tool"], string][] = [
  ["ChatML", TINY_CHAT_TEMPLATE, "kept", "kept", "<|im_end|>\n"],
  ["ids of calls", IDS_CHAT_TEMPLATE, "kept", "kept", "<|im_end|>\n"],
  ["reasoning kept", REASONING_TEMPLATE, "kept", "kept", "<|im_end|>\n"],
  ["reasoning dropped", DROPPING_TEMPLATE, "reasoning left out", "kept", "<|im_end|>\n"],
  ["reasoning opened", OPENING, "reasoning left out", "reasoning left out", "<|im_end|>\n"],
  ["headers only", HEADER_TEMPLATE, "kept", "kept", ""],
  ["another end of the last turn", RETURN_TEMPLATE, "kept", "kept", "<|im_end|>\n"],
  ["no end behind calls", UNCLOSED, "kept", "kept", "<|im_end|>\n"],
  ["a count of messages", COUNTING, "broken", "broken", "<|im_end|>\n"],
  ["the last user first", LAST_FIRST, "broken", "broken", "<|im_end|>\n"],
  ["no calls", CALLLESS, "kept", "broken", "<|im_end|>\n"],
  ["no tool messages", REFUSING, "kept", "refused", "<|im_end|>\n"],
];

Deno.test("certifyTemplate() tells what a template keeps", () => {
  for (const [name, source, user, tool, closing] of CASES) {
    const certificate = certifyTemplate(ChatTemplate.parse(source), tokenizer);
    assert.deepEqual(certificate.verdicts, { user, tool }, name);
    assert.deepEqual(certificate.appendOnly, { user: user === "kept", tool: tool === "kept" }, name);
    assert.equal(certificate.isCertified, user !== "broken" && tool !== "broken", name);
    assert.equal(certificate.junctions.closing, closing, name);
    assert.equal(certificate.counterexamples.user === null, user === "kept", name);
    assert.equal(certificate.counterexamples.tool === null, tool === "kept", name);
  }
});

Deno.test("certifyTemplate() gives the smallest counterexample", () => {
  const { counterexamples: { user: dropped } } = certifyTemplate(
    ChatTemplate.parse(DROPPING_TEMPLATE),
    tokenizer,
  );
  assert.equal(dropped?.failure, "reasoning left out");
  assert.equal(dropped.messages.length, 2);
  assert.ok(dropped.expected.startsWith("<think>\nA reason."));
  assert.ok(dropped.found.startsWith("An answer."));
  const { counterexamples: { tool: counted } } = certifyTemplate(ChatTemplate.parse(COUNTING), tokenizer);
  assert.deepEqual([counted?.failure, counted?.atUnit], ["prompt changes", 0]);
  const { counterexamples: { tool: refused } } = certifyTemplate(ChatTemplate.parse(REFUSING), tokenizer);
  assert.deepEqual([refused?.failure, refused?.found], ["refused", "Unknown role: tool"]);
});

Deno.test("ChatRenderer finds the form in which a template wants its messages", () => {
  const strings = `{% for m in messages %}{{ m.role }}:{{ m.content or '' }}` +
    `{% for c in m.tool_calls or [] %}{{ c.function.name + '\\n' + c.function.arguments }}{% endfor %}{% endfor %}`;
  const absent = `{% for m in messages %}{% if m.content is none %}` +
    `{% for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}` +
    `{% else %}{{ m.content }}{% endif %}{% endfor %}`;
  const listed = `{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}` +
    `{% for p in m.content or [] %}[{{ p.text }}]{% endfor %}{% endif %}{% endfor %}`;
  const forms: [string, Partial<ChatRenderer["form"]>][] = [
    [TINY_CHAT_TEMPLATE, { argumentsAs: "object", absentContentAs: "", readsParts: false }],
    [strings, { argumentsAs: "string", absentContentAs: "" }],
    [absent, { argumentsAs: "object", absentContentAs: null }],
    [listed, { readsParts: true }],
  ];
  for (const [source, form] of forms) {
    const found = new ChatRenderer(ChatTemplate.parse(source)).form;
    assert.deepEqual({ ...found, ...form }, found, source);
  }
});

Deno.test("ChatRenderer leaves out fields that are null, as SDKs write what is not there, and empty lists of calls", () => {
  const source = `{% for m in messages %}{{ m.role }}:{{ m.content }}` +
    `{% for key in m %}{% if key not in ['role', 'content'] %},{{ key }}{% endif %}{% endfor %};{% endfor %}`;
  const renderer = new ChatRenderer(ChatTemplate.parse(source));
  const none = { refusal: null, function_call: null, audio: null, reasoning_content: null, name: null };
  const messages = [
    { role: "user", content: "a", name: "bob" },
    { role: "assistant", content: "b", tool_calls: null, ...none },
    { role: "assistant", content: "c", tool_calls: [], ...none },
    { role: "tool", content: "d", tool_call_id: null },
  ];
  const settings = { tools: null, templateKwargs: {}, dateMs: 0 };
  assert.equal(renderer.render(messages, settings, false), "user:a,name;assistant:b;assistant:c;tool:d;");
});

Deno.test("ChatRenderer prints arguments that are no JSON as the model wrote them", () => {
  const renderer = new ChatRenderer(ChatTemplate.parse(TINY_CHAT_TEMPLATE));
  const text = renderer.render([user("x"), calling("c", "look", '{"a":')], SETTINGS, false);
  assert.ok(text.includes('"arguments": "{\\"a\\":"'), text);
  const empty = renderer.render([user("x"), calling("c", "look", "")], SETTINGS, false);
  assert.ok(empty.includes('"arguments": {}'), empty);
});

Deno.test("ChatRenderer gives reasoning under the name that templates read, whatever the client calls it", () => {
  const source = `{% for m in messages %}{{ m.reasoning_content }}|{{ m.reasoning }};{% endfor %}`;
  const renderer = new ChatRenderer(ChatTemplate.parse(source));
  const cases: [fields: JsonObject, text: string][] = [
    [{}, "|;"],
    [{ reasoning_content: "a" }, "a|;"],
    [{ thinking: "a" }, "a|;"],
    [{ reasoning: "a\n" }, "a\n|a\n;"],
    [{ reasoning_content: null, reasoning: "a" }, "a|a;"],
    [{ reasoning_content: "a", thinking: "b", reasoning: "c" }, "a|c;"],
    [{ thinking: null, reasoning: "c" }, "c|c;"],
    [{ reasoning_content: "", reasoning: "c" }, "|c;"],
  ];
  for (const [fields, text] of cases) {
    assert.equal(renderer.render([assistant("x", fields)], SETTINGS, false), text, JSON.stringify(fields));
  }
});

Deno.test("ChatRenderer joins text parts for templates that read strings", () => {
  const renderer = new ChatRenderer(ChatTemplate.parse(TINY_CHAT_TEMPLATE));
  const content = ["one", "two"].map((text) => ({ type: "text", text }));
  assert.ok(renderer.render([{ role: "user", content }], SETTINGS, false).includes("one\ntwo<|im_end|>"));
});

Deno.test("closingOf() is found once for each set of arguments", () => {
  let renders = 0;
  const template = ChatTemplate.parse(TINY_CHAT_TEMPLATE);
  const renderer = new ChatRenderer({ render: (context) => (renders++, template.render(context)) });
  assert.equal(closingOf(renderer, SETTINGS), "<|im_end|>\n");
  const before = renders;
  assert.equal(closingOf(renderer, { ...SETTINGS, tools: [{}] }), "<|im_end|>\n");
  assert.equal(renders, before);
  assert.equal(closingOf(renderer, { ...SETTINGS, templateKwargs: { x: 1 } }), "<|im_end|>\n");
  assert.ok(renders > before);
  assert.equal(renderer.render([assistant("x")], SETTINGS, false), "<|im_start|>assistant\nx<|im_end|>\n");
});
