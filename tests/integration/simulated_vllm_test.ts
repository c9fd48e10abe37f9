import assert from "node:assert/strict";
import { type SimulatedEngine, type SimulatedEngineOptions } from "../../src/engine/simulated/mod.ts";
import {
  chatTemplate as loadedTemplate,
  engineWith,
  framesOf,
  idOf,
  post,
  tokenizer,
} from "../unit/engine/simulated_support.ts";

const chatTemplate = loadedTemplate!;
const stopId = idOf("<|im_end|>");
const prompt = [...tokenizer.encode("Hello")];
const script = () => "hello world";
const sampled = [...tokenizer.encode("hello world"), stopId];

function vllmWith(options: Partial<SimulatedEngineOptions> = {}): SimulatedEngine {
  return engineWith({ protocol: "vllm", script, ...options });
}

async function ask(engine: SimulatedEngine, path: string, body: object, status = 200) {
  const response = await post(engine, path, body);
  const reply = await response.json();
  assert.equal(response.status, status, JSON.stringify(reply));
  return reply;
}

// deno-lint-ignore no-explicit-any
async function askStream(engine: SimulatedEngine, path: string, body: object): Promise<any[]> {
  const frames = framesOf(await (await post(engine, path, { ...body, stream: true })).text());
  assert.equal(frames.pop(), "[DONE]");
  return frames;
}

const get = (engine: SimulatedEngine, path: string) => engine.fetch(new Request(`http://engine${path}`));

Deno.test("/inference/v1/generate answers in vLLM's form", async () => {
  const body = { request_id: "r1", token_ids: prompt, sampling_params: { max_tokens: 40, logprobs: 1 } };
  const reply = await ask(vllmWith(), "/inference/v1/generate", body);
  const [choice] = reply.choices;
  assert.equal(reply.request_id, "r1");
  assert.deepEqual(choice.token_ids, sampled);
  assert.deepEqual([choice.index, choice.finish_reason, choice.stop_reason], [0, "stop", null]);
  assert.deepEqual(
    choice.logprobs.content.map(({ token }: { token: string }) => token),
    sampled.map((id) => `token_id:${id}`),
  );
  const total = prompt.length + sampled.length;
  assert.deepEqual(reply.usage, {
    prompt_tokens: prompt.length,
    total_tokens: total,
    completion_tokens: sampled.length,
    prompt_tokens_details: { cached_tokens: 0 },
  });
  assert.ok(!JSON.stringify(reply).includes("weight_version"));
});

Deno.test("/inference/v1/generate streams deltas, and usage when asked for", async () => {
  const body = {
    token_ids: prompt,
    sampling_params: { max_tokens: 40 },
    stream_options: { include_usage: true },
  };
  const frames = await askStream(vllmWith(), "/inference/v1/generate", body);
  const usage = frames.pop();
  assert.deepEqual([usage.choices, usage.usage.completion_tokens], [[], sampled.length]);
  assert.deepEqual(frames.flatMap(({ choices }) => choices[0].token_ids), sampled);
  assert.deepEqual(frames.map(({ choices }) => choices[0].token_ids.length), sampled.map(() => 1));
  assert.equal(frames.at(-1).choices[0].finish_reason, "stop");
  assert.equal(frames[0].choices[0].logprobs, null);
});

Deno.test("/inference/v1/generate streams no chunk without a token, so an abort may end it untold", async () => {
  const faults = { abortRunning: { next: 1, afterTokens: 2 } };
  const body = { token_ids: prompt, sampling_params: { max_tokens: 40 } };
  const frames = await askStream(vllmWith({ faults }), "/inference/v1/generate", body);
  assert.deepEqual(frames.map(({ choices }) => choices[0].finish_reason), [null, null]);
});

