import assert from "node:assert/strict";
import { REASONING_FORMATS, TOOL_FORMATS } from "../../src/parse/create.ts";
import { SETTINGS } from "../../src/config.ts";
import { loadTokenizerFromData } from "../../src/tokenizer/load.ts";
import type { JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";
import { TINY_CHAT_TEMPLATE, tinyTokenizerConfig, tinyTokenizerJson } from "../support/tiny_tokenizer.ts";

const HELLO = { messages: [{ role: "user", content: "hello" }], max_tokens: 12, ignore_eos: true };

for (const engine of ["vllm", "vllm-completions"] as const) {
  Deno.test(`--engine ${engine}: what is POSTed and sampled is what is recorded, streamed or not`, async () => {
    const bodies: JsonObject[] = [];
    await using h = await createChatHarness({
      engine: { protocol: "vllm", splitProbability: 0.5 },
      config: { engine },
      wrapFetch: (fetch) => async (input, init) => {
        if (init?.body instanceof Uint8Array) bodies.push(JSON.parse(new TextDecoder().decode(init.body)));
        return await fetch(input, init);
      },
    });
    const messages: JsonObject[] = [...HELLO.messages];
    for (let turn = 0; turn < 4; turn++) {
      const reply = await (turn % 2 ? h.chatStream : h.chat)({ ...HELLO, messages }, "a");
      assert.equal(reply.tokenIds.length, 12);
      messages.push(reply.message, { role: "user", content: `and ${turn}?` });
    }
    const native = await h.samples("a");
    assert.deepEqual([native.rows.length, native.captured, native.exported], [1, 48, 48]);
    const [row] = native.rows;
    row!.chain.forEach(({ posted }, turn) => {
      const sent = bodies[turn]!.token_ids ?? bodies[turn]!.prompt;
      assert.deepEqual(row!.tokens.slice(0, posted), sent);
    });
    assert.ok(row!.logprobs.every((logprob, index) => (logprob === null) === (row!.loss_mask[index] === 0)));
    // The engine tells no version, and nobody invents one.
    assert.deepEqual([row!.complete, row!.versions.every((version) => version === null)], [false, true]);
  });
}

Deno.test("chat: reasoning that the prompt opens is reasoning_content, whole or streamed, and its tokens go on", async () => {
  const template = TINY_CHAT_TEMPLATE.replace(
    "assistant\\n' }}\n{%- endif %}",
    "assistant\\n<think>\\n' }}\n{%- endif %}",
  );
  const config = { ...tinyTokenizerConfig(), chat_template: template };
  const tokenizer = await loadTokenizerFromData(
    { source: "thinking", tokenizer: tinyTokenizerJson(), config },
    { worker: false },
  );
  const script = () => "The user says hello.</think>hello world";
  for (const stream of [false, true]) {
    Object.assign(tokenizer.tokenizer, { close() {} });
    await using h = await createChatHarness({ engine: { script, splitProbability: 0 }, deps: { tokenizer } });
    const { message, finishReason } = await (stream ? h.chatStream : h.chat)(
      { messages: HELLO.messages },
      "a",
    );
    assert.deepEqual(message, {
      role: "assistant",
      content: "hello world",
      reasoning_content: "The user says hello.",
    });
    assert.equal(finishReason, "stop");
  }
});

Deno.test("chat: a character that tokens cut is streamed whole", async () => {
  await using h = await createChatHarness({
    engine: { script: () => "你好 🚀🚀 json", splitProbability: 1 },
  });
  const body = { messages: HELLO.messages, stream: true };
  const text = await (await h.post("/v1/chat/completions", body)).text();
  assert.ok(!text.includes("\ufffd"));
  const { message } = await h.chatStream({ messages: HELLO.messages });
  assert.equal(message.content, "你好 🚀🚀 json");
});

Deno.test("chat: a stop string is hidden when the engine does not say what stopped it", async () => {
  await using h = await createChatHarness({
    engine: {
      protocol: "vllm",
      script: ({ ordinal }) => ordinal % 2 === 0 ? "one STOP two" : "one two",
      splitProbability: 0.5,
    },
    config: { engine: "vllm" },
    wrapFetch: (fetch) => async (input, init) => {
      const response = await fetch(input, init);
      const text = await response.text();
      return new Response(text.replaceAll(/,"stop_reason":(null|"[^"]*")/g, ""), response);
    },
  });
  const body = { messages: HELLO.messages, stop: ["STOP"] };
  for (const text of ["one ", "one two"]) assert.equal((await h.chat(body)).message.content, text);
  for (const text of ["one ", "one two"]) assert.equal((await h.chatStream(body)).message.content, text);
});

Deno.test("settings: parsers are those that there are", () => {
  for (
    const [key, names] of [["toolCallParser", TOOL_FORMATS], ["reasoningParser", REASONING_FORMATS]] as const
  ) {
    const setting = SETTINGS.find((each) => each.key === key)!;
    assert.ok(setting.help.endsWith(["auto", ...names].join(", ")), setting.help);
  }
});
