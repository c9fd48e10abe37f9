import assert from "node:assert/strict";
import { finishReason, foldEvents, MessageBuilder } from "../../../src/parse/message.ts";
import type { ParserEvent } from "../../../src/parse/parser.ts";

const start = (index: number): ParserEvent => ({
  type: "tool_call_start",
  index,
  id: `c${index}`,
  name: "f",
  raw: "",
});
const args = (index: number, text: string): ParserEvent => ({
  type: "tool_call_arguments",
  index,
  text,
  raw: text,
});
const end = (index: number, complete: boolean): ParserEvent => ({
  type: "tool_call_end",
  index,
  complete,
  raw: "",
});
const text = (type: "content" | "reasoning", text: string): ParserEvent => ({ type, text, raw: text });
const callOf = (index: number, text: string) => ({
  id: `c${index}`,
  type: "function",
  function: { name: "f", arguments: text },
});

Deno.test("foldEvents() gives the fields that there is something for", () => {
  const none = { incompleteCalls: [], hasCompleteCall: false };
  const cases: [ParserEvent[], ReturnType<typeof foldEvents> | object][] = [
    [[], { message: { role: "assistant", content: "" }, ...none }],
    [[{ type: "markup", raw: "x" }, text("reasoning", "a"), text("reasoning", "b")], {
      message: { role: "assistant", content: "", reasoning_content: "ab" },
      ...none,
    }],
    [[text("content", "a"), start(0), args(0, "{"), args(0, "}"), end(0, true), text("content", "b")], {
      message: { role: "assistant", content: "ab", tool_calls: [callOf(0, "{}")] },
      incompleteCalls: [],
      hasCompleteCall: true,
    }],
    [[start(0), end(0, false), start(1), args(1, "{}"), end(1, true)], {
      message: { role: "assistant", content: null, tool_calls: [callOf(0, ""), callOf(1, "{}")] },
      incompleteCalls: [0],
      hasCompleteCall: true,
    }],
  ];
  for (const [events, output] of cases) assert.deepEqual(foldEvents(events), output);
});

Deno.test("MessageBuilder counts a call that goes on as incomplete", () => {
  const builder = new MessageBuilder();
  builder.add([start(0), args(0, "{}")]);
  assert.deepEqual(builder.build().incompleteCalls, [0]);
  builder.add([end(0, true)]);
  assert.deepEqual(builder.build().incompleteCalls, []);
});

Deno.test("finishReason() is tool_calls for a whole call at a natural stop only", () => {
  for (
    const [hasCompleteCall, engine, expected] of [
      [true, "stop", "tool_calls"],
      [false, "stop", "stop"],
      [true, "length", "length"],
      [true, "abort", "abort"],
    ] as const
  ) assert.equal(finishReason({ hasCompleteCall }, engine), expected);
});
