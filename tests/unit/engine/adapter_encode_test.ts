import assert from "node:assert/strict";
import type { SamplingSettings, TokenRequest } from "../../../src/engine/adapter.ts";
import { createEngineAdapter, ENGINE_NAMES, type EngineOptions } from "../../../src/engine/create.ts";
import { BadRequestError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/types.ts";

const REQUEST: TokenRequest = {
  inputIds: Uint32Array.of(5, 4_294_967_295, 0),
  sampling: {},
  stream: false,
  rid: "r",
  extra: {},
};

function encode(name: string, request: Partial<TokenRequest> = {}, options: EngineOptions = {}) {
  const { path, body } = createEngineAdapter(name, options).encode({ ...REQUEST, ...request });
  return { path, body: JSON.parse(new TextDecoder().decode(body)) as JsonObject };
}

const EVERYTHING: SamplingSettings = {
  maxTokens: 9,
  minTokens: 2,
  temperature: 0.5,
  topP: 0.9,
  topK: 40,
  minP: 0.1,
  seed: 7,
  n: 1,
  stop: ["a", "b"],
  stopTokenIds: [1, 2],
  ignoreEos: true,
  frequencyPenalty: 0.1,
  presencePenalty: 0.2,
  repetitionPenalty: 1.1,
  logitBias: { "5": -100 },
  topLogprobs: 3,
  responseFormat: { type: "json_schema", json_schema: { name: "x", schema: { type: "array" } } },
};
const SHARED = {
  temperature: 0.5,
  top_p: 0.9,
  top_k: 40,
  min_p: 0.1,
  n: 1,
  stop: ["a", "b"],
  stop_token_ids: [1, 2],
  ignore_eos: true,
  frequency_penalty: 0.1,
  presence_penalty: 0.2,
  repetition_penalty: 1.1,
  logit_bias: { "5": -100 },
};

Deno.test("sglang encode() writes every setting in SGLang's terms", () => {
  const { path, body } = encode("sglang", { sampling: EVERYTHING, stream: true });
  assert.equal(path, "/generate");
  assert.deepEqual(body, {
    rid: "r",
    sampling_params: {
      ...SHARED,
      max_new_tokens: 9,
      min_new_tokens: 2,
      sampling_seed: 7,
      skip_special_tokens: false,
      no_stop_trim: true,
      json_schema: '{"type":"array"}',
    },
    stream: true,
    return_logprob: true,
    logprob_start_len: -1,
    top_logprobs_num: 3,
    input_ids: [...REQUEST.inputIds],
  });
});

Deno.test("vllm encode() writes every setting in vLLM's terms", () => {
  const { path, body } = encode("vllm", { sampling: EVERYTHING, stream: true });
  assert.equal(path, "/inference/v1/generate");
  assert.deepEqual(body, {
    request_id: "r",
    sampling_params: {
      ...SHARED,
      max_tokens: 9,
      min_tokens: 2,
      seed: 7,
      logprobs: 4, // the sampled token takes a place of its own
      structured_outputs: { json: { type: "array" } },
    },
    stream: true,
    stream_options: { include_usage: true },
    token_ids: [...REQUEST.inputIds],
  });
});

Deno.test("vllm-completions encode() writes every setting at the top", () => {
  const { path, body } = encode("vllm-completions", { sampling: EVERYTHING });
  assert.equal(path, "/v1/completions");
  assert.deepEqual(body, {
    ...SHARED,
    request_id: "r",
    add_special_tokens: false,
    max_tokens: 9,
    min_tokens: 2,
    seed: 7,
    response_format: EVERYTHING.responseFormat,
    logprobs: 3,
    return_token_ids: true,
    return_tokens_as_token_ids: true,
    stream: false,
    prompt: [...REQUEST.inputIds],
  });
});

Deno.test("encode() without settings asks for ids and logprobs, and no limit but the context", () => {
  assert.deepEqual(encode("sglang").body.sampling_params, {
    max_new_tokens: 1_073_741_824,
    skip_special_tokens: false,
    no_stop_trim: true,
  });
  assert.deepEqual(encode("vllm").body.sampling_params, { max_tokens: 1_073_741_824, logprobs: 0 });
  const completion = encode("vllm-completions", {}, { contextTokens: 100 }).body;
  assert.deepEqual([completion.max_tokens, completion.logprobs], [97, 0]);
  assert.throws(() => encode("vllm-completions"), BadRequestError);
});

Deno.test("vllm encode() sends several samples to /v1/completions, which takes them", () => {
  const { path, body } = encode("vllm", { sampling: { n: 2, maxTokens: 5 } });
  assert.deepEqual([path, body.n], ["/v1/completions", 2]);
});

Deno.test("vllm encode() asks for at most 20 logprobs a place, the engine's own bound", () => {
  const asked = (topLogprobs: number) =>
    (encode("vllm", { sampling: { topLogprobs } }).body.sampling_params as JsonObject).logprobs;
  assert.deepEqual([0, 1, 19, 20].map(asked), [0, 2, 20, 20]);
});

const FORMATS: readonly [format: JsonObject, sglang: object, vllm: object][] = [
  [{ type: "text" }, {}, {}],
  [{ type: "json_object" }, { json_schema: '{"type":"object"}' }, {
    structured_outputs: { json_object: true },
  }],
  [
    { type: "structural_tag", triggers: ["<f"] },
    { structural_tag: '{"type":"structural_tag","triggers":["<f"]}' },
    { structured_outputs: { structural_tag: '{"type":"structural_tag","triggers":["<f"]}' } },
  ],
];
for (const [responseFormat, sglang, vllm] of FORMATS) {
  Deno.test(`encode() passes response_format ${responseFormat.type} on`, () => {
    for (const [name, expected] of [["sglang", sglang], ["vllm", vllm]] as const) {
      const params = encode(name, { sampling: { responseFormat } }).body.sampling_params as JsonObject;
      const { json_schema, structural_tag, structured_outputs } = params;
      const told = Object.entries({ json_schema, structural_tag, structured_outputs })
        .filter(([, value]) => value !== undefined);
      assert.deepEqual(Object.fromEntries(told), expected);
    }
  });
}

const EXTRA = { user: "u", cache_salt: "s", rid: "mine", stream: true, request_id: "mine" };

Deno.test("encode() passes unknown fields on, and its own go before them", () => {
  const sglang = encode("sglang", { extra: { ...EXTRA, regex: "a+", sampling_params: { stop_regex: "b" } } });
  assert.deepEqual([sglang.body.user, sglang.body.rid, sglang.body.stream], ["u", "r", false]);
  const params = sglang.body.sampling_params as JsonObject;
  assert.deepEqual([params.regex, params.stop_regex], ["a+", "b"]);

  const vllm = encode("vllm", { extra: { ...EXTRA, bad_words: ["x"], model: "lora" } }).body;
  assert.deepEqual([vllm.cache_salt, vllm.request_id, vllm.stream, vllm.model], ["s", "r", false, "lora"]);
  assert.deepEqual((vllm.sampling_params as JsonObject).bad_words, ["x"]);

  const completion = encode("vllm-completions", {
    sampling: { maxTokens: 1 },
    extra: { ...EXTRA, skip_special_tokens: false, sampling_params: { bad_words: ["x"] } },
  }).body;
  assert.deepEqual([completion.user, completion.skip_special_tokens], ["u", false]);
  assert.deepEqual([completion.bad_words, completion.sampling_params], [["x"], undefined]);
});

Deno.test("createEngineAdapter() knows its names and lists them to those who ask for another", () => {
  for (const name of ENGINE_NAMES) assert.equal(createEngineAdapter(name).name, name);
  for (const name of ["tgi", "toString", ""]) {
    assert.throws(() => createEngineAdapter(name), (error) => {
      return error instanceof RangeError && ENGINE_NAMES.every((known) => error.message.includes(known)) &&
        error.message.includes(`"${name}"`);
    });
  }
});

Deno.test("encode() leaves the request as it was", () => {
  const extra = Object.freeze({ sampling_params: Object.freeze({ custom_params: 1 }) });
  const sampling = Object.freeze({ maxTokens: 3, stop: Object.freeze(["x"]) });
  for (const name of ENGINE_NAMES) encode(name, { extra: extra as unknown as JsonObject, sampling });
});
