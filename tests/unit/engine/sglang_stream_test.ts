import assert from "node:assert/strict";
import fc from "fast-check";
import { parseGenerateReply } from "../../../src/engine/sglang.ts";
import { GenerateStreamReader } from "../../../src/engine/sglang_stream.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";

const DONE = "data: [DONE]\n\n";
const encoder = new TextEncoder();

interface Token {
  readonly id: number;
  readonly logprob: number | null;
  readonly text: string;
}

/** A frame with tokens `from` to `to`, as an engine writes it. */
function frame(tokens: readonly Token[], from: number, to: number, more: JsonObject = {}): JsonObject {
  const part = tokens.slice(from, to);
  return {
    text: part.map(({ text }) => text).join(""),
    output_ids: part.map(({ id }) => id),
    meta_info: {
      finish_reason: to === tokens.length ? { type: "stop", matched: 2 } : null,
      prompt_tokens: 3,
      completion_tokens: to,
      weight_version: "1",
      output_token_logprobs: part.map(({ id, logprob }) => [logprob, id, null]),
    },
    ...more,
  };
}

function sse(frames: readonly JsonValue[]): string {
  return frames.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("");
}

function read(text: string, sampleCount = 1): GenerateStreamReader {
  const reader = new GenerateStreamReader(sampleCount);
  reader.push(encoder.encode(text));
  return reader;
}

const tokens = fc.array(
  fc.record({
    id: fc.nat(9),
    logprob: fc.option(fc.double({ noNaN: true, max: 0, noDefaultInfinity: true })),
    text: fc.constantFrom("a", "你", "🚀", "\n\n", '"', "\ufffd"),
  }),
  { minLength: 1, maxLength: 12 },
);

