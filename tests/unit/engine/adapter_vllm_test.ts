import assert from "node:assert/strict";
import { createEngineAdapter } from "../../../src/engine/create.ts";
import { isPauseAbort } from "../../../src/engine/sglang.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";

const encoder = new TextEncoder();
const vllm = createEngineAdapter("vllm");

function decode(choice: JsonObject, more: JsonObject = {}, topLogprobs = 0) {
  const reply = { choices: [{ index: 0, finish_reason: "stop", ...choice }], ...more };
  return vllm.decode(200, encoder.encode(JSON.stringify(reply)), 1, topLogprobs);
}

function output(choice: JsonObject, more: JsonObject = {}, topLogprobs = 0) {
  const reply = decode(choice, more, topLogprobs);
  if (reply.kind === "error") throw new Error(reply.message);
  return reply.outputs[0]!;
}

const content = (...entries: JsonValue[]): JsonObject => ({ content: entries });

/** Forms of logprobs for the ids 5 and 6. */
const FORMS: readonly [name: string, logprobs: JsonValue, expected: number[]][] = [
  ["bare numbers", content({ logprob: -1 }, { logprob: -2 }), [-1, -2]],
  ["tokens as text", content({ token: "a", logprob: -1 }, { token: "token", logprob: -2 }), [-1, -2]],
  ["tokens as ids", content({ token: "token_id:5", logprob: -1 }, { token: "token_id:6", logprob: 0 }), [
    -1,
    0,
  ]],
  ["token_id", content({ token_id: 5, logprob: -1 }, { token_id: 6, logprob: -2 }), [-1, -2]],
  ["the stand-in for none", content({ logprob: -9999 }, { logprob: -2 }), [NaN, -2]],
  ["null", content({ logprob: null }, {}), [NaN, NaN]],
  ["completions'", { tokens: ["token_id:5", "token_id:6"], token_logprobs: [-1, null] }, [-1, NaN]],
  ["completions' without tokens", { token_logprobs: [-1, -2] }, [-1, -2]],
  ["none", null, [NaN, NaN]],
];
for (const [name, logprobs, expected] of FORMS) {
  Deno.test(`vllm decode() reads logprobs: ${name}`, () => {
    const { tokenIds, logprobs: read, inconsistency } = output({ token_ids: [5, 6], logprobs });
    assert.deepEqual([[...tokenIds], [...read], inconsistency], [[5, 6], expected, null]);
  });
}

Deno.test("vllm decode() takes ids from the logprobs of engines that send no token_ids", () => {
  const logprobs = { tokens: ["token_id:5", "token_id:6"], token_logprobs: [-1, -2] };
  assert.deepEqual([...output({ text: "ab", logprobs }).tokenIds], [5, 6]);
  for (
    const choice of [{ text: "ab", logprobs: null }, {
      text: "a",
      logprobs: content({ token: "a", logprob: -1 }),
    }]
  ) {
    const reply = decode(choice);
    assert.ok(reply.kind === "error" && /return_token_ids/.test(reply.message));
  }
});

Deno.test("vllm decode() takes logprobs that name other tokens for a contradiction", () => {
  const logprobs = content({ token_id: 5, logprob: -1 }, { token_id: 7, logprob: -1 });
  assert.match(output({ token_ids: [5, 6], logprobs }).inconsistency!, /differ at token 1/);
});

const ENDS: readonly [choice: JsonObject, expected: JsonObject, isPause: boolean][] = [
  [{ finish_reason: "stop", stop_reason: null }, { type: "stop" }, false],
  [{ finish_reason: "stop", stop_reason: "\n" }, { type: "stop", matched: "\n" }, false],
  [{ finish_reason: "stop", stop_reason: 7 }, { type: "stop", matched: 7 }, false],
  [{ finish_reason: "length" }, { type: "length" }, false],
  [{ finish_reason: "abort", stop_reason: null }, { type: "abort" }, true],
  [{ finish_reason: "repetition" }, { type: "repetition" }, false],
];
for (const [choice, expected, isPause] of ENDS) {
  Deno.test(`vllm decode() reads the end ${JSON.stringify(choice)}`, () => {
    const { finishReason } = output({ token_ids: [5], ...choice });
    assert.deepEqual(finishReason, expected);
    assert.equal(isPauseAbort(finishReason), isPause);
  });
}

