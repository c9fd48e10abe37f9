import assert from "node:assert/strict";
import OpenAI from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { serveSimulated } from "../support/openai_pair.ts";

const TOOLS: ChatCompletionTool[] = [{
  type: "function",
  function: {
    name: "look_up",
    parameters: { type: "object", properties: { word: { type: "string" } }, required: ["word"] },
  },
}];
const CALL = '<tool_call>{"name": "look_up", "arguments": {"word": "HAVING"}}</tool_call>';
const HELLO: ChatCompletionMessageParam[] = [{ role: "user", content: "hello" }];
const model = "any";

Deno.test("openai client: a plain chat, its usage, and the models", async () => {
  await using pair = await serveSimulated(["hello world"]);
  const client = new OpenAI({ baseURL: `${pair.url}/v1`, apiKey: "none", maxRetries: 0 });
  const reply = await client.chat.completions.create({ model, messages: HELLO, max_completion_tokens: 50 });
  assert.deepEqual(
    [reply.object, reply.model, reply.choices[0]!.message.content, reply.choices[0]!.finish_reason],
    ["chat.completion", model, "hello world", "stop"],
  );
  assert.equal(reply.usage!.total_tokens, reply.usage!.prompt_tokens + reply.usage!.completion_tokens);
  const { data } = await client.models.list();
  assert.equal(data.length, 1);
});

Deno.test("openai client: a stream gives the same text, then its usage", async () => {
  await using pair = await serveSimulated(["hello 你好 world"]);
  const client = new OpenAI({ baseURL: `${pair.url}/v1`, apiKey: "none", maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model,
    messages: HELLO,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let chunks = 0;
  let usage: OpenAI.CompletionUsage | null | undefined = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
    chunks++;
  }
  assert.equal(text, "hello 你好 world");
  assert.ok(chunks > 4, "as sampled, not at once");
  assert.ok(usage!.completion_tokens > 0);
});

Deno.test("openai client: the tool loop runs to its end in one row, plain and streamed", async () => {
  await using pair = await serveSimulated([CALL, `Once more. ${CALL}`, "It is there."]);
  for (const kind of ["plain", "streamed"]) {
    pair.restart();
    const client = new OpenAI({ baseURL: `${pair.url}/sessions/${kind}/v1`, apiKey: "none", maxRetries: 0 });
    const body = { model, messages: HELLO, tools: TOOLS.map(runnable) };
    const runner = kind === "plain"
      ? client.chat.completions.runTools(body)
      : client.chat.completions.runTools({ ...body, stream: true });
    assert.equal(await runner.finalContent(), "It is there.");
    const samples = await fetch(`${pair.url}/sessions/${kind}/samples`, { method: "POST", body: "{}" });
    const { rows, captured, exported } = await samples.json();
    assert.deepEqual([rows.length, rows[0].chain.length, captured], [1, 3, exported]);
  }
});

Deno.test("openai client: forced calls, whole and streamed, of one function and of any", async () => {
  await using pair = await serveSimulated();
  const client = new OpenAI({ baseURL: `${pair.url}/v1`, apiKey: "none", maxRetries: 0 });
  const named = { type: "function" as const, function: { name: "look_up" } };
  for (const [choice, reason] of [["required", "tool_calls"], [named, "stop"]] as const) {
    const body = { model, messages: HELLO, tools: TOOLS, tool_choice: choice, parallel_tool_calls: false };
    const whole = await client.chat.completions.create(body);
    const stream = client.chat.completions.stream(body);
    for (
      const { message, finish_reason } of [
        whole.choices[0]!,
        (await stream.finalChatCompletion()).choices[0]!,
      ]
    ) {
      const [call] = message.tool_calls ?? [];
      assert.deepEqual([finish_reason, message.tool_calls?.length, call?.type], [reason, 1, "function"]);
      if (call?.type !== "function") throw new Error("no function");
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["look_up", {
        word: "hello",
      }]);
    }
  }
});

Deno.test("openai client: text completions, whole and streamed, with log-probabilities", async () => {
  await using pair = await serveSimulated(["hello world"]);
  const client = new OpenAI({ baseURL: `${pair.url}/v1`, apiKey: "none", maxRetries: 0 });
  const body = { model, prompt: "user", max_tokens: 40, logprobs: 1 };
  const whole = await client.completions.create(body);
  const [choice] = whole.choices;
  assert.deepEqual([whole.object, choice!.text, choice!.finish_reason], [
    "text_completion",
    "hello world",
    "stop",
  ]);
  assert.equal(choice!.logprobs!.tokens!.length, whole.usage!.completion_tokens);
  const chunks = await Array.fromAsync(
    await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }),
  );
  assert.equal(chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join(""), "hello world");
  assert.equal(chunks.at(-1)!.usage!.prompt_tokens, whole.usage!.prompt_tokens);
  const many = await client.completions.create({ ...body, prompt: ["user", "system"], n: 2 });
  assert.deepEqual(many.choices.map(({ index }) => index), [0, 1, 2, 3]);
});

Deno.test("openai client: models are listed and found, below a session too", async () => {
  await using pair = await serveSimulated(["hello"]);
  for (const base of ["/v1", "/sessions/a/v1"]) {
    const client = new OpenAI({ baseURL: pair.url + base, apiKey: "none", maxRetries: 0 });
    const [first] = (await client.models.list()).data;
    assert.deepEqual(await client.models.retrieve(first!.id), first);
    await assert.rejects(client.models.retrieve("a/b"), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      return error.code === "model_not_found";
    });
  }
});

Deno.test("openai client: what is wrong comes as its own errors", async () => {
  await using pair = await serveSimulated(["hello"]);
  const client = new OpenAI({ baseURL: `${pair.url}/v1`, apiKey: "none", maxRetries: 0 });
  const wrong = client.chat.completions.create({ model, messages: HELLO, temperature: -1 });
  await assert.rejects(wrong, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.deepEqual([error.status, error.param, error.type], [400, "temperature", "invalid_request_error"]);
    return true;
  });
});

function runnable(tool: ChatCompletionTool) {
  const { name, parameters } =
    (tool as { function: { name: string; parameters: Record<string, unknown> } }).function;
  return {
    type: "function" as const,
    function: {
      name,
      parameters,
      description: "Looks a word up",
      parse: JSON.parse as (text: string) => { word: string },
      function: ({ word }: { word: string }) => `${word}: found`,
    },
  };
}
