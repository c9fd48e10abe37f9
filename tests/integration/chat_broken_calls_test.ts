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

async function harness(before = "") {
  const config = { ...tinyTokenizerConfig(), chat_template: before + TEMPLATE };
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

const BROKEN = { id: "a", type: "function", function: { name: "look", arguments: '{"at": "the' } };
const AS_TEXT = '{"name": "look", "arguments": {"at": "the';

Deno.test("chat: a call that the template cannot read and nobody sampled is text, and the session goes on in its tokens", async () => {
  await using h = await harness();
  const messages: JsonObject[] = [
    USER,
    { role: "assistant", content: "I look.", tool_calls: [BROKEN] },
    { role: "tool", tool_call_id: "a", content: "cut short" },
  ];
  const first = await h.chat({ messages, tools: TOOLS }, "a");
  const prompt = h.loaded.tokenizer.decode(Uint32Array.from(first.promptIds));
  assert.ok(prompt.includes(`assistant\nI look.\n${AS_TEXT}<|im_end|>`), prompt);
  assert.ok(prompt.includes("tool\ncut short"), prompt);
  messages.push(first.message, { role: "user", content: "on" });
  const second = await h.chat({ messages, tools: TOOLS }, "a");
  const known = [...first.promptIds, ...first.tokenIds];
  assert.deepEqual(second.promptIds.slice(0, known.length), known);
  const native = await h.samples("a");
  assertMatchesWire(h.wire, native);
  assert.equal(native.rows.length, 1);
  const metrics = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.match(metrics, /slime_router_calls_as_text_total 2/);
});

Deno.test("chat: a call that was cut short is text where the prompt begins anew, and calls that can be read stay calls", async () => {
  await using whole = await harness();
  const { tokenIds } = await whole.chat({ messages: [USER], tools: TOOLS });
  await using h = await harness();
  const first = await h.chat({ messages: [USER], tools: TOOLS, max_tokens: tokenIds.length - 24 }, "a");
  const [call] = first.message.tool_calls as { id: string; function: { arguments: string } }[];
  const tools = [...TOOLS, { ...TOOLS[0], description: "another" }];
  const messages = [USER, first.message, { role: "tool", tool_call_id: call!.id, content: "cut short" }];
  const second = await h.chat({ messages, tools }, "a");
  const prompt = h.loaded.tokenizer.decode(Uint32Array.from(second.promptIds));
  assert.ok(prompt.includes(`{"name": "look", "arguments": ${call!.function.arguments}<|im_end|>`), prompt);

  const sound = { id: "b", type: "function", function: { name: "look", arguments: '{"at": "home"}' } };
  const mixed = [USER, { role: "assistant", content: null, tool_calls: [sound, BROKEN] }, USER];
  const third = await h.chat({ messages: mixed, tools: TOOLS }, "b");
  const text = h.loaded.tokenizer.decode(Uint32Array.from(third.promptIds));
  assert.ok(text.includes(`${AS_TEXT}<tool_call>\n<function=look>\n<parameter=at>\nhome\n`), text);
});

Deno.test("chat: what the template refuses as text, too, is refused in the template's words", async () => {
  await using h = await harness(
    "{% for m in messages if m.role == 'tool' %}{{ raise_exception('no call') }}{% endfor %}",
  );
  const messages = [
    USER,
    { role: "assistant", content: null, tool_calls: [BROKEN] },
    { role: "tool", tool_call_id: "a", content: "x" },
  ];
  const reply = await h.post("/v1/chat/completions", { messages, tools: TOOLS });
  assert.equal(reply.status, 400);
  assert.match((await reply.json()).error.message, /mapping|no call/);
});

Deno.test("chat: a reply whose only call is broken shows it and says stop, streamed or not; a whole call beside it is tool_calls", async () => {
  const broken = '<tool_call>\n{"name": "look", "arguments": {at}}\n</tool_call>';
  const whole = '<tool_call>\n{"name": "look", "arguments": {"at": 1}}\n</tool_call>';
  for (
    const [said, reason, calls] of [[broken, "stop", 1], [`${broken}\n${whole}`, "tool_calls", 2]] as const
  ) {
    await using h = await createChatHarness({
      config: { toolCallParser: "hermes", reasoningParser: "none" },
      engine: { script: () => said },
    });
    for (const ask of [h.chat, h.chatStream]) {
      const { message, finishReason } = await ask({ messages: [USER], tools: TOOLS });
      const made = message.tool_calls as { function: { arguments: string } }[];
      assert.deepEqual([finishReason, made.length, message.content], [reason, calls, null]);
      assert.equal(made[0]!.function.arguments, "{at}}\n");
    }
  }
});
