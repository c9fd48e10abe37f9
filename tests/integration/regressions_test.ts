import assert from "node:assert/strict";
import { chatPrompt, createHarness } from "../support/router_harness.ts";

const NUMBERS =
  '{"type":"function","function":{"name":"f","parameters":{"default":1.0,"big":12345678901234567890}}}';

Deno.test("/generate refuses text and rid that are no text, and records nothing", async () => {
  await using h = await createHarness();
  for (
    const body of ['{"text":"half \\ud83d"}', '{"text":["a","\\udc4b"]}', '{"text":"a","rid":"\\ud83d"}']
  ) {
    const response = await h.request("/generate", { method: "POST", body });
    assert.equal(response.status, 400, body);
    assert.match((await response.json()).error, /unpaired surrogate/);
  }
  assert.equal(h.generateBodies().length, 0);
  assert.equal(h.router.cache?.stats().entries, 0);
});

Deno.test("/retrieve_from_messages_template renders numbers as chat does: literals stay", async () => {
  await using h = await createHarness();
  const body = `{"messages":[{"role":"user","content":"hello"}],"tools":[${NUMBERS}],"max_tokens":4}`;
  const rendered = await h.request("/retrieve_from_messages_template", { method: "POST", body });
  const { response } = await rendered.json();
  assert.match(response, /"default": 1\.0, "big": 12345678901234567890/);
  await (await h.request("/v1/chat/completions", { method: "POST", body })).json();
  const ids = h.generateBodies()[0]?.input_ids as number[];
  assert.ok(h.loaded.tokenizer.decode(ids).startsWith(response));
});

Deno.test("chat refuses a number that JSON cannot hold instead of sending null", async () => {
  await using h = await createHarness();
  const body = '{"messages":[{"role":"user","content":"hello"}],"temperature":1e999}';
  const response = await h.request("/v1/chat/completions", { method: "POST", body });
  assert.equal(response.status, 400);
  assert.match((await response.json()).error.message, /temperature must be a number.*Infinity/);
  assert.equal(h.generateBodies().length, 0);
});

Deno.test("the router's own API key stays with the router; another key of the client reaches the worker", async () => {
  const seen = async (config: { apiKey?: string }) => {
    await using h = await createHarness({ config });
    const headers = { authorization: "Bearer secret" };
    await (await h.post("/generate", { text: chatPrompt("hello"), sampling_params: { max_new_tokens: 2 } }, {
      headers,
    })).json();
    const [request] = h.engines[0]!.state.requests;
    return request?.headers.find(([name]) => name === "authorization")?.[1];
  };
  assert.equal(await seen({ apiKey: "secret" }), undefined);
  assert.equal(await seen({}), "Bearer secret");
});
