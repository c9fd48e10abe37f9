import assert from "node:assert/strict";
import { constrainedText } from "../../../src/engine/simulated/constrained_text.ts";
import { type CallConstraint, callGrammar, constrainCalls } from "../../../src/parse/constrain.ts";
import { createOutputParser, TOOL_FORMATS } from "../../../src/parse/create.ts";
import { foldEvents } from "../../../src/parse/message.ts";
import type { JsonObject } from "../../../src/types.ts";

const PARAMETERS: JsonObject = {
  type: "object",
  properties: { word: { type: "string" }, times: { type: "integer" } },
  required: ["word", "times"],
};
const FUNCTIONS = [{ name: "look_up", parameters: PARAMETERS }, { name: "look", parameters: PARAMETERS }];
const TOOLS = FUNCTIONS.map((each) => ({ type: "function", function: each }));
const FORMATS = TOOL_FORMATS.filter((name) => name !== "none");
const VARIANTS = [...FORMATS.map((name) => [name, ""] as const), ["deepseek", "```json"] as const];

function constraint(toolFormat: string, more: Partial<CallConstraint> = {}): CallConstraint {
  return {
    mustCall: true,
    isSingle: false,
    functions: FUNCTIONS,
    reasoningFormat: toolFormat === "harmony" ? "harmony" : "none",
    promptTail: "",
    ...more,
  };
}

function tagOf(toolFormat: string, more: Partial<CallConstraint> = {}, templateText = ""): JsonObject {
  return constrainCalls(callGrammar(toolFormat, templateText)!, constraint(toolFormat, more));
}

function parse(text: string, toolFormat: string, reasoningFormat: string, reasoningOpen = false) {
  const parser = createOutputParser({
    toolFormat,
    reasoningFormat,
    reasoningOpen,
    tools: TOOLS,
    newToolCallId: (index) => `call_${index}`,
  });
  return foldEvents([...parser.push(text), ...parser.finish()]).message;
}

Deno.test("constrainCalls() what a tool format allows is a call to its parser, and nothing else", () => {
  for (const [toolFormat, templateText] of VARIANTS) {
    for (const isSingle of [false, true]) {
      const text = constrainedText({ structural_tag: tagOf(toolFormat, { isSingle }, templateText) })!;
      const { content, tool_calls: calls } = parse(text, toolFormat, "none");
      assert.deepEqual([content, calls?.length], [null, 1], text);
      const { name, arguments: args } = calls![0]!.function;
      assert.deepEqual([name, JSON.parse(args)], ["look_up", { word: "hello", times: 1 }], text);
    }
  }
});

Deno.test("constrainCalls() reasoning that the prompt opened comes first; what the prompt closed does not", () => {
  const think = (promptTail: string) =>
    constrainedText({ structural_tag: tagOf("hermes", { reasoningFormat: "think", promptTail }) })!;
  const open = parse(think("<|im_start|>assistant\n<think>\n"), "hermes", "think", true);
  assert.deepEqual([open.reasoning_content, open.content, open.tool_calls?.length], ["ok", null, 1]);
  assert.match(think("assistant\n<think>\n\n</think>\n\n"), /^<tool_call>/);
  const { format } = tagOf("hermes", { reasoningFormat: "think", promptTail: "assistant\n" }) as {
    format: JsonObject;
  };
  const [calling, thinking] = format.elements as JsonObject[];
  assert.equal(format.type, "or");
  assert.equal((thinking!.elements as JsonObject[])[0]!.begin, "<think>");
  assert.equal(calling!.type, "tags_with_separator");
});

Deno.test("constrainCalls() hermes is written as Qwen's templates print it", () => {
  const schema = { type: "json_schema", json_schema: PARAMETERS };
  const tags = FUNCTIONS.map(({ name }) => ({
    type: "tag",
    begin: `<tool_call>\n{"name": "${name}", "arguments": `,
    content: schema,
    end: "}\n</tool_call>",
  }));
  assert.deepEqual(tagOf("hermes"), {
    type: "structural_tag",
    format: { type: "tags_with_separator", tags, separator: "\n", at_least_one: true },
  });
  assert.deepEqual(tagOf("hermes", { mustCall: false, isSingle: true }), {
    type: "structural_tag",
    format: { type: "triggered_tags", triggers: ["<tool_call>"], tags, stop_after_first: true },
  });
});

Deno.test("constrainCalls() a call of harmony may end before <|call|>, where that is a stop token and no text", () => {
  const { format } = tagOf("harmony", { reasoningFormat: "none" }) as { format: JsonObject };
  const ends = (format.elements as JsonObject[]).map(({ end }) => end);
  assert.deepEqual(ends, Array(4).fill(["<|call|>", ""]));
});

Deno.test("callGrammar() every tool format has one, unknown names have none", () => {
  for (const name of FORMATS) assert.ok(callGrammar(name, ""), name);
  for (const name of ["none", "toString", "mine"]) assert.equal(callGrammar(name, ""), undefined);
});
