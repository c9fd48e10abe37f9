import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameShrinker } from "../../../src/engine/shrink_frame.ts";
import { eventData } from "../../../src/engine/sse_frames.ts";

type Triple = [number | null, number, string | null];
interface Frame {
  text: string;
  output_ids: number[];
  meta_info: { output_token_logprobs: Triple[]; output_top_logprobs?: Triple[][] };
}

/** JSON as Python's `json.dumps` writes it between elements. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${
    Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${spaced(each)}`).join(", ")
  }}`;
}

function frame(triples: readonly Triple[], withTop: boolean): Frame {
  return {
    text: triples.map(([, , text]) => text ?? "").join(""),
    output_ids: triples.map(([, id]) => id),
    meta_info: {
      output_token_logprobs: [...triples],
      ...(withTop ? { output_top_logprobs: triples.map((triple) => [triple, triple]) } : {}),
    },
  };
}

const triples = fc.array(
  fc.tuple(
    fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.nat(30),
    fc.constantFrom(null, "a", "]", "[", '"', "\\", '\\"', "你", ',"output_ids":[1]', '"output_ids":'),
  ),
  { minLength: 1, maxLength: 8 },
) as fc.Arbitrary<Triple[]>;

Deno.test("FrameShrinker cuts a frame to what the one before did not hold, whatever stands in it", () => {
  fc.assert(
    fc.property(
      triples,
      fc.infiniteStream(fc.nat(3)),
      fc.boolean(),
      fc.constantFrom(JSON.stringify, spaced),
      (all, steps, withTop, write) => {
        const shrinker = new FrameShrinker();
        let before = 0;
        let isFirst = true;
        while (before < all.length || isFirst) {
          const to = Math.min(all.length, before + steps.next().value);
          const short = shrinker.shrink(write(frame(all.slice(0, to), withTop)));
          assert.equal(short === null, isFirst);
          if (short !== null) {
            const expected = frame(all.slice(before, to), withTop);
            const wholeText = frame(all.slice(0, to), false).text;
            assert.deepEqual(JSON.parse(short), JSON.parse(write({ ...expected, text: wholeText })));
          }
          [before, isFirst] = [to, false];
        }
      },
    ),
    { numRuns: 300, seed: 2 },
  );
});

const NOT_CUT: readonly [name: string, before: string, after: string][] = [
  ["an id goes on where the told one ended", '{"output_ids":[1,5]}', '{"output_ids":[1,56]}'],
  ["an id changed", '{"output_ids":[1,5]}', '{"output_ids":[2,5,6]}'],
  ["an array is gone", '{"output_ids":[1],"output_token_logprobs":[[0,1]]}', '{"output_ids":[1,2]}'],
  ["an array is null", '{"output_token_logprobs":[[0,1]]}', '{"output_token_logprobs":null}'],
  [
    "one array is told in part only",
    '{"output_ids":[1,2],"output_token_logprobs":[[0,1],[0,2]]}',
    '{"output_ids":[3],"output_token_logprobs":[[0,1],[0,2],[0,3]]}',
  ],
  ["a name stands there twice", '{"output_ids":[1]}', '{"output_ids":[1,2],"x":{"output_ids":[1]}}'],
  [
    "the names are in another order",
    '{"output_ids":[1],"output_token_logprobs":[[0,1]]}',
    '{"output_token_logprobs":[[0,1],[0,2]],"output_ids":[1,2]}',
  ],
  ["it is an error", '{"output_ids":[1]}', '{"error":{"message":"x"}}'],
  ["it is cut off", '{"output_ids":[1]}', '{"output_ids":[1,"a'],
];
for (const [name, before, after] of NOT_CUT) {
  Deno.test(`FrameShrinker leaves a frame whole when ${name}`, () => {
    const shrinker = new FrameShrinker();
    assert.equal(shrinker.shrink(before), null);
    const short = shrinker.shrink(after);
    if (short === null) return;
    assert.throws(() => JSON.parse(short), "only what is no JSON either way");
    assert.throws(() => JSON.parse(after));
  });
}

Deno.test("eventData() gives the data of an event, however it lies in lines and parts", () => {
  const cases: [text: string, data: string | null][] = [
    ["data: x\n\n", "x"],
    ["data:x\r\n\r\n", "x"],
    ["data: a\ndata: b\n\n", "a\nb"],
    ["event: e\ndata: a\nid: 1\n\n", "a"],
    ["data:  a \n\n", " a "],
    ["data\n\n", null],
    [": data: x\n\n", null],
    ["data:\n\n", ""],
  ];
  for (const [text, data] of cases) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(eventData([bytes]), data, text);
    assert.equal(eventData(Array.from(bytes, (byte) => Uint8Array.of(byte))), data, text);
  }
});
