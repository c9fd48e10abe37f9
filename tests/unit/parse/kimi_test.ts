import assert from "node:assert/strict";
import { createOutputParser } from "../../../src/parse/create.ts";
import { parserSuite } from "../../support/parser_suite.ts";
import { jsonCases } from "../../support/parser/json_cases.ts";

const one = (args: string, id = "functions.f:0") =>
  `<|tool_call_begin|>${id}<|tool_call_argument_begin|>${args}<|tool_call_end|>`;
const section = (...calls: string[]) =>
  `<|tool_calls_section_begin|>${calls.join("")}<|tool_calls_section_end|>`;

parserSuite({
  name: "kimi",
  toolFormat: "kimi",
  reasoningFormat: "think",
  fragments: ["functions.f:0", one("{}"), "{}", '{"a": ', " \n"],
  longCall: (text) => section(one(JSON.stringify({ text }))),
  cases: [
    ...jsonCases((args) => section(one(args)), ""),
    {
      criterion: "several calls, text around the section",
      input: `Look.\n${section(one('{"a": 1}'), "\n", one("[]", "functions.g.h:12"))}\nDone.`,
      message: { content: "Look.\n\nDone.", calls: [["f", '{"a": 1}'], ["g.h", "[]"]] },
    },
    {
      criterion: "reasoning, layout, calls",
      input: `<think>a\n</think>\n\n${section(" ", one(" {} "), " ")} `,
      message: { reasoning: "a\n", content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "a call outside a section, an id without a number or a prefix",
      input: one("", "f"),
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "sections without calls and stray ends",
      input: `${section()}x<|tool_calls_section_end|>`,
      message: { content: "x<|tool_calls_section_end|>" },
    },
    {
      criterion: "a section around text is content",
      input: section("so"),
      message: { content: section("so") },
    },
    {
      criterion: "a head without an id, or with a wrong one, is content",
      input: section("<|tool_call_begin|><|tool_call_end|>", one("{}", "two words"), one("{}")),
      message: {
        content: `<|tool_calls_section_begin|><|tool_call_begin|><|tool_call_end|>${one("{}", "two words")}`,
        calls: [["f", "{}"]],
      },
    },
    {
      criterion: "text after the arguments breaks the call",
      input: section(one("{} x")),
      message: { content: null, calls: [["f", "{}x"]] },
      incomplete: [0],
    },
    {
      criterion: "a broken call ends with the section",
      input: section("<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{a"),
      message: { content: null, calls: [["f", "{a"]] },
      incomplete: [0],
    },
    {
      criterion: "whole arguments without an end are whole",
      input: "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{} ",
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "a call cut before its arguments is incomplete",
      input: "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>",
      message: { content: null, calls: [["f", ""]] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its id is content",
      input: "<|tool_call_begin|>functions.f:0<|tool_call_arg",
      message: { content: "<|tool_call_begin|>functions.f:0<|tool_call_arg" },
    },
  ],
});

Deno.test("kimi: the model's own id reaches the caller", () => {
  const parser = createOutputParser({
    toolFormat: "kimi",
    reasoningFormat: "none",
    newToolCallId: (index, nativeId) => `${index}/${nativeId}`,
  });
  const [start] = parser.push(one("{}", "functions.f:7"));
  assert.deepEqual(start, {
    type: "tool_call_start",
    index: 0,
    id: "0/functions.f:7",
    nativeId: "functions.f:7",
    name: "f",
    raw: "<|tool_call_begin|>functions.f:7<|tool_call_argument_begin|>",
  });
});