Deno.test("GenerateStreamReader: any cut of frames and bytes gives the outputs of the whole reply", () => {
  fc.assert(
    fc.property(
      tokens,
      fc.constantFrom("cumulative", "delta"),
      fc.infiniteStream(fc.integer({ min: 1, max: 4 })),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      fc.boolean(),
      (sampled, mode, steps, cuts, comments) => {
        const frames: JsonObject[] = [];
        for (let at = 0; at < sampled.length;) {
          const to = Math.min(at + steps.next().value, sampled.length);
          frames.push(frame(sampled, mode === "delta" ? at : 0, to));
          at = to;
        }
        const text = frames.map((each) => sse([each])).join(comments ? ": ping\n\n" : "");
        const bytes = encoder.encode(text + (comments ? ": ping\n\n" : "") + DONE);
        const reader = new GenerateStreamReader();
        for (let at = 0; at < bytes.length;) {
          const to = at + cuts.next().value;
          reader.push(bytes.subarray(at, to));
          at = to;
        }
        const whole = parseGenerateReply(JSON.parse(JSON.stringify(frame(sampled, 0, sampled.length))));
        assert.deepEqual(reader.outputs(), [whole]);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

const TOKENS: readonly Token[] = [5, 5, 6, 2].map((id, i) => ({ id, logprob: -i - 1, text: "x" }));

Deno.test("GenerateStreamReader keeps n > 1 samples apart by index, cumulative and delta", () => {
  for (const isDelta of [false, true]) {
    const frames: JsonObject[] = [];
    for (let to = 1; to <= 4; to++) {
      for (const index of [1, 0]) {
        const own = TOKENS.map((token) => ({ ...token, id: token.id + index * 10 }));
        frames.push(frame(own, isDelta ? to - 1 : 0, to, { index }));
      }
    }
    const outputs = read(sse(frames) + DONE, 2).outputs()!;
    assert.deepEqual(outputs.map(({ tokenIds }) => [...tokenIds]), [[5, 5, 6, 2], [15, 15, 16, 12]]);
    assert.deepEqual(outputs.map(({ inconsistency }) => inconsistency), [null, null]);
  }
});

Deno.test("GenerateStreamReader gives delta frames the version that each was sent under", () => {
  const frames = [1, 2, 3, 4].map((to) => {
    const each = frame(TOKENS, to - 1, to);
    return { ...each, meta_info: { ...each.meta_info as JsonObject, weight_version: to < 3 ? "1" : "2" } };
  });
  assert.deepEqual(read(sse(frames) + DONE).outputs()![0]!.versions, [
    { tokens: 2, version: 1 },
    { tokens: 2, version: 2 },
  ]);
});

/** Streams of an engine that does not count its tokens. */
const UNCOUNTED: readonly [name: string, rows: number[][], expected: number[] | null][] = [
  ["one frame", [[5, 6]], [5, 6]],
  ["cumulative", [[5], [5, 6], [5, 6, 2]], [5, 6, 2]],
  ["cumulative, the last one twice", [[5], [5, 6], [5, 6]], [5, 6]],
  ["deltas", [[5], [6], [2]], [5, 6, 2]],
  ["deltas that begin alike", [[5], [5, 6], [2]], [5, 5, 6, 2]],
  ["deltas, an empty one last", [[5], [6], []], [5, 6]],
  ["either", [[5], [5]], null],
];
for (const [name, rows, expected] of UNCOUNTED) {
  Deno.test(`GenerateStreamReader without completion_tokens: ${name}`, () => {
    const frames = rows.map((ids) => ({
      text: "",
      meta_info: { output_token_logprobs: ids.map((id) => [-1, id]) },
    }));
    const [output] = read(sse(frames) + DONE).outputs()!;
    if (expected === null) assert.match(output!.inconsistency!, /may be cumulative or deltas/);
    else assert.deepEqual([output!.inconsistency, [...output!.tokenIds]], [null, expected]);
  });
}

for (const isDelta of [false, true]) {
  const kind = isDelta ? "delta" : "cumulative";
  Deno.test(`GenerateStreamReader is complete with the byte that ends the frame with the finish reason, ${kind}`, () => {
    // The key in the text is text.
    const tokens = TOKENS.map((token) => ({ ...token, text: '"finish_reason":"' }));
    const text = sse([1, 2, 3, 4].map((to) => frame(tokens, isDelta ? to - 1 : 0, to)));
    for (const size of [1, 2, 7, 64, text.length]) {
      const reader = new GenerateStreamReader();
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length; at += size) {
        assert.equal(reader.isComplete, false);
        reader.push(bytes.subarray(at, at + size));
      }
      assert.ok(reader.isComplete);
      assert.deepEqual([...reader.outputs()![0]!.tokenIds], [5, 5, 6, 2]);
    }
  });

  Deno.test(`GenerateStreamReader with n > 1 is complete when the last sample is, ${kind}`, () => {
    const reader = new GenerateStreamReader(2);
    const push = (index: number, to: number) =>
      reader.push(encoder.encode(sse([frame(TOKENS, isDelta ? to - 1 : 0, to, { index })])));
    for (let to = 1; to <= 4; to++) push(1, to);
    for (let to = 1; to <= 4; to++) {
      assert.equal(reader.isComplete, false, "sample 0 goes on");
      assert.equal(reader.outputs(), null);
      push(0, to);
    }
    assert.deepEqual(reader.outputs()!.map(({ tokenIds }) => tokenIds.length), [4, 4]);
  });
}

Deno.test("GenerateStreamReader takes a finish reason of another shape for the end", () => {
  for (const [finish_reason, isComplete] of [["stop", true], [{}, true], [null, false], [undefined, false]]) {
    const frames = [1, 2, 3].map((to) => {
      const each = frame(TOKENS, 0, to);
      return to < 3 ? each : { ...each, meta_info: { ...each.meta_info as JsonObject, finish_reason } };
    });
    assert.equal(read(sse(frames as JsonValue[])).isComplete, isComplete);
  }
});

const BROKEN: readonly [name: string, text: string, failure: RegExp | null][] = [
  ["neither [DONE] nor a finish reason", sse([1, 2, 3].map((to) => frame(TOKENS, 0, to))), null],
  ["nothing but [DONE]", DONE, null],
  ["an error frame", sse([frame(TOKENS, 0, 1), { error: { message: "boom" } }]) + DONE, /boom/],
  [
    "an error frame behind cumulative ones",
    sse([1, 2, 3].map((to) => frame(TOKENS, 0, to))) +
    sse([{ error: "boom" }]) + DONE,
    /boom/,
  ],
  ["no JSON", `data: {"text": \n\n${DONE}`, /no generate reply/],
  ["another object", sse([{ choices: [] }]) + DONE, /no generate reply/],
];
for (const [name, text, failure] of BROKEN) {
  Deno.test(`GenerateStreamReader has no outputs for a stream with ${name}`, () => {
    const reader = read(text);
    assert.equal(reader.outputs(), null);
    if (failure === null) assert.equal(reader.failure, null);
    else assert.match(reader.failure!, failure);
  });
}

Deno.test("GenerateStreamReader tells a contradiction within a delta frame", () => {
  const [first, second] = [frame(TOKENS, 0, 2), frame(TOKENS, 2, 4, { output_ids: [9, 9] })];
  assert.match(read(sse([first, second]) + DONE).outputs()![0]!.inconsistency!, /output_ids/);
});

Deno.test("GenerateStreamReader knows the first frame's finish reason before the stream is over", () => {
  const reader = new GenerateStreamReader();
  reader.push(encoder.encode(": ping\n\n"));
  assert.equal(reader.hasEvent, false);
  const [abort] = [frame([], 0, 0)];
  reader.push(
    encoder.encode(
      sse([{ ...abort, meta_info: { finish_reason: { type: "abort" }, output_token_logprobs: [] } }]),
    ),
  );
  assert.equal(reader.hasEvent, true);
  assert.deepEqual(reader.firstFinishReason, { type: "abort" });
});
