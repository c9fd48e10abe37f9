import assert from "node:assert/strict";
import type { JsonValue } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";

const USER = { role: "user", content: "hello" };

Deno.test("chat: bad input is a 400 in OpenAI's shape that names the field; nothing is asked, nothing opened", async (t) => {
  const cases: [name: string, body: JsonValue, param: string | null][] = [
    ["no object", [], null],
    ["no messages", {}, "messages"],
    ["no message", { messages: [] }, "messages"],
    ["message no object", { messages: [1] }, "messages[0]"],
    ["unknown role", { messages: [{ role: "robot", content: "" }] }, "messages[0].role"],
    ["no content", { messages: [{ role: "user" }] }, "messages[0].content"],
    ["content a number", { messages: [{ role: "user", content: 1 }] }, "messages[0].content"],
    [
      "image",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
      "messages[0].content[0].type",
    ],
    [
      "audio after text",
      {
        messages: [USER, { role: "user", content: [{ type: "text", text: "a" }, { type: "input_audio" }] }],
      },
      "messages[1].content[1].type",
    ],
    ["half a character", { messages: [{ role: "user", content: "\ud800" }] }, "messages[0].content"],
    ["call without function", {
      messages: [USER, { role: "assistant", tool_calls: [{ id: "a" }] }],
    }, "messages[1].tool_calls[0].function"],
    ["arguments nested deep", {
      messages: [USER, {
        role: "assistant",
        tool_calls: [{ id: "a", function: { name: "f", arguments: "[".repeat(1_000_000) } }],
      }],
    }, "messages[1].tool_calls[0].function.arguments"],
    ["tools no list", { messages: [USER], tools: {} }, "tools"],
    ["tool_choice unknown", { messages: [USER], tools: [{}], tool_choice: "any" }, "tool_choice"],
    ["tool_choice without tools", { messages: [USER], tool_choice: "required" }, "tool_choice"],
    ["n 0", { messages: [USER], n: 0 }, "n"],
    ["n a string", { messages: [USER], n: "2" }, "n"],
    ["max_tokens 0", { messages: [USER], max_tokens: 0 }, "max_tokens"],
    ["max_tokens 1.5", { messages: [USER], max_tokens: 1.5 }, "max_tokens"],
    ["temperature", { messages: [USER], temperature: -1 }, "temperature"],
    ["top_p", { messages: [USER], top_p: 2 }, "top_p"],
    ["stop", { messages: [USER], stop: [""] }, "stop"],
    ["stop_token_ids", { messages: [USER], stop_token_ids: [-1] }, "stop_token_ids"],
    ["stream", { messages: [USER], stream: "yes" }, "stream"],
    ["stream_options", { messages: [USER], stream_options: 1 }, "stream_options"],
    ["top_logprobs alone", { messages: [USER], top_logprobs: 2 }, "top_logprobs"],
    ["top_logprobs 21", { messages: [USER], logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    ["chat_template_kwargs", { messages: [USER], chat_template_kwargs: [] }, "chat_template_kwargs"],
    [
      "messages by kwargs",
      { messages: [USER], chat_template_kwargs: { messages: [] } },
      "chat_template_kwargs.messages",
    ],
    ["metadata", { messages: [USER], metadata: 1 }, "metadata"],
    ["session id", { messages: [USER], metadata: { session_id: 7 } }, "metadata.session_id"],
    ["long session id", { messages: [USER], metadata: { session_id: "x".repeat(1_025) } }, "session_id"],
    ["continue_final_message", { messages: [USER], continue_final_message: true }, "continue_final_message"],
    ["prompt by the engine's name", { messages: [USER], text: "x" }, null],
  ];
  await using h = await createChatHarness();
  for (const [name, body, param] of cases) {
    await t.step(name, async () => {
      const reply = await h.post("/v1/chat/completions", body);
      const { error } = await reply.json();
      assert.equal(reply.status, 400, JSON.stringify(error));
      assert.deepEqual([error.type, error.param], ["invalid_request_error", param]);
      assert.match(error.message, /^Cannot /);
    });
  }
  await t.step("not JSON", async () => {
    const reply = await h.request("/v1/chat/completions", { method: "POST", body: "{" });
    assert.deepEqual([reply.status, (await reply.json()).error.type], [400, "invalid_request_error"]);
  });
  assert.equal(h.wire.length, 0);
  const { sessions } = await (await h.request("/sessions")).json();
  assert.deepEqual(sessions, []);
});

Deno.test("chat: a part that is no text is refused in words that say so", async () => {
  await using h = await createChatHarness();
  const content = [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }];
  const { error } = await (await h.post("/v1/chat/completions", { messages: [{ role: "user", content }] }))
    .json();
  assert.match(error.message, /text only: images, audio and files are not served.*"image_url"/);
});

Deno.test("chat: without a worker 503, on a wrong method 405, above the body's bound 413, all in OpenAI's shape", async () => {
  await using h = await createChatHarness({ engines: 0, config: { maxBodyBytes: 200 } });
  const path = "/v1/chat/completions";
  const cases = [
    [await h.post(path, { messages: [USER] }), 503, "no_worker"],
    [await h.post(path, { messages: [{ ...USER, content: "x".repeat(300) }] }), 413, "body_too_large"],
    [await h.request(path), 405, null],
  ] as const;
  for (const [reply, status, code] of cases) {
    const { error } = await reply.json();
    assert.deepEqual([reply.status, error.code], [status, code]);
  }
});

Deno.test("chat: a template's refusal is a 400 with its own words", async () => {
  await using h = await createChatHarness();
  const reply = await h.post("/v1/chat/completions", { messages: [{ role: "developer", content: "x" }] });
  const { error } = await reply.json();
  assert.deepEqual([reply.status, error.code], [400, "chat_template"]);
  assert.match(error.message, /Unknown role: developer/);
});

Deno.test("chat: fields that the router does not know reach the engine; its own do not change the prompt", async () => {
  await using h = await createChatHarness();
  await h.postOk("/v1/chat/completions", {
    messages: [USER],
    max_completion_tokens: 3,
    max_tokens: 9,
    temperature: 0.5,
    seed: 7,
    priority: 4,
    user: "me",
  });
  const [sent] = h.generateBodies();
  assert.deepEqual([sent!.priority, sent!.user, sent!.messages], [4, undefined, undefined]);
  const { max_new_tokens: most, temperature, sampling_seed: seed } = sent!.sampling_params as Record<
    string,
    number
  >;
  assert.deepEqual([most, temperature, seed], [3, 0.5, 7]);
});

Deno.test("chat: number literals of tools and messages stay as the client wrote them", async () => {
  await using h = await createChatHarness();
  const tool =
    '{"type":"function","function":{"name":"f","parameters":{"maximum":1.0,"minimum":12345678901234567890}}}';
  const body =
    `{"messages":[{"role":"user","content":"hi"}],"max_tokens":2.0e0,"temperature":1.0,"tools":[${tool}]}`;
  const reply = await h.request("/v1/chat/completions", { method: "POST", body });
  assert.equal(reply.status, 200, await reply.text());
  const [sent] = h.generateBodies();
  assert.equal((sent!.sampling_params as Record<string, number>).max_new_tokens, 2);
  const prompt = h.loaded.tokenizer.decode(sent!.input_ids as number[]);
  assert.match(prompt, /"maximum": 1\.0, "minimum": 12345678901234567890/);
});
