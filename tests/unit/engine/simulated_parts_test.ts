import assert from "node:assert/strict";
import fc from "fast-check";
import { KvCache } from "../../../src/engine/simulated/kv_cache.ts";
import { decodeStepMs, prefillMs } from "../../../src/engine/simulated/latency.ts";
import { OutputText } from "../../../src/engine/simulated/output_text.ts";
import { PHRASES } from "../../../src/engine/simulated/phrases.ts";
import { createRandom, hashIds, logprobAt } from "../../../src/engine/simulated/random.ts";
import { type ByteSource, recut, utf8 } from "../../../src/engine/simulated/sse.ts";
import { Vocabulary } from "../../../src/engine/simulated/vocabulary.ts";
import { idOf, tokenizer } from "./simulated_support.ts";

const ids = (...list: number[]) => Uint32Array.from(list);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("createRandom() gives the same numbers in [0, 1) for a seed and others for another", () => {
  const draw = (seed: number) => Array.from({ length: 100 }, createRandom(seed));
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.ok(draw(7).every((each) => each >= 0 && each < 1));
});

Deno.test("hashIds() tells apart order, length and seed", () => {
  const hashes = [ids(1, 2), ids(2, 1), ids(1, 2, 0), ids(0, 1, 2), ids()].map((each) => hashIds(each, 1));
  assert.equal(new Set([...hashes, hashIds(ids(1, 2), 2)]).size, 6);
});

Deno.test("logprobAt() is a float32 below 0 that its arguments determine", () => {
  for (let position = 0; position < 500; position++) {
    const logprob = logprobAt(3, position, 42);
    assert.equal(logprob, Math.fround(logprob));
    assert.ok(logprob < 0 && logprob > -9);
    assert.equal(logprob, logprobAt(3, position, 42));
  }
  assert.notEqual(logprobAt(3, 0, 42), logprobAt(3, 1, 42));
  assert.notEqual(logprobAt(3, 0, 42), logprobAt(4, 0, 42));
});

Deno.test("OutputText withholds what is not certain", async (t) => {
  const euro = bytes("€");
  const cases: {
    name: string;
    parts: Uint8Array[];
    stop?: string[];
    keep?: boolean;
    texts: string[];
    end: string;
  }[] = [
    { name: "plain", parts: [bytes("a"), bytes("bc")], texts: ["a", "abc"], end: "abc" },
    {
      name: "a cut character",
      parts: [euro.subarray(0, 1), euro.subarray(1, 2), euro.subarray(2)],
      texts: ["", "", "€"],
      end: "€",
    },
    {
      name: "an incomplete end",
      parts: [bytes("x"), euro.subarray(0, 2)],
      texts: ["x", "x"],
      end: "x\uFFFD",
    },
    {
      name: "a malformed byte",
      parts: [Uint8Array.of(0xff), bytes("y")],
      texts: ["\uFFFD", "\uFFFDy"],
      end: "\uFFFDy",
    },
    { name: "a byte order mark", parts: [bytes("\uFEFFz")], texts: ["\uFEFFz"], end: "\uFEFFz" },
    {
      name: "what may become a stop string",
      parts: [bytes("a\n"), bytes("b\n"), bytes("\nc")],
      stop: ["\n\n"],
      texts: ["a", "a\nb", "a\nb"],
      end: "a\nb",
    },
    {
      name: "a kept stop string",
      parts: [bytes("aEN"), bytes("Db")],
      stop: ["END"],
      keep: true,
      texts: ["aEN", "aENDb"],
      end: "aENDb",
    },
    {
      name: "a stop string that does not come",
      parts: [bytes("aEN")],
      stop: ["END"],
      texts: ["a"],
      end: "aEN",
    },
    { name: "the first of two", parts: [bytes("xBAy")], stop: ["A", "B"], texts: ["x"], end: "x" },
  ];
  for (const { name, parts, stop = [], keep = false, texts, end } of cases) {
    await t.step(name, () => {
      const text = new OutputText({ stop, noStopTrim: keep });
      const lazy = new OutputText({ stop, noStopTrim: keep });
      assert.deepEqual(parts.map((part) => (lazy.push(part), text.push(part), text.text)), texts);
      for (const each of [text, lazy]) {
        each.end();
        assert.equal(each.text, end);
        assert.equal(each.text, end, "asking twice changes nothing");
      }
    });
  }
});

Deno.test("OutputText.push() names the stop string, also across tokens", () => {
  const text = new OutputText({ stop: ["END", "E"] });
  assert.equal(text.push(bytes("ab")), null);
  assert.equal(text.push(bytes("cEND")), "END");
  const across = new OutputText({ stop: ["xyz"] });
  assert.deepEqual([across.push(bytes("ax")), across.push(bytes("y")), across.push(bytes("zb"))], [
    null,
    null,
    "xyz",
  ]);
  assert.equal(across.text, "a");
});