Deno.test("/v1/completions takes ids and text, and tells ids where asked to", async () => {
  const asked = { max_tokens: 40, logprobs: 0, return_token_ids: true, return_tokens_as_token_ids: true };
  for (const given of [prompt, "Hello"]) {
    const reply = await ask(vllmWith(), "/v1/completions", { ...asked, prompt: given });
    const [choice] = reply.choices;
    assert.deepEqual([choice.text, choice.token_ids, choice.prompt_token_ids], [
      "hello world",
      sampled,
      prompt,
    ]);
    assert.deepEqual(choice.logprobs.tokens, sampled.map((id) => `token_id:${id}`));
    assert.equal(choice.logprobs.token_logprobs.length, sampled.length);
    assert.deepEqual([reply.object, reply.model], ["text_completion", "simulated"]);
  }
  const bare = await ask(vllmWith(), "/v1/completions", { prompt, max_tokens: 40 });
  assert.deepEqual(
    [bare.choices[0].token_ids, bare.choices[0].prompt_token_ids, bare.choices[0].logprobs],
    [null, null, null],
  );
});

Deno.test("/v1/completions streams the prompt's ids once and the samples by index", async () => {
  const body = { prompt, max_tokens: 40, n: 2, return_token_ids: true };
  const frames = await askStream(vllmWith(), "/v1/completions", body);
  for (const index of [0, 1]) {
    const own = frames.map(({ choices }) => choices[0]).filter((choice) => choice.index === index);
    assert.deepEqual(own.flatMap(({ token_ids }) => token_ids), sampled);
    assert.equal(own.map(({ text }) => text).join(""), "hello world");
    const told = own.map(({ prompt_token_ids }) => prompt_token_ids);
    assert.deepEqual(told.filter((ids) => ids !== null), [prompt]);
  }
});

Deno.test("/v1/completions without a limit gives 16 tokens", async () => {
  const reply = await ask(vllmWith({ script: () => "hello world ".repeat(9) }), "/v1/completions", {
    prompt,
  });
  assert.deepEqual([reply.usage.completion_tokens, reply.choices[0].finish_reason], [16, "length"]);
});

const REFUSED: readonly [path: string, body: object, status: number, said: RegExp][] = [
  ["/inference/v1/generate", { token_ids: [], sampling_params: {} }, 400, /token_ids/],
  ["/inference/v1/generate", { token_ids: prompt }, 400, /sampling_params/],
  ["/inference/v1/generate", { token_ids: prompt, sampling_params: { n: 2 } }, 400, /n must be 1/],
  ["/inference/v1/generate", { token_ids: prompt, sampling_params: { logprobs: 21 } }, 400, /at most 20/],
  ["/inference/v1/generate", { token_ids: [99_999_999], sampling_params: {} }, 400, /names no token/],
  ["/v1/completions", { prompt: 5 }, 400, /prompt/],
  ["/v1/completions", { prompt, max_tokens: null }, 500, /Internal/],
  ["/v1/completions", { prompt, max_tokens: 131_072 }, 400, /context/],
  ["/v1/completions", { prompt, echo: true }, 400, /echo/],
  ["/v1/chat/completions", { messages: [] }, 400, /messages/],
  ["/tokenize", {}, 400, /prompt/],
  ["/detokenize", { tokens: ["x"] }, 400, /tokens/],
  ["/pause?mode=wait", {}, 400, /abort or keep/],
  ["/generate", { text: "hi" }, 404, /Not found/],
];
for (const [path, body, status, said] of REFUSED) {
  Deno.test(`${path} refuses ${JSON.stringify(body).slice(0, 60)} in vLLM's shape`, async () => {
    const { error } = await ask(vllmWith(), path, body, status);
    assert.match(error.message, said);
    assert.deepEqual([typeof error.type, error.param, error.code], ["string", null, status]);
  });
}

Deno.test("/v1/chat/completions tells ids at the top and in the choices", async () => {
  const engine = vllmWith({ chatTemplate });
  const body = { messages: [{ role: "user", content: "Hi" }], return_token_ids: true, logprobs: true };
  const rendered = [...tokenizer.encode(chatTemplate.render({ ...body, add_generation_prompt: true }))];
  const reply = await ask(engine, "/v1/chat/completions", body);
  assert.deepEqual(reply.prompt_token_ids, rendered);
  const [choice] = reply.choices;
  assert.deepEqual([choice.message.content, choice.token_ids], ["hello world", sampled]);
  assert.equal(choice.logprobs.content.length, sampled.length);

  const frames = await askStream(engine, "/v1/chat/completions", {
    ...body,
    stream_options: { include_usage: true },
  });
  assert.deepEqual(frames[0].prompt_token_ids, rendered);
  assert.deepEqual(frames.flatMap(({ choices }) => choices[0]?.token_ids ?? []), sampled);
  assert.equal(frames.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), "hello world");
  assert.equal(frames.at(-1).usage.completion_tokens, sampled.length);

  const bare = await ask(engine, "/v1/chat/completions", { messages: body.messages });
  assert.deepEqual([bare.prompt_token_ids, bare.choices[0].token_ids], [null, null]);
});

