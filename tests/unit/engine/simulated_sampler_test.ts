import assert from "node:assert/strict";
import { type SampleLimits, Sampler } from "../../../src/engine/simulated/sampler.ts";
import { Vocabulary } from "../../../src/engine/simulated/vocabulary.ts";
import { idOf, tokenizer } from "./simulated_support.ts";

const vocabulary = new Vocabulary(tokenizer);
const stopId = idOf("<|im_end|>");

function sampler(splitProbability = 0, stop: number | null = stopId): Sampler {
  return new Sampler({ vocabulary, stopId: stop, splitProbability, linesMax: 3 });
}

function limits(over: Partial<SampleLimits> = {}): SampleLimits {
  return { maxNewTokens: 10_000, minNewTokens: 0, ignoreEos: false, stopIds: new Set([stopId]), ...over };
}

Deno.test("Sampler.sample() repeats itself for a seed", () => {
  const first = sampler(0.5).sample(11, limits(), undefined);
  assert.deepEqual(sampler(0.5).sample(11, limits(), undefined), first);
  assert.notDeepEqual(sampler(0.5).sample(12, limits(), undefined).ids, first.ids);
});

Deno.test("Sampler.sample() ends as its limits say", async (t) => {
  const H = idOf("H");
  const cases: {
    name: string;
    script?: string | { ids: number[] };
    over?: Partial<SampleLimits>;
    length?: number;
    finish: unknown;
  }[] = [
    {
      name: "stop token after a script",
      script: "hello",
      length: 2,
      finish: { type: "stop", matched: stopId },
    },
    { name: "length", over: { maxNewTokens: 5 }, length: 5, finish: { type: "length", length: 5 } },
    { name: "no token at all", over: { maxNewTokens: 0 }, length: 0, finish: { type: "length", length: 0 } },
    {
      name: "length goes before a stop token in the last place",
      script: "hello",
      over: { maxNewTokens: 2 },
      length: 2,
      finish: { type: "length", length: 2 },
    },
    {
      name: "ignore_eos fills up",
      script: "hello",
      over: { maxNewTokens: 9, ignoreEos: true },
      length: 9,
      finish: { type: "length", length: 9 },
    },
    {
      name: "min_new_tokens holds the stop token back",
      script: "hello",
      over: { minNewTokens: 4 },
      length: 4,
      finish: { type: "stop", matched: stopId },
    },
    {
      name: "a stop token of the request",
      script: "HAVING hello",
      over: { stopIds: new Set([stopId, idOf("HAV")]) },
      length: 1,
      finish: { type: "stop", matched: idOf("HAV") },
    },
    { name: "exact ids run out", script: { ids: [H, H] }, length: 2, finish: { type: "length", length: 2 } },
    {
      name: "exact ids stop",
      script: { ids: [H, stopId, H] },
      length: 2,
      finish: { type: "stop", matched: stopId },
    },
    { name: "an empty script", script: "", length: 1, finish: { type: "stop", matched: stopId } },
  ];
  for (const { name, script, over, length, finish } of cases) {
    await t.step(name, () => {
      const sample = sampler().sample(1, limits(over), script);
      assert.deepEqual(sample.finish, finish);
      assert.equal(sample.ids.length, length);
      assert.equal(sample.logprobs.length, length);
    });
  }
});

Deno.test("Sampler.sample() without a stop token in the vocabulary ends at the limit only", () => {
  const sample = sampler(0, null).sample(1, limits({ maxNewTokens: 700, stopIds: new Set() }), undefined);
  assert.deepEqual(sample.finish, { type: "length", length: 700 });
  assert.deepEqual(sampler(0, null).sample(1, limits({ stopIds: new Set() }), "").ids, []);
});

Deno.test("Sampler.sample() splits to other ids with the same text, at every probability", () => {
  for (const splitProbability of [0.05, 0.3, 1]) {
    let differing = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { ids } = sampler(splitProbability).sample(seed, limits(), undefined);
      const text = tokenizer.decode(ids);
      assert.ok(!text.includes("\uFFFD"), "cut characters are whole again in the end");
      const canonical = tokenizer.encodeContinuation(text);
      assert.equal(tokenizer.decode(canonical), text);
      if (ids.join() !== [...canonical].join()) differing++;
    }
    assert.ok(differing > 0, `probability ${splitProbability}`);
    if (splitProbability === 1) assert.ok(differing >= 30);
  }
});

Deno.test("Sampler.sample() with splits off samples what encoding its text gives", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { ids } = sampler().sample(seed, limits(), undefined);
    assert.deepEqual(ids, [...tokenizer.encodeContinuation(tokenizer.decode(ids))]);
  }
});

Deno.test("Sampler.sample() keeps scripted log-probabilities as they are", () => {
  const script = { ids: [idOf("H"), idOf("A")], logprobs: [-0.4, -0.5] };
  assert.deepEqual(sampler().sample(1, limits(), script).logprobs, [-0.4, -0.5]);
});

Deno.test("Sampler.sample() refuses a scripted id outside the vocabulary", () => {
  assert.throws(() => sampler().sample(1, limits(), { ids: [999_999] }), /999999 names no token/);
});
