/** `--tito strict`: what a chat template does not keep is refused, at the start or with the request. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";
import { loadTinyWithTemplate, TINY_CHAT_TEMPLATE } from "../support/tiny_tokenizer.ts";
import { DROPPING_TEMPLATE } from "../unit/trajectory/support/templates.ts";

/** No conversation keeps its beginning. */
const COUNTING = `{{- messages | length }}` + TINY_CHAT_TEMPLATE;
/** Calls are not printed: the model reads answers to nothing. */
const CALLLESS = TINY_CHAT_TEMPLATE.replace("{%- if message.tool_calls %}", "{%- if false %}");
/** Takes no tool messages, and says so. */
const REFUSING = TINY_CHAT_TEMPLATE.replace(", 'tool'", "");

const USER: JsonObject = { role: "user", content: "hello" };
const TOOLS: JsonObject[] = [{
  type: "function",
  function: { name: "look", parameters: { type: "object" } },
}];
const CALL: JsonObject = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c", type: "function", function: { name: "look", arguments: "{}" } }],
};
const RESULT: JsonObject = { role: "tool", tool_call_id: "c", content: "seen" };

async function open(template: string, tito: "strict" | "report", script?: () => string) {
  const tokenizer = await loadTinyWithTemplate(template);
  return await createChatHarness({ config: { tito }, deps: { tokenizer }, engine: script ? { script } : {} });
}

Deno.test("--tito strict: a template that changes conversations is refused at the start, with the smallest one", async () => {
  await assert.rejects(open(COUNTING, "strict"), {
    name: "ConfigError",
    message:
      "Cannot certify the chat template (--tito strict): prompt changes in the conversation user, assistant, user: " +
      '"1<|im_start|>user\\nWhat is it?<|im_end|>\\n<|im_start|>assistant\\n" became ' +
      '"3<|im_start|>user\\nWhat is it?<|im_end|>\\n<|im_start|>assistant\\nAn answer.<|im_end"',
  });
  await using h = await open(COUNTING, "report");
  assert.ok((await h.chat({ messages: [USER], max_tokens: 3 })).tokenIds.length > 0);
});

Deno.test("--tito strict: a template that leaves earlier reasoning out is served; such a turn begins a row of its own", async () => {
  let turn = 0;
  await using h = await open(DROPPING_TEMPLATE, "strict", () => `<think>\nwhy ${turn++}\n</think>\n\nhello`);
  const first = await h.chat({ messages: [USER] }, "a");
  assert.equal(first.message.reasoning_content, "\nwhy 0\n");
  const second = await h.chat({ messages: [USER, first.message, USER] }, "a");
  assert.equal((second.body.slime as JsonObject).cause, "template");
  const { rows, exported, captured } = await h.samples("a");
  assert.deepEqual([rows.length, exported], [2, captured]);
  const texts = rows.map(({ tokens }) => h.loaded.tokenizer.decode(tokens));
  assert.ok(
    texts[1]!.includes("hello<|im_end|>\n<|im_start|>user") && !texts[1]!.includes("why 0"),
    texts.join("\n"),
  );
});

Deno.test("--tito strict: where calls are not kept, conversations with tools are refused, and others served", async () => {
  await using h = await open(CALLLESS, "strict");
  const bodies: [body: JsonObject, param: string][] = [
    [{ messages: [USER], tools: TOOLS }, "tools"],
    [{ messages: [USER, CALL, RESULT] }, "messages[1]"],
    [{ messages: [USER, RESULT] }, "messages[1]"],
  ];
  for (const [body, param] of bodies) {
    const reply = await h.post("/sessions/a/v1/chat/completions", body);
    const { error } = await reply.json();
    assert.deepEqual([reply.status, error.param], [400, param]);
    assert.match(
      error.message,
      /template does not keep conversations with tools \(--tito strict\): words left out in the conversation user, assistant \(call\), tool: /,
    );
  }
  assert.equal(h.wire.length, 0);
  assert.equal((await h.request("/sessions/a")).status, 404);
  const plain = await h.chat(
    { messages: [USER, { role: "assistant", content: "x", tool_calls: [] }, USER] },
    "a",
  );
  assert.ok(plain.tokenIds.length > 0);

  await using lax = await open(CALLLESS, "report");
  assert.ok((await lax.chat({ messages: [USER, CALL, RESULT], tools: TOOLS })).tokenIds.length > 0);
});

Deno.test("--tito strict: a template that refuses tools itself is served, and refuses in its own words", async () => {
  await using h = await open(REFUSING, "strict");
  assert.ok((await h.chat({ messages: [USER] })).tokenIds.length > 0);
  const reply = await h.post("/v1/chat/completions", { messages: [USER, CALL, RESULT] });
  const { error } = await reply.json();
  assert.equal(reply.status, 400);
  assert.match(error.message, /Unknown role: tool/);
});
