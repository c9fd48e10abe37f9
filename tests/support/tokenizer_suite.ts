/**
 * What every tokenizer must do, whatever its backend: run over the tiny tokenizers in the unit tests and over real models in
 * the integration tests.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LoadedTokenizer } from "../../src/tokenizer/load.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

/** A text and its ids by the reference library, without BOS and EOS. */
export interface GoldenIds {
  readonly text: string;
  readonly ids: readonly number[];
}

/** What a suite needs to know of the tokenizer. */
export interface TokenizerSuiteOptions {
  readonly load: () => Promise<LoadedTokenizer>;
  readonly golden: readonly GoldenIds[];
  /** Pieces that random texts are made of: special tokens and what may stand beside them. */
  readonly pieces: readonly string[];
  /** An added token and whether it is special. */
  readonly addedToken: { readonly content: string; readonly id: number; readonly special: boolean };
  /** What decoding gives back of a text. Default: the text itself; NFC for tokenizers that normalise. */
  readonly decoded?: (text: string) => string;
  /** Random texts tried by each property. Default 200. */
  readonly runs?: number;
}

/** Reads golden ids from `tests/fixtures/tokenizer/`. */
export function readGolden(name: string): GoldenIds[] {
  return JSON.parse(
    Deno.readTextFileSync(new URL(`../fixtures/tokenizer/golden_${name}.json`, import.meta.url)),
  );
}

/** Registers the suite as one test with a step for each criterion, so that the tokenizer is loaded once. */
export function testTokenizer(name: string, options: TokenizerSuiteOptions): void {
  Deno.test(`Tokenizer ${name}`, async (test) => {
    const { tokenizer } = await options.load();
    try {
      for (const [criterion, check] of Object.entries(criteria)) {
        await test.step(criterion, () => check(tokenizer, options));
      }
    } finally {
      tokenizer.close();
    }
  });
}

type Check = (tokenizer: Tokenizer, options: TokenizerSuiteOptions) => void | Promise<void>;

const criteria: Record<string, Check> = {
  "encode() equals the reference library on every golden text": (tokenizer, { golden }) => {
    const wrong = golden.filter(({ text, ids }) => tokenizer.encode(text).join() !== ids.join());
    assert.deepEqual(wrong.map(({ text }) => text), []);
  },

  "encodeAsync() gives the ids of encode() and encodeContinuation()": async (tokenizer, { golden }) => {
    for (const { text } of golden.slice(0, 20)) {
      assert.deepEqual(await tokenizer.encodeAsync(text), tokenizer.encode(text));
      assert.deepEqual(
        await tokenizer.encodeAsync(text, { continuation: true }),
        tokenizer.encodeContinuation(text),
      );
    }
    await assert.rejects(
      tokenizer.encodeAsync("x", { signal: AbortSignal.abort(new Error("left")) }),
      /left/,
    );
  },

  "encode() of nothing is nothing": (tokenizer) => {
    assert.deepEqual(tokenizer.encode(""), new Uint32Array(0));
    assert.deepEqual(tokenizer.encodeContinuation(""), new Uint32Array(0));
  },

  "encode() takes an unpaired surrogate for U+FFFD": (tokenizer) => {
    assert.deepEqual(tokenizer.encode("a\ud800b"), tokenizer.encode("a\ufffdb"));
    assert.deepEqual(tokenizer.encode("\udc00"), tokenizer.encode("\ufffd"));
  },

  "decode() gives back what was encoded as a continuation": (
    tokenizer,
    { golden, decoded = (text) => text },
  ) => {
    for (const { text } of golden) {
      assert.equal(tokenizer.decode(tokenizer.encodeContinuation(text)), decoded(text));
    }
  },

  "decodeBytes() is the concatenation of its tokens, each byteLength() long": (tokenizer, { golden }) => {
    for (const { ids } of golden.slice(0, 60)) {
      const parts = ids.map((id) => tokenizer.decodeBytes([id]));
      assert.deepEqual(parts.map((part) => part.length), ids.map((id) => tokenizer.byteLength(id)));
      assert.deepEqual([...tokenizer.decodeBytes(ids)], parts.flatMap((part) => [...part]));
    }
  },

  "decodeBytes() refuses an id outside the vocabulary": (tokenizer) => {
    for (const id of [tokenizer.vocabSize, -1, 1.5, 2 ** 32]) {
      assert.throws(() => tokenizer.decodeBytes([0, id]), RangeError);
      assert.equal(tokenizer.byteLength(id), -1);
      assert.equal(tokenizer.isSpecial(id), false);
    }
  },

  "tokenToId(), isSpecial() and decode() agree on an added token": (tokenizer, { addedToken }) => {
    const { content, id, special } = addedToken;
    assert.equal(tokenizer.tokenToId(content), id);
    assert.deepEqual(tokenizer.encode(content), Uint32Array.of(id));
    assert.equal(tokenizer.decode([id]), content);
    assert.equal(tokenizer.isSpecial(id), special);
    assert.equal(tokenizer.tokenToId("no such token"), undefined);
    assert.equal(tokenizer.tokenToId("__proto__"), undefined);
  },

  "splicePoints() cut where both sides encode as they do together, whatever follows": (
    tokenizer,
    options,
  ) => {
    const text = fc.array(fc.constantFrom(...options.pieces), { maxLength: 12 }).map((pieces) =>
      pieces.join("")
    );
    fc.assert(
      fc.property(text, text, (whole, other) => {
        const ids = tokenizer.encode(whole);
        const points = tokenizer.splicePoints(whole, ids);
        const bytes = new TextEncoder().encode(whole);
        let last = 0;
        for (const { byteOffset, tokenIndex } of points) {
          assert.ok(byteOffset > last, "ascending, without 0");
          last = byteOffset;
          const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, byteOffset));
          for (const after of [whole.slice(before.length), other]) {
            const joined = [...ids.subarray(0, tokenIndex), ...tokenizer.encodeContinuation(after)];
            assert.deepEqual([...tokenizer.encode(before + after)], joined);
          }
        }
      }),
      { numRuns: options.runs ?? 200 },
    );
  },

  "splicePoints() are the right edges of an added token, the end of the text included": (
    tokenizer,
    options,
  ) => {
    const { content } = options.addedToken;
    const text = `a${content}bé${content}`;
    const ids = tokenizer.encode(text);
    const points = tokenizer.splicePoints(text, ids);
    const bytes = (part: string) => new TextEncoder().encode(part).length;
    assert.deepEqual(points.map((point) => point.byteOffset), [bytes(`a${content}`), bytes(text)]);
    assert.equal(points.at(-1)?.tokenIndex, ids.length);
  },

  "splicePoints() are none when ids and text do not align": (tokenizer, { addedToken: { content, id } }) => {
    const text = `a${content}b`;
    const ids = tokenizer.encode(text);
    assert.deepEqual(tokenizer.splicePoints(text, ids.filter((other) => other !== id)), []);
    assert.deepEqual(tokenizer.splicePoints(text, Uint32Array.of(...ids, id)), []);
    assert.deepEqual(tokenizer.splicePoints("ab", ids), []);
  },
};
