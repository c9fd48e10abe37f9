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
