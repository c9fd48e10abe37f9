import { parserSuite } from "../../support/parser_suite.ts";
import { jsonCases } from "../../support/parser/json_cases.ts";

const fenced = (args: string, name = "f") =>
  `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${args}\n\`\`\`<｜tool▁call▁end｜>`;
const bare = (args: string, name = "f") =>
  `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>${args}<｜tool▁call▁end｜>`;
const section = (...calls: string[]) => `<｜tool▁calls▁begin｜>${calls.join("\n")}<｜tool▁calls▁end｜>`;

const shared = {
  toolFormat: "deepseek",
  reasoningFormat: "think",
  fragments: ["function", "f\n```json\n", "{}", "\n```", "f", '{"a": '],
};

parserSuite({
  ...shared,
  name: "deepseek V3",
  longCall: (text) => section(fenced(JSON.stringify({ text }))),
  cases: [
    ...jsonCases((args) => section(fenced(args)), "\n```"),
    {
      criterion: "several calls, text around the section",
      input: `Look.${section(fenced('{"a": 1}'), fenced("[]", "g"))}Done.`,
      message: { content: "Look.Done.", calls: [["f", '{"a": 1}'], ["g", "[]"]] },
    },
    {
      criterion: "reasoning that the prompt opened",
      input: `hm\n</think>\n\n${section(fenced("{}"))}`,
      reasoningOpen: true,
      message: { reasoning: "hm\n", content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "an empty fence is an empty object, a missing closing fence is forgiven",
      input: section(
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n<｜tool▁call▁end｜>",
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}<｜tool▁call▁end｜>",
      ),
      message: { content: null, calls: [["f", "{}"], ["g", "{}"]] },
    },
    {
      criterion: "a second closing fence breaks the call",
      input: section(fenced("{}\n```")),
      message: { content: null, calls: [["f", "{}```"]] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its arguments is incomplete",
      input: '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{"a": ',
      message: { content: null, calls: [["f", '{"a": ']] },
      incomplete: [0],
    },
    {
      criterion: "a call cut in its closing fence is whole",
      input: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```",
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "a call cut in its name is content",
      input: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_wea",
      message: { content: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_wea" },
    },
  ],
});

parserSuite({
  ...shared,
  name: "deepseek V3.1",
  longCall: (text) => section(bare(JSON.stringify({ text }))),
  cases: [
    ...jsonCases((args) => section(bare(args)), "", true),
    {
      criterion: "several calls, one named `function`",
      input: section(bare('{"a": 1}'), bare("{}", "function")),
      message: { content: null, calls: [["f", '{"a": 1}'], ["function", "{}"]] },
    },
    {
      criterion: "no arguments are an empty object",
      input: section(bare("")),
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "arguments that are neither fenced nor an object make no call",
      input: section(bare("5")),
      message: { content: section(bare("5")) },
    },
    {
      criterion: "a name with a space makes no call",
      input: section(bare("{}", "f g"), bare("{}")),
      message: {
        content: `<｜tool▁calls▁begin｜>${bare("{}", "f g")}\n`,
        calls: [["f", "{}"]],
      },
    },
  ],
});
