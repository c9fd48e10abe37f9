import assert from "node:assert/strict";
import {
  createOutputParser,
  delimiterTokens,
  REASONING_FORMATS,
  TOOL_FORMATS,
} from "../../../src/parse/create.ts";
import { CALL_HEAD_MAX_UNITS, LAYOUT_MAX_UNITS, TYPED_VALUE_MAX_UNITS } from "../../../src/parse/parser.ts";
import { NAME_MAX_UNITS } from "../../../src/parse/steps.ts";
import { fold, type FormatOptions, parse } from "../../support/parser/harness.ts";

const hermes: FormatOptions = { toolFormat: "hermes", reasoningFormat: "think" };
const newToolCallId = (index: number) => `call_${index}`;

/** The message by one push, which must equal that of pushes of one unit. */
function message(options: FormatOptions, input: string) {
  const whole = fold(options, [input]);
  assert.deepEqual(fold(options, input.split("")), whole);
  return whole.message;
}

Deno.test("createOutputParser() lists the names when it does not know one", () => {
  for (
    const [formats, names] of [
      [{ toolFormat: "herms", reasoningFormat: "none" }, TOOL_FORMATS],
      [{ toolFormat: "none", reasoningFormat: "toString" }, REASONING_FORMATS],
    ] as const
  ) {
    const wrong = formats.toolFormat === "none" ? formats.reasoningFormat : formats.toolFormat;
    const expected = { name: "RangeError", message: new RegExp(`${names.join(", ")}, received "${wrong}"`) };
    assert.throws(() => createOutputParser({ ...formats, newToolCallId }), expected);
    assert.throws(() => delimiterTokens(formats), expected);
  }
});

Deno.test("createOutputParser() refuses harmony beside another grammar", () => {
  for (const [toolFormat, reasoningFormat] of [["harmony", "think"], ["hermes", "harmony"]] as const) {
    assert.throws(() => createOutputParser({ toolFormat, reasoningFormat, newToolCallId }), RangeError);
  }
});

Deno.test("createOutputParser() makes every pair of names without harmony, and harmony with none", () => {
  for (const toolFormat of TOOL_FORMATS) {
    for (const reasoningFormat of REASONING_FORMATS) {
      const one = [toolFormat, reasoningFormat].filter((name) => name === "harmony").length === 1;
      if (one && toolFormat !== "none" && reasoningFormat !== "none") continue;
      assert.equal(fold({ toolFormat, reasoningFormat }, ["Hello"]).message.content, "Hello");
    }
  }
});

Deno.test("finish() twice gives nothing, push() after it throws", () => {
  const parser = createOutputParser({ ...hermes, newToolCallId });
  assert.deepEqual(parser.push("a<tool"), [{ type: "content", text: "a", raw: "a" }]);
  assert.deepEqual(parser.finish(), [{ type: "content", text: "<tool", raw: "<tool" }]);
  assert.deepEqual(parser.finish(), []);
  assert.throws(() => parser.push("b"), /Cannot push to an output parser: it is finished, received 1 units/);
});

Deno.test("push() tells what is certain at once", () => {
  const parser = createOutputParser({ ...hermes, newToolCallId });
  const steps: [string, unknown[]][] = [
    ["<thi", []],
    ["nk>a", [{ type: "markup", raw: "<think>" }, { type: "reasoning", text: "a", raw: "a" }]],
    ["b</", [{ type: "reasoning", text: "b", raw: "b" }]],
    ["think>\n", [{ type: "markup", raw: "</think>" }]],
    ["Hi <tool_call>", [{ type: "content", text: "\nHi ", raw: "\nHi " }]],
    ['\n{"name": "f"', [{
      type: "tool_call_start",
      index: 0,
      id: "call_0",
      name: "f",
      raw: '<tool_call>\n{"name": "f"',
    }]],
    [', "arguments": {"a"', [{ type: "markup", raw: ', "arguments": ' }, {
      type: "tool_call_arguments",
      index: 0,
      text: '{"a"',
      raw: '{"a"',
    }]],
    [": 1}}\n", [{ type: "tool_call_arguments", index: 0, text: ": 1}", raw: ": 1}" }, {
      type: "markup",
      raw: "}\n",
    }]],
    ["</tool_call>", [{ type: "tool_call_end", index: 0, complete: true, raw: "</tool_call>" }]],
    ["\n", []],
  ];
  for (const [text, events] of steps) assert.deepEqual(parser.push(text), events, text);
  assert.deepEqual(parser.finish(), [{ type: "markup", raw: "\n" }]);
});

