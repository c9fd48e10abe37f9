import { parserSuite } from "../../support/parser_suite.ts";
import { TYPED_TOOLS, xmlCases } from "../../support/parser/xml_cases.ts";

const pair = (key: string, value: string) => `<arg_key>${key}</arg_key>\n<arg_value>${value}</arg_value>\n`;
const call = (name: string, ...pairs: string[]) => `<tool_call>${name}\n${pairs.join("")}</tool_call>`;

parserSuite({
  name: "glm",
  toolFormat: "glm",
  reasoningFormat: "think",
  tools: TYPED_TOOLS,
  fragments: ["f\n", "s", "i", "1", " \n", "<arg_"],
  longCall: (text) => call("f", pair("s", text)),
  cases: [
    ...xmlCases((name, key, value) => call(name, pair(key, value))),
    {
      criterion: "reasoning, content, calls",
      input: `<think>a</think>Look.\n${call("f", pair("s", "1"), pair("b", "true"))}\n${call("g")}`,
      tools: TYPED_TOOLS,
      message: { reasoning: "a", content: "Look.\n", calls: [["f", '{"s":"1","b":true}'], ["g", "{}"]] },
    },
    {
      criterion: "no white space at all",
      input: "<tool_call>f<arg_key>s</arg_key><arg_value>x</arg_value></tool_call>",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x"}']] },
    },
    {
      criterion: "line ends around a value are part of it",
      input: call("f", pair("s", "\nx\n")),
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"\\nx\\n"}']] },
    },
    {
      criterion: "a key with quotes, tags in a value",
      lookAlikes: true,
      input: call("f", pair('a "b"', "</tool_call><arg_key>")),
      message: { content: null, calls: [["f", '{"a \\"b\\"":"</tool_call><arg_key>"}']] },
    },
    {
      criterion: "JSON instead of a name is content",
      input: '<tool_call>{"name": "f"}</tool_call>',
      message: { content: '<tool_call>{"name": "f"}</tool_call>' },
    },
    {
      criterion: "a key without a value breaks the call",
      input: `<tool_call>f<arg_key>a</arg_key>x</tool_call>${call("g")}`,
      message: { content: null, calls: [["f", "a</arg_key>x"], ["g", "{}"]] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in a value is incomplete",
      input: "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>x",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x']] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its name is content",
      input: "<tool_call>get_wea",
      message: { content: "<tool_call>get_wea" },
    },
  ],
});
