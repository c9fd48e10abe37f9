import { parserSuite } from "../../support/parser_suite.ts";
import { jsonCases } from "../../support/parser/json_cases.ts";

const call = (args: string) => `{"name": "f", "parameters": ${args}}`;

parserSuite({
  name: "llama3_json",
  toolFormat: "llama3_json",
  reasoningFormat: "none",
  fragments: [call("{}"), '{"name": "f", "parameters": {', '{"name": ', '"parameters": {}', "; "],
  longCall: (text) => call(JSON.stringify({ text })),
  cases: [
    ...jsonCases(call, "}", true),
    { criterion: "plain text is content", input: "Hello {name}", message: { content: "Hello {name}" } },
    {
      criterion: "several calls with separators",
      input: `\n${call("{}")}; ${call('{"a": 1}')}\n;${call("{}")} ;`,
      message: { content: null, calls: [["f", "{}"], ["f", '{"a": 1}'], ["f", "{}"]] },
    },
    {
      criterion: "the tag begins a call anywhere",
      input: `Well. <|python_tag|>${call("{}")}`,
      message: { content: "Well. ", calls: [["f", "{}"]] },
    },
    {
      criterion: "an object that is no call is content",
      input: '{"name": "Ann", "age": 3}',
      message: { content: '{"name": "Ann", "age": 3}' },
    },
    {
      criterion: "an object with a name only is content",
      input: '{"name": "Ann"}',
      message: { content: '{"name": "Ann"}' },
    },
    {
      criterion: "an object in later text is content",
      input: `So: ${call("{}")}`,
      message: { content: `So: ${call("{}")}` },
    },
    {
      criterion: "arguments first, a type",
      input: '{"type": "function", "parameters": {"a": []}, "name": "f"} and more',
      message: { content: " and more", calls: [["f", '{"a": []}']] },
    },
    {
      criterion: "Python after the tag is content",
      input: '<|python_tag|>search.call(query="x")',
      message: { content: '<|python_tag|>search.call(query="x")' },
    },
    {
      criterion: "arguments that are no object make no call",
      input: '{"name": "f", "parameters": 5}',
      message: { content: '{"name": "f", "parameters": 5}' },
    },
    {
      criterion: "a broken call ends at the next tag",
      input: `{"name": "f", "parameters": {a}}<|python_tag|>${call("{}")}`,
      message: { content: null, calls: [["f", "{a}}"], ["f", "{}"]] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its arguments is incomplete",
      input: '{"name": "f", "parameters": {"a": 1}',
      message: { content: null, calls: [["f", '{"a": 1}']] },
      incomplete: [0],
    },
  ],
});
