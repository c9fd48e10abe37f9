import assert from "node:assert/strict";
import type { EngineName } from "../../src/config.ts";
import type { JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";

const SCHEMA: JsonObject = {
  type: "object",
  properties: { word: { type: "string" } },
  required: ["word"],
};
const tool = (name: string): JsonObject => ({ type: "function", function: { name, parameters: SCHEMA } });
const BODY: JsonObject = {
  messages: [{ role: "user", content: "hello" }],
  tools: [tool("look_up"), tool("look")],
  max_tokens: 200,
};
const named = (name: string): JsonObject => ({ type: "function", function: { name } });
const NAMED: JsonObject = { tool_choice: named("look") };
const ENGINES = ["sglang", "vllm", "vllm-completions"] as const;

/** A gateway over one engine, and the grammars that reached it. */
async function harness(engine: EngineName, config: JsonObject = {}, settings: object = {}) {
  const grammars: (JsonObject | null)[] = [];
  const h = await createChatHarness({
    engine: { protocol: engine === "sglang" ? "sglang" : "vllm", splitProbability: 0.5, ...settings },
    config: { engine, abortRetryWaitMs: 0, ...config },
    wrapFetch: (fetch) => async (input, init) => {
      if (init?.body instanceof Uint8Array) {
        grammars.push(grammarOf(JSON.parse(new TextDecoder().decode(init.body))));
      }
      return await fetch(input, init);
    },
  });
  return Object.assign(h, { grammars });
}

function grammarOf({ sampling_params: params, response_format: format }: JsonObject): JsonObject | null {
  const { structural_tag: tag, structured_outputs: outputs } = (params ?? {}) as JsonObject;
  const text = tag ?? (outputs as JsonObject | undefined)?.structural_tag;
  return typeof text === "string" ? JSON.parse(text) : (format ?? null) as JsonObject | null;
}

for (const engine of ENGINES) {
  for (const streams of [false, true]) {
    Deno.test(`chat tool_choice: ${engine} is held to calls, and the turn goes on, ${streams ? "streamed" : "plain"}`, async () => {
      await using h = await harness(engine);
      const ask = streams ? h.chatStream : h.chat;
      const cases: [JsonObject, string, string][] = [
        [{ tool_choice: "required" }, "look_up", "tool_calls"],
        [NAMED, "look", "stop"],
        [{ tool_choice: "required", parallel_tool_calls: false }, "look_up", "tool_calls"],
        [
          {
            tool_choice: {
              type: "allowed_tools",
              allowed_tools: { mode: "required", tools: [{ type: "function", ...named("look") }] },
            },
          },
          "look",
          "tool_calls",
        ],
      ];
      const messages = [...BODY.messages as JsonObject[]];
      for (const [choice, name, reason] of cases) {
        const { message, finishReason } = await ask({ ...BODY, ...choice, messages }, "a");
        const [call] = message.tool_calls as { id: string; function: JsonObject }[];
        assert.deepEqual([message.content, call!.function.name, finishReason], [null, name, reason]);
        assert.deepEqual(JSON.parse(call!.function.arguments as string), { word: "hello" });
        messages.push(message, { role: "tool", tool_call_id: call!.id, content: "found" });
      }
      const { rows, captured, exported } = await h.samples("a");
      assert.deepEqual([rows.length, rows[0]!.chain.length, captured], [1, cases.length, exported]);
      assert.deepEqual(h.grammars.map((grammar) => grammar?.type), cases.map(() => "structural_tag"));
    });
  }
}

Deno.test("chat tool_choice: auto and none hold the engine to nothing; auto with one call at most does", async () => {
  await using h = await harness("sglang");
  const format = { type: "json_schema", json_schema: { name: "x", schema: SCHEMA } };
  const cases: [JsonObject, string | null][] = [
    [{}, null],
    [{ tool_choice: "auto" }, null],
    [{ tool_choice: "auto", parallel_tool_calls: true }, null],
    [{ tool_choice: "none", parallel_tool_calls: false }, null],
    [{ parallel_tool_calls: false }, "triggered_tags"],
    [{ parallel_tool_calls: false, tools: [] }, null],
    // Text may be the answer, and then it has to be of that format.
    [{ parallel_tool_calls: false, response_format: format }, null],
    [{ tool_choice: "required", response_format: format }, "tags_with_separator"],
  ];
  for (const [more, expected] of cases) {
    await h.chat({ ...BODY, ...more });
    const { format } = h.grammars.at(-1) ?? {};
    assert.equal((format as JsonObject | undefined)?.type ?? null, expected, JSON.stringify(more));
  }
});

Deno.test("chat tool_choice: none leaves calls in the text, and the tools in the prompt", async () => {
  const call = '<tool_call>{"name": "look", "arguments": {}}</tool_call>';
  await using h = await harness("sglang", {}, { script: () => call });
  const none = await h.chat({ ...BODY, tool_choice: "none" });
  const auto = await h.chat(BODY);
  assert.deepEqual([none.message, none.finishReason], [{ role: "assistant", content: call }, "stop"]);
  assert.deepEqual([auto.finishReason, none.promptIds], ["tool_calls", auto.promptIds]);
});

Deno.test("chat tool_choice: what it cannot mean is a 400 that says what to do", async () => {
  await using h = await harness("sglang");
  const cases: [JsonObject, string, RegExp][] = [
    [{ tool_choice: "required", tools: null }, "tool_choice", /needs tools/],
    [{ tool_choice: "must" }, "tool_choice", /"auto", "none", "required"/],
    [{ tool_choice: named("absent") }, "tool_choice.function.name", /one of the tools/],
    [{ tool_choice: "required", tools: [{ type: "custom" }] }, "tools[0].function", /an object/],
    [{ tool_choice: "required", tools: [tool("a b")] }, "tools[0].function.name", /white space/],
    [{ tool_choice: { type: "allowed_tools" } }, "tool_choice.allowed_tools", /an object/],
    [{ parallel_tool_calls: "no" }, "parallel_tool_calls", /true or false/],
    [{ tool_choice: "required", regex: "a+" }, "regex", /cannot be joined/],
    [{ tool_choice: "required", sampling_params: { ebnf: "x" } }, "ebnf", /cannot be joined/],
  ];
  for (const [more, param, message] of cases) {
    const reply = await h.post("/v1/chat/completions", { ...BODY, ...more });
    const { error } = await reply.json();
    assert.deepEqual([reply.status, error.param], [400, param], error.message);
    assert.match(error.message, message);
  }
  await using plain = await harness("sglang", { toolCallParser: "none" });
  const reply = await plain.post("/v1/chat/completions", { ...BODY, tool_choice: "required" });
  assert.match((await reply.json()).error.message, /--tool-call-parser/);
  assert.equal(plain.grammars.length + h.grammars.length, 0);
});

Deno.test("chat tool_choice: a pause inside a grammar is not gone over, for engines begin it anew", async () => {
  const faults = { abortRunning: { afterTokens: 3, next: 1 } };
  const response_format = { type: "json_schema", json_schema: { name: "x", schema: SCHEMA } };
  for (const more of [{ tool_choice: "required" }, { response_format }]) {
    await using h = await harness("sglang", { onAbort: "resume" }, { faults });
    const streamed = await h.chatStream({ ...BODY, ...more });
    assert.deepEqual([streamed.finishReason, h.grammars.length], ["abort", 1]);
    await using again = await harness("sglang", { onAbort: "resume" }, { faults });
    const { finishReason } = await again.chat({ ...BODY, ...more });
    assert.deepEqual([finishReason === "abort", again.grammars.length], [false, 2]);
    const [first, second] = again.generateBodies();
    assert.deepEqual(first!.input_ids, second!.input_ids);
  }
});

Deno.test("chat tool_choice: a delimiter spelled in plain tokens is one where the engine is held to the grammar", async () => {
  await using h = await harness("sglang");
  const { tokenizer } = h.loaded;
  const text = '<tool_call>\n{"name": "look", "arguments": {"word": "x"}}\n</tool_call>';
  const spelled = [...text].flatMap((unit) => [...tokenizer.encodeContinuation(unit)]);
  const stop = tokenizer.tokenToId("<|im_end|>")!;
  await using spelling = await harness("sglang", {}, { script: () => ({ ids: [...spelled, stop] }) });
  const { message } = await spelling.chat({ ...BODY, tool_choice: "required" });
  assert.equal((message.tool_calls as JsonObject[]).length, 1);
});
