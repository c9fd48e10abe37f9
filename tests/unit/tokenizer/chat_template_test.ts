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

Deno.test("ChatTemplate.render() takes an integral number of plain JSON for an int, and others for floats", () => {
  const template = ChatTemplate.parse("{{ x }} {{ x | tojson }}");
  for (
    const [x, text] of [[1, "1"], [-0, "0"], [0.5, "0.5"], [1e21, "1" + "0".repeat(21)], [
      NaN,
      "nan",
    ]] as const
  ) {
    assert.ok(template.render({ messages: [], x }).startsWith(text + " "), text);
  }
});

Deno.test("ChatTemplate.render() leaves out variables and fields that are undefined", () => {
  const template = ChatTemplate.parse("{{ x is defined }} {{ y }} {{ [z] }}");
  assert.equal(
    template.render({ messages: [], x: undefined, y: { a: undefined, b: 1 }, z: null }),
    "False {'b': 1} [None]",
  );
});

Deno.test("ChatTemplate.render() refuses what Python prints as an address, draws by lot, or has no room for", () => {
  const sources = [
    "{{ range }}",
    "{{ messages | map('upper') }}",
    "{{ 'x'.upper }}",
    "{{ lipsum() }}",
    "{{ [1, 2] | random }}",
    "{{ 'x' * 10000000000 }}",
    "{{ 10 ** 10000000 }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% include 'x' %}",
  ];
  for (const source of sources) {
    assert.throws(() => ChatTemplate.parse(source).render({ messages: ["x"] }), ChatTemplateError, source);
  }
});

Deno.test("ChatTemplate.render() keeps templates in Python's sandbox", () => {
  const cases: [string, RegExp][] = [
    ["{{ messages.append(1) }}", /access to attribute 'append' of 'list' object is unsafe/],
    ["{{ {}.update({'a': 1}) }}", /access to attribute 'update' of 'dict' object is unsafe/],
    ["{{ ''.__class__.mro() }}", /access to attribute '__class__' of 'str' object is unsafe/],
    ["{{ '{0.__class__.x}'.format(1) }}", /access to attribute '__class__' of 'int' object is unsafe/],
    ["{% set ns = namespace(_a=1) %}", /underscore-prefixed/],
    ["{{ messages.constructor() }}", /has no attribute 'constructor'/],
    ["{{ toString() }}", /'toString' is undefined/],
  ];
  for (const [source, message] of cases) {
    assert.throws(() => ChatTemplate.parse(source).render({ messages: [] }), message, source);
  }
  const proto = ChatTemplate.parse("{{ x.__proto__ }}{{ x.toString }}{{ x.hasOwnProperty is defined }}");
  assert.equal(proto.render({ messages: [], x: {} }), "False");
});

Deno.test("ChatTemplate.render() refuses variables that are no object", () => {
  const template = ChatTemplate.parse("x");
  for (const context of [null, 1, "x", []]) assert.throws(() => template.render(context), TypeError);
});

Deno.test("ChatTemplate.parse() refuses what Jinja refuses to compile", () => {
  const sources = [
    "{{ x | nosuch }}",
    "{{ x is nosuch }}",
    "{% break %}",
    "{% for x in y %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in y %}{% set loop = 1 %}{% endfor %}",
    "{% do x %}",
    "{% set 1 = 2 %}",
    "{% endfor %}",
    "{{ (1] }}",
    "{{ 'a' 1 }}",
    "{# open",
    "{% raw %} open",
    "{{ f(a=1, 2) }}",
    "{% macro f(a=1, b) %}{% endmacro %}",
    "{% call x %}{% endcall %}",
    "{{ '\\x1' }}",
    "{{ a ? b }}",
  ];
  for (const source of sources) assert.throws(() => ChatTemplate.parse(source), ChatTemplateError, source);
});

Deno.test("ChatTemplate.render() costs in proportion to the conversation", () => {
  const template = ChatTemplate.parse(
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.role }}{{ m.content | trim }}{% endfor %}",
  );
  const text = template.render({
    messages: Array.from({ length: 20_000 }, () => ({ role: "user", content: "x".repeat(50) })),
  });
  assert.equal(text.length, 20_000 * 54);
});