Deno.test("push() streams a string parameter and holds one that may be another type", () => {
  const tools = [{ name: "f", parameters: { properties: { s: { type: "string" }, o: { type: "object" } } } }];
  const parser = createOutputParser({ toolFormat: "glm", reasoningFormat: "none", tools, newToolCallId });
  const texts = (events: ReturnType<typeof parser.push>) =>
    events.map((event) => event.type === "tool_call_arguments" ? event.text : "").join("");
  parser.push("<tool_call>f<arg_key>s</arg_key><arg_value>");
  assert.equal(texts(parser.push('a "b" <')), '"a \\"b\\" ');
  assert.equal(texts(parser.push("c")), "<c");
  assert.equal(texts(parser.push("</arg_value><arg_key>o</arg_key><arg_value>{}")), '","o":');
  assert.equal(texts(parser.push("</arg_value></tool_call>")), "{}}");
});

Deno.test("white space over its bound is content, a call after it still counts", () => {
  const call = '<tool_call>{"name": "f"}</tool_call>';
  const [short, long] = [" ".repeat(LAYOUT_MAX_UNITS), " ".repeat(LAYOUT_MAX_UNITS + 1)];
  assert.equal(message(hermes, short + call).content, null);
  assert.equal(message(hermes, long + call).content, long);
  assert.equal(message(hermes, long + call).tool_calls?.length, 1);
  assert.equal(message(hermes, call + long + call).content, long);
});

Deno.test("a call whose name does not come within the bound is content", () => {
  const callWith = (units: number) =>
    `<tool_call>{"arguments": "${"a".repeat(units)}", "name": "f"}</tool_call>`;
  assert.equal(message(hermes, callWith(CALL_HEAD_MAX_UNITS - 100)).tool_calls?.length, 1);
  const long = callWith(CALL_HEAD_MAX_UNITS);
  assert.equal(message(hermes, long).content, long);
});

Deno.test("a name over its bound makes no call", () => {
  const callOf = (name: string) => `<tool_call>${name}</tool_call>`;
  const glm = { toolFormat: "glm", reasoningFormat: "none" };
  assert.equal(message(glm, callOf("f".repeat(NAME_MAX_UNITS))).tool_calls?.length, 1);
  const long = callOf("f".repeat(NAME_MAX_UNITS + 1));
  assert.equal(message(glm, long).content, long);
});

Deno.test("a typed value over its bound becomes a string", () => {
  const argumentsOf = (value: string) =>
    message(
      { toolFormat: "glm", reasoningFormat: "none" },
      `<tool_call>f<arg_key>k</arg_key><arg_value>${value}</arg_value></tool_call>`,
    ).tool_calls![0]!.function.arguments;
  const [short, long] = [TYPED_VALUE_MAX_UNITS - 1, TYPED_VALUE_MAX_UNITS].map((units) => "1".repeat(units));
  assert.equal(argumentsOf(short!), `{"k":${short}}`);
  assert.equal(argumentsOf(long!), `{"k":"${long}"}`);
});

Deno.test("delimiters that are special count as tokens only, the others in text too", () => {
  const delimitersAreSpecial = (delimiter: string) => delimiter.includes("tool_call");
  const pieces = [
    "<think>Is <tool_call> text?</think>",
    '<tool_call>{"name": "f"}</tool_call>',
    { text: "<tool_call>", special: true },
    '{"name": "g", "arguments": {"a": "</tool_call>"}}',
    { text: "</tool_call>", special: true },
    { text: "<|im_end|>", special: true },
  ];
  const { message } = fold({ ...hermes, delimitersAreSpecial }, pieces);
  assert.equal(message.reasoning_content, "Is <tool_call> text?");
  assert.equal(message.content, '<tool_call>{"name": "f"}</tool_call><|im_end|>');
  assert.deepEqual(message.tool_calls?.map((call) => call.function.arguments), ['{"a": "</tool_call>"}']);
});

Deno.test("a special token ends what text before it may begin, and breaks JSON that it stands in", () => {
  const closer = { text: "</tool_call>", special: true };
  const open = ["<tool_call>", '{"name": "f", "arguments": {"a": "x'];
  const { message, incompleteCalls } = fold(hermes, [...open, closer, "ok <tool_", closer, "call>"]);
  assert.equal(message.content, "ok <tool_</tool_call>call>");
  assert.equal(message.tool_calls?.[0]?.function.arguments, '{"a": "x');
  assert.deepEqual(incompleteCalls, [0]);
});

Deno.test("events of one kind within a push are one event", () => {
  const types = parse(hermes, ["<think>a < b <t</think>x <y <tool z"]).map((event) => event.type);
  assert.deepEqual(types, ["markup", "reasoning", "markup", "content"]);
});