Deno.test("vllm decode() takes a failed generation for an abort that is no pause", () => {
  const { finishReason } = output({ token_ids: [5], finish_reason: "error" });
  assert.deepEqual([finishReason?.type, finishReason?.statusCode], ["abort", 500]);
});

Deno.test("vllm decode() reads counts, and holds the prompt's against its ids", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } };
  const { promptTokens, completionTokens, cachedTokens } = output({ token_ids: [5] }, { usage });
  assert.deepEqual([promptTokens, completionTokens, cachedTokens], [3, 1, 2]);
  const bare = output({ token_ids: [5], prompt_token_ids: [1, 2] });
  assert.deepEqual([bare.promptTokens, bare.completionTokens, bare.cachedTokens], [2, null, null]);
  const wrong = output({ token_ids: [5], prompt_token_ids: [1, 2] }, { usage });
  assert.match(wrong.inconsistency!, /prompt_tokens is 3, prompt_token_ids are 2/);
});

Deno.test("vllm decode() sorts likely tokens and cuts them to what was asked for", () => {
  const logprobs = content({
    token: "token_id:5",
    logprob: -2,
    top_logprobs: [
      { token: "token_id:5", logprob: -2 },
      { token_id: 9, logprob: -1 },
      { token: "word", logprob: -1.5 },
      { token: "token_id:8", logprob: -3 },
    ],
  });
  const expected = [[{ tokenId: 9, logprob: -1 }, { text: "word", logprob: -1.5 }]];
  assert.deepEqual(output({ token_ids: [5], logprobs }, {}, 2).topLogprobs, expected);
  assert.equal(output({ token_ids: [5], logprobs }).topLogprobs, undefined);
});

function read(chunks: readonly JsonObject[], sampleCount = 1) {
  const stream = vllm.openStream(sampleCount);
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return { deltas: stream.push(encoder.encode(`${text}data: [DONE]\n\n`)), stream };
}

Deno.test("vllm openStream() takes a stream without a finish reason for an abort between two tokens", () => {
  for (const chunks of [[], [{ choices: [{ index: 0, token_ids: [5], finish_reason: null }] }]]) {
    const { deltas, stream } = read(chunks);
    assert.equal(stream.failure, null);
    const [output] = stream.outputs()!;
    assert.ok(isPauseAbort(output!.finishReason));
    assert.equal(output!.tokenIds.length, chunks.length);
    assert.deepEqual(deltas.at(-1)?.finishReason, output!.finishReason);
  }
});

Deno.test("vllm openStream() reads usage of its own chunk, and of each chunk", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2 };
  const chunk = (id: number, finish: string | null, more: JsonObject = {}) => ({
    choices: [{ index: 0, token_ids: [id], finish_reason: finish }],
    ...more,
  });
  const first = chunk(5, null, { usage: { prompt_tokens: 3, completion_tokens: 1 } });
  for (
    const chunks of [[first, chunk(6, "stop"), { choices: [], usage }], [first, chunk(6, "stop", { usage })]]
  ) {
    const [output] = read(chunks).stream.outputs()!;
    assert.deepEqual([output!.promptTokens, output!.completionTokens, output!.inconsistency], [3, 2, null]);
  }
});

Deno.test("vllm openStream() counts all samples together", () => {
  const chunk = (index: number) => ({ choices: [{ index, token_ids: [5], finish_reason: "length" }] });
  const usage = { prompt_tokens: 3, completion_tokens: 2 };
  const { stream } = read([chunk(1), chunk(0), { choices: [], usage }], 2);
  assert.deepEqual(stream.outputs()?.map((each) => [each.completionTokens, each.inconsistency]), [
    [null, null],
    [null, null],
  ]);
});
