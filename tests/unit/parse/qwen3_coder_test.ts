import { parserSuite } from "../../support/parser_suite.ts";
import { TYPED_TOOLS, xmlCases } from "../../support/parser/xml_cases.ts";

const parameter = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
const call = (name: string, ...parameters: string[]) =>
  `<tool_call>\n<function=${name}>\n${parameters.join("")}</function>\n</tool_call>`;

parserSuite({
  name: "qwen3_coder",
  toolFormat: "qwen3_coder",
  reasoningFormat: "think",
  tools: TYPED_TOOLS,
  fragments: [
    "<function=f>",
    "<parameter=s>",
    "<parameter=o>",
    "</parameter>",
    "</function>",
    "\nx\n",
    "<func",
  ],
  longCall: (text) => call("f", parameter("s", text)),
  cases: [
    ...xmlCases((name, key, value) => call(name, parameter(key, value))),
    {
      criterion: "several calls and parameters, text around them",
      input: `Look.\n${call("f", parameter("s", "1"), parameter("i", "1"))}\n${call("g")}\nDone.`,
      tools: TYPED_TOOLS,
      message: { content: "Look.\n\nDone.", calls: [["f", '{"s":"1","i":1}'], ["g", "{}"]] },
    },
    {
      criterion: "values without line ends around them",
      input:
        "<tool_call><function=f><parameter=s>x</parameter><parameter=u></parameter></function></tool_call>",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x","u":""}']] },
    },
    {
      criterion: "only one line end on each side is layout",
      input: call("f", parameter("s", "\nx\n")),
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"\\nx\\n"}']] },
    },
    {
      criterion: "tags of calls inside a value are text",
      lookAlikes: true,
      input: call("f", parameter("s", "<tool_call></function></tool_call><parameter=x>")),
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"<tool_call></function></tool_call><parameter=x>"}']] },
    },
    {
      criterion: "a missing end of the function is forgiven",
      input: "<tool_call><function=f><parameter=s>x</parameter></tool_call>",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x"}']] },
    },
    {
      criterion: "a missing end of the call is forgiven",
      input: "<tool_call><function=f></function>",
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "text between parameters breaks the call",
      input: `<tool_call><function=f>so<parameter=s>x</parameter></function></tool_call>${call("g")}`,
      message: {
        content: null,
        calls: [["f", "so<parameter=s>x</parameter></function>"], ["g", "{}"]],
      },
      incomplete: [0],
    },
    {
      criterion: "a parameter without a key breaks the call",
      input: "<tool_call><function=f><parameter=></parameter></function></tool_call>",
      message: { content: null, calls: [["f", "<parameter=></parameter></function>"]] },
      incomplete: [0],
    },
    {
      criterion: "no function, or one with a wrong name, is content",
      input: '<tool_call>{"name": "f"}</tool_call><tool_call><function=a b></function></tool_call>',
      message: {
        content: '<tool_call>{"name": "f"}</tool_call><tool_call><function=a b></function></tool_call>',
      },
    },
    {
      criterion: "a call cut in a string is incomplete",
      input: "<tool_call><function=f><parameter=s>\nx\n",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x\\n']] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in another value is incomplete",
      input: "<tool_call><function=f><parameter=i>\n12",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"i":12']] },
      incomplete: [0],
    },
    {
      criterion: "a call cut between parameters is incomplete",
      input: "<tool_call><function=f><parameter=s>x</parameter>\n<para",
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", '{"s":"x"\n<para']] },
      incomplete: [0],
    },
  ],
});