Deno.test("/tokenize and /detokenize go there and back", async () => {
  const engine = vllmWith({ chatTemplate });
  const { tokens, count, max_model_len, token_strs } = await ask(engine, "/tokenize", {
    prompt: "hello world",
    return_token_strs: true,
  });
  assert.deepEqual(tokens, [...tokenizer.encode("hello world")]);
  assert.deepEqual([count, max_model_len, token_strs.join("")], [tokens.length, 131_072, "hello world"]);
  assert.deepEqual(await ask(engine, "/detokenize", { tokens }), { prompt: "hello world" });
  const messages = [{ role: "user", content: "Hi" }];
  const open = await ask(engine, "/tokenize", { messages });
  assert.deepEqual(
    open.tokens,
    [...tokenizer.encode(chatTemplate.render({ messages, add_generation_prompt: true }))],
  );
  const closed = await ask(engine, "/tokenize", { messages, add_generation_prompt: false });
  assert.ok(closed.count < open.count);
});

Deno.test("/pause aborts what runs, and what comes in a pause runs after /resume", async () => {
  const engine = vllmWith();
  assert.deepEqual(await (await get(engine, "/is_paused")).json(), { is_paused: false });
  assert.deepEqual(await ask(engine, "/pause?mode=keep", {}), { status: "paused" });
  assert.deepEqual(await (await get(engine, "/is_paused")).json(), { is_paused: true });
  const body = { token_ids: prompt, sampling_params: { max_tokens: 40 } };
  const held = ask(engine, "/inference/v1/generate", body);
  await ask(engine, "/inference/v1/generate", { ...body, token_ids: [] }, 400);
  assert.deepEqual(await ask(engine, "/resume", {}), { status: "resumed" });
  assert.deepEqual((await held).choices[0].token_ids, sampled);

  await ask(engine, "/pause?mode=keep", {});
  const aborted = ask(engine, "/inference/v1/generate", body);
  while (engine.state.running === 0) await Promise.resolve();
  await ask(engine, "/pause", {});
  const [choice] = (await aborted).choices;
  assert.deepEqual([choice.finish_reason, choice.token_ids], ["abort", []]);
});

Deno.test("the vLLM face answers /health, /ping and /v1/models, and /reset_prefix_cache empties the cache", async () => {
  const engine = vllmWith({ modelPath: "m" });
  for (const path of ["/health", "/ping"]) assert.equal((await get(engine, path)).status, 200);
  assert.equal((await (await get(engine, "/v1/models")).json()).data[0].id, "m");
  await ask(engine, "/v1/completions", { prompt });
  assert.ok(engine.state.kvCacheTokens > 0);
  assert.equal((await post(engine, "/reset_prefix_cache", {})).status, 200);
  assert.equal(engine.state.kvCacheTokens, 0);
  engine.availability = "unhealthy";
  assert.equal((await get(engine, "/health")).status, 503);
});

Deno.test("the vLLM face samples what the SGLang face samples", async () => {
  const options = { seed: 3, splitProbability: 0.4, script: undefined as never };
  const vllm = engineWith({ ...options, protocol: "vllm" });
  const reply = await ask(vllm, "/inference/v1/generate", {
    token_ids: prompt,
    sampling_params: { max_tokens: 50, temperature: 0 },
  });
  const sglang = await ask(engineWith(options), "/generate", {
    input_ids: prompt,
    sampling_params: { max_new_tokens: 50, temperature: 0 },
  });
  assert.deepEqual(reply.choices[0].token_ids, sglang.output_ids);
});
