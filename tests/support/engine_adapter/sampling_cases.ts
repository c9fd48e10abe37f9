/** What is sampled arrives as it was sampled, plain and streamed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SampledOutput } from "../../../src/engine/engine.ts";
import type { TokenRequest } from "../../../src/engine/adapter.ts";
import {
  type AdapterSetup,
  engineOf,
  joined,
  outputOf,
  outputsOf,
  plainOf,
  readStream,
  requestFor,
  streamBytes,
  tokenizer,
  truth,
} from "./harness.ts";

const stopId = tokenizer.tokenToId("<|im_end|>") as number;
const byteId = (byte: number) => tokenizer.encode(String.fromCodePoint(byte))[0] as number;
/** An emoji in four byte tokens, of which the last is not sampled. */
const cutEmoji = [...tokenizer.encode("🚀")].slice(0, -1);

/** Requests whose replies differ in how they end and what they hold. */
const REQUESTS: readonly [name: string, sampling: TokenRequest["sampling"], script?: string | number[]][] = [
  ["a natural end", { maxTokens: 400 }, "hello world, 你好 🚀"],
  ["a length", { maxTokens: 7 }],
  ["one token", { maxTokens: 1 }],
  ["a stop string", { stop: ["lo wor"], maxTokens: 400 }, "hello world"],
  ["a stop string within a token", { stop: ["l"], maxTokens: 400 }, "hello world"],
  ["a stop token id", { stopTokenIds: [byteId(33)], maxTokens: 400 }, "hello! world"],
  ["special tokens in the middle", { maxTokens: 400 }, "a<think>b</think>c"],
  ["an end within a character", { maxTokens: 400 }, [...tokenizer.encode("hello "), ...cutEmoji]],
  ["a reply of its own", { maxTokens: 60 }],
];

/** Registers the cases. */
export function samplingCases(setup: AdapterSetup): void {
  const test = (name: string, run: () => Promise<void>) => Deno.test(`${setup.name}: ${name}`, run);

  for (const [name, sampling, script] of REQUESTS) {
    const options = script === undefined
      ? {}
      : { script: () => typeof script === "string" ? script : { ids: script } };
    const request = requestFor("say hello", { sampling: { temperature: 0, ...sampling } });

    test(`ids and logprobs of ${name} are the engine's, plain and streamed`, async () => {
      const [expected] = await truth(options, request);
      const plain = await outputOf(setup, engineOf(setup, options), request);
      assert.deepEqual([...plain.tokenIds], expected?.ids);
      assert.deepEqual([...plain.logprobs], expected?.logprobs);
      checkOutput(setup, plain, request);
      const bytes = await streamBytes(setup, engineOf(setup, options), request);
      const { deltas, outputs } = readStream(setup, bytes, request.sampling);
      assert.deepEqual(outputs, [plain]);
      assert.deepEqual(joined(deltas), [plainOf(plain)]);
    });
  }

  test("a stream cut at every byte gives the same outputs and deltas", async () => {
    const request = requestFor("say", { sampling: { maxTokens: 4 } });
    const script = () => "é🚀!";
    const bytes = await streamBytes(setup, engineOf(setup, { script }), request);
    const whole = readStream(setup, bytes);
    for (let cut = 1; cut < bytes.length; cut++) {
      let next = cut;
      const { deltas, outputs } = readStream(setup, bytes, {}, () => {
        const length = next;
        next = bytes.length;
        return length;
      });
      assert.deepEqual(outputs, whole.outputs, `cut at ${cut}`);
      assert.deepEqual(joined(deltas), joined(whole.deltas), `cut at ${cut}`);
    }
    const bytewise = readStream(setup, bytes, {}, () => 1);
    assert.deepEqual(bytewise.outputs, whole.outputs);
  });

  test("any cut of a longer stream gives the same outputs and deltas", async () => {
    const request = requestFor("say", { sampling: { maxTokens: 90 } });
    const bytes = await streamBytes(setup, engineOf(setup), request);
    const whole = readStream(setup, bytes);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 6_000 })), (lengths) => {
        const { deltas, outputs } = readStream(setup, bytes, {}, () => lengths.next().value);
        assert.deepEqual(outputs, whole.outputs);
        assert.deepEqual(joined(deltas), whole.outputs?.map(plainOf));
      }),
      { numRuns: 20, seed: 3 },
    );
  });

  test("n > 1 gives each sample its own ids, plain and streamed", async () => {
    const request = requestFor("say", { sampling: { n: 3, seed: 4, temperature: 1, maxTokens: 50 } });
    const expected = await truth({}, request);
    const plain = await outputsOf(setup, engineOf(setup), request);
    assert.deepEqual(plain.map(({ tokenIds }) => [...tokenIds]), expected.map(({ ids }) => ids));
    assert.equal(new Set(plain.map(({ tokenIds }) => tokenIds.join())).size, 3);
    const bytes = await streamBytes(setup, engineOf(setup), request);
    const { deltas, outputs } = readStream(setup, bytes, request.sampling);
    assert.deepEqual(outputs, plain);
    assert.deepEqual(joined(deltas, 3).map(({ tokenIds }) => tokenIds), expected.map(({ ids }) => ids));
  });

  test("a request without a limit goes on to the natural end", async () => {
    const { maxTokens: _, ...sampling } = requestFor("").sampling;
    const request = { ...requestFor("say"), sampling };
    const script = () => "hello world ".repeat(40);
    const output = await outputOf(setup, engineOf(setup, { script, splitProbability: 0 }), request);
    assert.equal(output.finishReason?.type, "stop");
    assert.deepEqual([...output.tokenIds], [...tokenizer.encode(script()), stopId]);
  });

  test("top logprobs come likeliest first, as many as were asked for, plain and streamed", async () => {
    const request = requestFor("say", { sampling: { topLogprobs: 3, maxTokens: 9 } });
    const plain = await outputOf(setup, engineOf(setup), request);
    assert.equal(plain.topLogprobs?.length, 9);
    plain.topLogprobs?.forEach((list, at) => {
      assert.equal(list.length, 3);
      assert.deepEqual(list[0], { tokenId: plain.tokenIds[at], logprob: plain.logprobs[at] });
      assert.ok(list[0]!.logprob > list[1]!.logprob && list[1]!.logprob > list[2]!.logprob);
    });
    const bytes = await streamBytes(setup, engineOf(setup), request);
    const { deltas, outputs } = readStream(setup, bytes, request.sampling, () => 700);
    assert.deepEqual(outputs, [plain]);
    assert.deepEqual(deltas.flatMap(({ topLogprobs }) => topLogprobs ?? []), plain.topLogprobs);
    const none = await outputOf(setup, engineOf(setup), requestFor("say"));
    assert.equal(none.topLogprobs, undefined);
  });
}

/** What every output keeps, however it ended. */
function checkOutput(setup: AdapterSetup, output: SampledOutput, { inputIds, sampling }: TokenRequest): void {
  const { tokenIds, logprobs, text, promptTokens, completionTokens, inconsistency } = output;
  assert.equal(inconsistency, null);
  assert.equal(logprobs.length, tokenIds.length);
  assert.ok(logprobs.every((logprob) => logprob < 0));
  assert.equal(promptTokens, inputIds.length);
  assert.equal(completionTokens, tokenIds.length);
  assert.equal(text === null, !setup.tellsText);
  // Ids are whole where text is trimmed: a stop string's tokens and the stop token are there.
  const decoded = tokenizer.decode(tokenIds);
  for (const stop of sampling.stop ?? []) assert.ok(decoded.includes(stop));
  if (setup.tellsWholeText) assert.equal(text, decoded);
}
