import { parserSuite } from "../../support/parser_suite.ts";

parserSuite({
  name: "none",
  toolFormat: "none",
  reasoningFormat: "none",
  fragments: ["<think>", "<tool_call>", '{"name": "f", "parameters": {}}'],
  longCall: (text) => text,
  cases: [
    {
      criterion: "everything is content",
      input: ' \n<think>a</think>\n<tool_call>{"name": "f"}</tool_call>\n',
      message: { content: ' \n<think>a</think>\n<tool_call>{"name": "f"}</tool_call>\n' },
    },
    { criterion: "nothing is empty content", input: "", message: { content: "" } },
  ],
});