Deno.test("KvCache.match() counts the cached prefix", () => {
  const cache = new KvCache(100);
  cache.insert(ids(1, 2, 3, 4));
  cache.insert(ids(1, 2, 9));
  const cases: [number[], number][] = [[[1, 2, 3, 4, 5], 4], [[1, 2, 9], 3], [[1, 2], 2], [[1, 7], 1], [
    [7],
    0,
  ], [[], 0]];
  for (const [query, expected] of cases) assert.equal(cache.match(ids(...query)), expected, `[${query}]`);
  assert.equal(cache.tokens, 5, "the shared part is held once");
  cache.clear();
  assert.deepEqual([cache.tokens, cache.match(ids(1, 2))], [0, 0]);
});

Deno.test("KvCache drops the least recently used leaf first", () => {
  const cache = new KvCache(6);
  cache.insert(ids(1, 2, 3));
  cache.insert(ids(4, 5, 6));
  cache.match(ids(1, 2, 3));
  cache.insert(ids(7, 8));
  assert.deepEqual([[1, 2, 3], [4, 5, 6], [7, 8]].map((each) => cache.match(ids(...each))), [3, 0, 2]);
  cache.insert(ids(...Array(7).keys()));
  assert.equal(cache.tokens, 5, "a sequence over the bound is not held");
});

Deno.test("KvCache agrees with a list of sequences, whatever the order, and keeps its bound", () => {
  const sequence = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 8 });
  fc.assert(fc.property(fc.array(sequence, { maxLength: 20 }), sequence, (inserted, query) => {
    const cache = new KvCache(1_000);
    const bounded = new KvCache(10);
    for (const each of inserted) {
      cache.insert(ids(...each));
      bounded.insert(ids(...each));
      assert.ok(bounded.tokens <= 10);
    }
    const common = (each: number[]) => {
      const at = query.findIndex((id, index) => each[index] !== id);
      return at < 0 ? query.length : at;
    };
    const best = Math.max(0, ...inserted.map(common));
    assert.equal(cache.match(ids(...query)), best);
    assert.ok(bounded.match(ids(...query)) <= best);
  }));
});

Deno.test("recut() changes where pieces end and nothing else", async () => {
  const frames = ['data: {"text":"a€🚀"}\n\n', "data: x\n\n", "data: [DONE]\n\n"].map(utf8);
  for (const pieceBytesMax of [1, 3, 7, 1_000]) {
    let at = 0;
    const source: ByteSource = { next: () => Promise.resolve(frames[at++] ?? null), cancel() {} };
    const cut = recut(source, pieceBytesMax, createRandom(pieceBytesMax));
    const pieces: number[][] = [];
    for (let piece = await cut.next(); piece !== null; piece = await cut.next()) pieces.push([...piece]);
    assert.deepEqual(pieces.flat(), frames.flatMap((frame) => [...frame]));
    assert.ok(pieces.every(({ length }) => length >= 1 && length <= pieceBytesMax));
  }
});

Deno.test("latency grows with uncached tokens and with the batch", () => {
  const latency = { prefillTokensPerSecond: 2_000, decodeMsPerToken: 10, batchSlowdown: 0.1 };
  assert.deepEqual([0, 1_000].map((tokens) => prefillMs(latency, tokens)), [0, 500]);
  assert.deepEqual([1, 2, 11].map((running) => decodeStepMs(latency, running)), [10, 11, 20]);
});

Deno.test("Vocabulary.splitsOf() gives smaller tokens with the same bytes, in mid-character too", () => {
  const vocabulary = new Vocabulary(tokenizer);
  const having = vocabulary.splitsOf(idOf("AVING"));
  assert.ok(having.length >= 2);
  for (const content of ["AVING", "ä½ł", "ĠĠĠĠ", "12"]) {
    const id = idOf(content);
    for (const split of vocabulary.splitsOf(id)) {
      assert.ok(split.length >= 2);
      assert.deepEqual([...tokenizer.decodeBytes(split)], [...tokenizer.decodeBytes([id])]);
    }
  }
  const inCharacter = vocabulary.splitsOf(idOf("ä½ł"));
  assert.ok(
    inCharacter.some((split) => tokenizer.decode([split[0]!]).includes("\uFFFD")),
    "你 is cut in its bytes",
  );
});

Deno.test("Vocabulary.splitsOf() leaves special tokens and single bytes alone", () => {
  const vocabulary = new Vocabulary(tokenizer);
  for (const content of ["<|im_end|>", "a"]) assert.deepEqual(vocabulary.splitsOf(idOf(content)), []);
});

Deno.test("Vocabulary.stopIds() finds the usual names, best first", () => {
  assert.deepEqual(new Vocabulary(tokenizer).stopIds(), [idOf("<|im_end|>"), idOf("<|endoftext|>")]);
});

Deno.test("PHRASES joined encode as they do apart, so that replies without splits are canonical", () => {
  for (const left of PHRASES) {
    for (const right of PHRASES) {
      const apart = [...tokenizer.encodeContinuation(left), ...tokenizer.encodeContinuation(right)];
      assert.deepEqual([...tokenizer.encodeContinuation(left + right)], apart);
    }
  }
});
