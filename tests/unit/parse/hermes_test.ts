import { parserSuite } from "../../support/parser_suite.ts";
import { jsonCases } from "../../support/parser/json_cases.ts";

const call = (args: string) => `<tool_call>\n{"name": "f", "arguments": ${args}}\n</tool_call>`;

parserSuite({
  name: "hermes with think",
  toolFormat: "hermes",
  reasoningFormat: "think",
  fragments: [
    '{"name": "f", "arguments": ',
    '{"name": "f"',
    "}}",
    '{"arguments": {}, "name": "g"}',
    "<tool_",
  ],
  longCall: (text) => call(JSON.stringify({ text })),
  cases: [
    ...jsonCases(call, "}\n"),
    { criterion: "plain text is content", input: "Hello\n", message: { content: "Hello\n" } },
    { criterion: "no output is empty content", input: "", message: { content: "" } },
    { criterion: "white space alone is content", input: " \n\n", message: { content: " \n\n" } },
    {
      criterion: "keeps line ends in reasoning and content",
      input: "<think>\nhm\n\n</think>\n\nTwo.\n",
      message: { reasoning: "\nhm\n\n", content: "\n\nTwo.\n" },
    },
    {
      criterion: "reasoning that the prompt opened needs no opener",
      input: "hm\n</think>Two.",
      reasoningOpen: true,
      message: { reasoning: "hm\n", content: "Two." },
    },
    {
      criterion: "an opener that is sampled again does not count as reasoning",
      input: "\n<think>hm</think>Two.",
      reasoningOpen: true,
      message: { reasoning: "hm", content: "Two." },
    },
    {
      criterion: "reasoning without an end is reasoning",
      input: "<think>hm <tool_call></thin",
      message: { reasoning: "hm <tool_call></thin", content: "" },
    },
    {
      criterion: "an opener after other text is content",
      input: "Use <think> and </think>.",
      message: { content: "Use <think> and </think>." },
    },
    {
      criterion: "white space alone before, between and after calls is no content",
      input: `<think>a</think>\n\n${call("{}")}\n \n${call("[1]")}\n`,
      message: { reasoning: "a", content: null, calls: [["f", "{}"], ["f", "[1]"]] },
    },
    {
      criterion: "text before, between and after calls is content",
      input: `Look:\n${call("{}")} then\n${call("{}")}\nDone.`,
      message: { content: "Look:\n then\n\nDone.", calls: [["f", "{}"], ["f", "{}"]] },
    },
    {
      criterion: "a closing tag in a string does not close",
      lookAlikes: true,
      input: call('{"a": "</tool_call>\\n<tool_call>"}'),
      message: { content: null, calls: [["f", '{"a": "</tool_call>\\n<tool_call>"}']] },
    },
    {
      criterion: "arguments before the name, other members, an escaped name",
      input:
        '<tool_call>{"id": [1, {}], "arguments": {"a": 1 }, "na\\u006de": "f\\u00e9" , "x": null}</tool_call>',
      message: { content: null, calls: [["fé", '{"a": 1 }']] },
    },
    {
      criterion: "`parameters` are arguments, a call without any has an empty object",
      input: '<tool_call>{"name":"f","parameters":{"b":2}}</tool_call><tool_call>{"name":"g"}</tool_call>',
      message: { content: null, calls: [["f", '{"b":2}'], ["g", "{}"]] },
    },
    {
      criterion: "a call without a name is content",
      input: ' <tool_call>{"arguments": {}}</tool_call>',
      message: { content: ' <tool_call>{"arguments": {}}</tool_call>' },
    },
    {
      criterion: "a tag around no call is content, the next call counts",
      input: `<tool_call>f(1)</tool_call><tool_call><tool_call>{"name": 3}\n${call("{}")}`,
      message: {
        content: '<tool_call>f(1)</tool_call><tool_call><tool_call>{"name": 3}\n',
        calls: [["f", "{}"]],
      },
    },
    {
      criterion: "a missing closing tag does not spoil a whole call",
      input: '<tool_call>{"name": "f", "arguments": {}}\n<tool_call>{"name": "g", "arguments": {}} ',
      message: { content: null, calls: [["f", "{}"], ["g", "{}"]] },
    },
    {
      criterion: "a broken call ends at the next one",
      input: `<tool_call>{"name": "f", "arguments": {"a": nil}\n${call("{}")}`,
      message: { content: null, calls: [["f", '{"a": nil}\n'], ["f", "{}"]] },
      incomplete: [0],
    },
    {
      criterion: "a second name or second arguments break the call",
      input: '<tool_call>{"name": "f", "arguments": {}, "arguments": {"a": 1}}</tool_call>',
      message: { content: null, calls: [["f", '{}: {"a": 1}}']] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its arguments is incomplete",
      input: `${call("{}")}\n<tool_call>\n{"name": "g", "arguments": {"a": "b`,
      message: { content: null, calls: [["f", "{}"], ["g", '{"a": "b']] },
      incomplete: [1],
    },
    {
      criterion: "a call cut before its name is content",
      input: 'Hm\n<tool_call>\n{"name": "g',
      message: { content: 'Hm\n<tool_call>\n{"name": "g' },
    },
  ],
});
