import assert from "node:assert/strict";
import { fold } from "../../support/parser/harness.ts";
import { jsonCases } from "../../support/parser/json_cases.ts";
import { parserSuite } from "../../support/parser_suite.ts";

const message = (head: string, body: string, end = "<|end|>") => `<|channel|>${head}<|message|>${body}${end}`;
const call = (args: string, name = "f") =>
  message(`commentary to=functions.${name} <|constrain|>json`, args, "<|call|>");
const next = "<|start|>assistant";

parserSuite({
  name: "harmony",
  toolFormat: "harmony",
  reasoningFormat: "harmony",
  fragments: [
    "analysis",
    "commentary to=functions.f ",
    "final",
    "json",
    "assistant",
    "{}",
    " to=functions.f",
  ],
  longCall: (text) => call(JSON.stringify({ text })),
  cases: [
    ...jsonCases(call, ""),
    {
      criterion: "analysis is reasoning, final is content",
      input: `${message("analysis", "hm\n")}${next}${message("final", "Two.\n", "<|return|>")}`,
      message: { reasoning: "hm\n", content: "Two.\n" },
    },
    {
      criterion: "commentary without a recipient is content, with one a call",
      input: message("analysis", "hm") + next + message("commentary", "I look.") + next + call('{"a": 1}') +
        next + call("{}", "g"),
      message: { reasoning: "hm", content: "I look.", calls: [["f", '{"a": 1}'], ["g", "{}"]] },
    },
    {
      criterion: "the recipient may come before the channel",
      input: `${
        message("analysis", "")
      }${next} to=functions.f<|channel|>commentary json<|message|>{}<|call|>`,
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "the recipient may be sampled first",
      input: " to=functions.f<|channel|>commentary<|message|>{}",
      message: { content: null, calls: [["f", "{}"]] },
    },
    {
      criterion: "reasoning that the prompt opened",
      input: `hm<|end|>${next}${message("final", "Two.", "")}`,
      reasoningOpen: true,
      message: { reasoning: "hm", content: "Two." },
    },
    {
      criterion: "other recipients keep their channel",
      input: message("analysis to=python code", "1+1", "<|call|>") + next +
        message("commentary to=browser.open", "x"),
      message: { reasoning: "1+1", content: "x" },
    },
    {
      criterion: "a message without an end stops at the next",
      input: message("analysis", "a", "") + message("final", "b", "") + next + call("{}"),
      message: { reasoning: "a", content: "b", calls: [["f", "{}"]] },
    },
    {
      criterion: "text without a header is content",
      input: "to= be\n<|end|> or",
      message: { content: "to= be\n or" },
    },
    {
      criterion: "text between messages is content, white space is not",
      input: `${message("final", "a")}\n${next}${message("final", "b")} c`,
      message: { content: "ab c" },
    },
    {
      criterion: "the words of a header that stops at an end are content, its delimiters are not",
      input: "<|channel|>final<|end|>x",
      message: { content: "finalx" },
    },
    {
      criterion: "a header that forgets its message keeps the answer, and shows no delimiter",
      input: `${message("analysis", "hm")}${next}<|channel|>final Hello.<|return|>`,
      message: { reasoning: "hm", content: "assistantfinal Hello." },
    },
    {
      criterion: "<|return|> after text without a header is markup",
      input: "Hello.<|return|>",
      message: { content: "Hello." },
    },
    {
      criterion: "<|return|> after the end of a message is markup",
      input: `${message("final", "a")}<|return|>`,
      message: { content: "a" },
    },
    {
      criterion: "delimiters of headers inside a body are markup",
      input: message("final", "a<|message|>b<|constrain|>c", "<|return|>"),
      message: { content: "abc" },
    },
    {
      criterion: "delimiters of headers between messages are markup",
      input: `<|message|>a<|constrain|><|call|> b<|end|>`,
      message: { content: "a b" },
    },
    {
      criterion: "nothing but delimiters is an empty answer",
      input: "<|message|><|end|><|call|><|return|>",
      message: { content: "" },
    },
    {
      criterion: "a header without a channel makes content",
      input: "<|start|>assistant<|message|>x<|return|>",
      message: { content: "x" },
    },
    {
      criterion: "a header cut short is markup",
      input: `${message("analysis", "hm")}${next}<|channel|>fin`,
      message: { reasoning: "hm", content: "" },
    },
    {
      criterion: "a call cut in its arguments is incomplete",
      input: call('{"a": [').replace("<|call|>", ""),
      message: { content: null, calls: [["f", '{"a": [']] },
      incomplete: [0],
    },
    {
      criterion: "a broken call ends at the next message",
      input: call("{a}").replace("<|call|>", next + message("final", "b")),
      message: { content: "b", calls: [["f", "{a}"]] },
      incomplete: [0],
    },
  ],
});

Deno.test("harmony: goes with none on either side", () => {
  const input = message("analysis", "hm") + next + call("{}");
  const none = "none";
  assert.deepEqual(fold({ toolFormat: none, reasoningFormat: "harmony" }, [input]).message, {
    role: "assistant",
    content: "{}",
    reasoning_content: "hm",
  });
  const { content, tool_calls } = fold({ toolFormat: "harmony", reasoningFormat: none }, [input]).message;
  assert.equal(content, "hm");
  assert.equal(tool_calls?.[0]?.function.name, "f");
});

Deno.test("harmony: a header over its bound is content, however it is made long", () => {
  for (
    const [long, words] of [["x".repeat(2000), "x".repeat(2000)], [
      "y<|constrain|>".repeat(200),
      "y".repeat(200),
    ]]
  ) {
    const input = `<|channel|>${long}<|message|>z`;
    const { content } = fold({ toolFormat: "harmony", reasoningFormat: "harmony" }, [input]).message;
    assert.equal(content, `${words}z`);
  }
});

Deno.test("harmony: the text of a delimiter in plain tokens stays where delimiters are special tokens", () => {
  const options = { toolFormat: "harmony", reasoningFormat: "harmony", delimitersAreSpecial: true };
  assert.equal(fold(options, ["Say <|return|> to end."]).message.content, "Say <|return|> to end.");
});
