import assert from "node:assert/strict";
import { ChatTemplate, ChatTemplateError } from "../../../src/tokenizer/chat_template.ts";
import { assertRendersAsGolden, GOLDEN_TEMPLATES } from "../../support/golden_templates.ts";

for (const [name, { template }] of Object.entries(GOLDEN_TEMPLATES.templates)) {
  if (template === undefined) continue;
  Deno.test(`ChatTemplate.render() equals transformers on ${name}`, () =>
    assertRendersAsGolden(name, template));
}

Deno.test("ChatTemplate.parse() refuses a malformed template with its place in the message", () => {
  for (const source of ["{% for %}", "{{ 'open", "{% if x %}"]) {
    assert.throws(() => ChatTemplate.parse(source), (error) => {
      assert.ok(error instanceof ChatTemplateError);
      assert.equal(error.status, 400);
      assert.match(error.message, /^Cannot parse the chat template default: ./);
      return true;
    });
  }
});

Deno.test("ChatTemplate.render() tells the template's own words when it refuses", () => {
  const template = ChatTemplate.parse("{{ raise_exception('No user query found.') }}");
  assert.throws(() => template.render({ messages: [] }), (error) => {
    assert.ok(error instanceof ChatTemplateError);
    assert.equal(error.message, "No user query found.");
    assert.equal(error.code, "chat_template");
    return true;
  });
});

Deno.test("ChatTemplate.render() lets the conversation's variables go before tokens and functions", () => {
  const template = ChatTemplate.parse("{{ bos_token }} {{ range }} {{ enable_thinking }}", {
    specialTokens: { bos_token: "<s>" },
  });
  assert.equal(
    template.render({ messages: [], bos_token: "<b>", range: "r", enable_thinking: "x" }),
    "<b> r x",
  );
});

Deno.test("ChatTemplate.render() blocks ranges that would eat the memory, as Python's sandbox does", () => {
  const template = ChatTemplate.parse("{% for i in range(1000000000) %}{% endfor %}");
  assert.throws(() => template.render({ messages: [] }), /Range too big/);
  const ranges = ChatTemplate.parse(
    "{{ range(3) | join }} {{ range(1, 4) | join }} {{ range(5, 0, -2) | join }}",
  );
  assert.equal(ranges.render({ messages: [] }), "012 123 531");
});

Deno.test("ChatTemplate.render() leaves the conversation as it was", () => {
  const context = Object.freeze({ messages: Object.freeze([Object.freeze({ role: "user", content: "x" })]) });
  const template = ChatTemplate.parse("{% set messages = [] %}{{ messages | length }}");
  assert.equal(template.render(context), "0");
  assert.equal(template.render(context), "0");
});

Deno.test("ChatTemplate.render() says which names it has when none serves", () => {
  const template = ChatTemplate.parse({ rag: "x" });
  assert.throws(() => template.render({ messages: [] }), /none of rag is for conversations without tools/);
});
