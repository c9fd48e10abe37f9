import assert from "node:assert/strict";
import { loadTokenizerFromData } from "../../src/tokenizer/load.ts";
import type { JsonObject } from "../../src/types.ts";
import { assertMatchesWire, createChatHarness } from "../support/chat_harness.ts";
import { tinyTokenizerConfig, tinyTokenizerJson } from "../support/tiny_tokenizer.ts";

const TOOLS = [{ type: "function", function: { name: "look", parameters: {} } }];
const USER = { role: "user", content: "hello" };
/** Writes arguments one by one, which refuses half an object. */
const TEMPLATE = `{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}` +
  `<|im_start|>{{ m.role }}\n{{ m.content }}{% for call in m.tool_calls %}<tool_call>\n` +
  `<function={{ call.function.name }}>\n{% for key, value in call.function.arguments | items %}` +
  `<parameter={{ key }}>\n{{ value }}\n</parameter>\n{% endfor %}</function>\n</tool_call>{% endfor %}` +
  `<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;
const CALL = "<tool_call>\n<function=look>\n<parameter=at>\nthe long way home\n</parameter>\n</function>\n" +
  "</tool_call>";

async function harness() {
  const config = { ...tinyTokenizerConfig(), chat_template: TEMPLATE };
  const tokenizer = await loadTokenizerFromData(
    { source: "items", tokenizer: tinyTokenizerJson(), config },
    { worker: false },
  );
  return await createChatHarness({
    deps: { tokenizer },
    config: { toolCallParser: "qwen3_coder", reasoningParser: "none" },
    engine: { script: ({ ordinal }) => ordinal === 0 ? CALL : "fine" },
  });
}

Deno.test("chat: a call that a limit cuts short is gone on from, with a template that cannot read its arguments", async () => {
  await using h = await harness();
  const whole = await h.chat({ messages: [USER], tools: TOOLS }, "whole");
  assert.equal((whole.message.tool_calls as unknown[]).length, 1, JSON.stringify(whole.message));
  await using cut = await harness();
  const maxTokens = whole.tokenIds.length - 24;
  const first = await cut.chat({ messages: [USER], tools: TOOLS, max_tokens: maxTokens }, "a");
  const [call] = first.message.tool_calls as { id: string; function: { arguments: string } }[];
  assert.throws(() => JSON.parse(call!.function.arguments), call!.function.arguments);

  const messages: JsonObject[] = [USER, first.message];
  messages.push({ role: "tool", tool_call_id: call!.id, content: "cut short" });
  const second = await cut.chat({ messages, tools: TOOLS }, "a");
  const known = [...first.promptIds, ...first.tokenIds];
  assert.deepEqual(second.promptIds.slice(0, known.length), known);
  messages.push(second.message, { role: "user", content: "on" });
  const third = await cut.chat({ messages, tools: TOOLS }, "a");
  assert.deepEqual(third.promptIds.slice(0, second.promptIds.length), second.promptIds);

  const native = await cut.samples("a");
  assertMatchesWire(cut.wire, native);
  assert.equal(native.rows.length, 1);
});

Deno.test("chat: a call that the template cannot read and nobody sampled is refused in the template's words", async () => {
  await using h = await harness();
  const call = { id: "a", type: "function", function: { name: "look", arguments: '{"at": "the' } };
  const messages = [USER, { role: "assistant", content: null, tool_calls: [call] }, USER];
  const reply = await h.post("/v1/chat/completions", { messages, tools: TOOLS });
  assert.equal(reply.status, 400);
  assert.match((await reply.json()).error.message, /mapping/);
});
