import assert from "node:assert/strict";
import fc from "fast-check";
import { JsonBytes } from "../../../src/engine/json_numbers.ts";
import { parseGenerateReply } from "../../../src/engine/sglang.ts";
import { parseGenerateBody } from "../../../src/engine/sglang_reply_bytes.ts";
import type { JsonValue } from "../../../src/types.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function readNumber(text: string): number {
  const cursor = new JsonBytes(encoder.encode(`${text},`));
  const into = new Float64Array(2);
  if (!cursor.number(into, 1)) return NaN;
  assert.equal(cursor.at, text.length, text);
  return into[1] as number;
}

const digits = (maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength }).map((list) => list.join(""));

Deno.test("JsonBytes.number() is what JSON.parse reads, to the last bit", () => {
  const same = (text: string) => assert.ok(Object.is(readNumber(text), JSON.parse(text)), text);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => same(JSON.stringify(x))),
    {
      numRuns: 20_000,
      seed: 1,
    },
  );
  // As engines write them: a float of 32 bits with the digits of a double.
  fc.assert(fc.property(fc.float({ noNaN: true, min: -20, max: 0 }), (x) => same(String(x))), {
    numRuns: 20_000,
    seed: 2,
  });
  fc.assert(
    fc.property(fc.boolean(), fc.nat(), digits(24), (isNegative, whole, fraction) => {
      same(`${isNegative ? "-" : ""}${whole}.${fraction}`);
    }),
    { numRuns: 50_000, seed: 3 },
  );
  // Halfway between two doubles, and just beside it.
  fc.assert(
    fc.property(
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 54n - 1n }),
      fc.integer({ min: 0, max: 17 }),
      (x, scale) => {
        const text = String(x | 1n).padStart(scale + 1, "0");
        same(
          `${text.slice(0, text.length - scale)}${scale > 0 ? `.${text.slice(text.length - scale)}` : ""}`,
        );
      },
    ),
    { numRuns: 20_000, seed: 4 },
  );
  for (
    const text of ["0", "-0", "-0.0", "0.000", "1e3", "-1.5E-7", "5e-324", "1e400", "123456789012345678901"]
  ) same(text);
});

Deno.test("JsonBytes.number() and integer() take nothing that JSON does not", () => {
  for (
    const text of ["", "-", ".5", "1.", "01", "-01", "1.e5", "1e", "1e+", "+1", "NaN", "-Infinity", "null"]
  ) {
    assert.ok(Number.isNaN(readNumber(text)), text);
  }
  for (const text of ["", "-1", "01", "1.0", "1e3", "1234567890123456", "x"]) {
    assert.ok(Number.isNaN(new JsonBytes(encoder.encode(`${text}]`)).integer()), text);
  }
});

/** What the reply is when all of it is parsed as JSON. */
function parsedWhole(json: string) {
  const value = JSON.parse(json) as JsonValue;
  const outputs = (Array.isArray(value) ? value : [value]).map((reply) => parseGenerateReply(reply));
  return outputs.includes(null) ? null : outputs;
}

const id = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 0xffff_ffff));
const logprob = fc.oneof(fc.double({ noNaN: true, max: 0, noDefaultInfinity: true }), fc.constant(null));
const text = fc.array(
  fc.constantFrom("a", "你", "🚀", '"', "\\", '"output_ids":[1]', '"output_token_logprobs":[[', "\n"),
)
  .map((parts) => parts.join(""));
const reply = fc.record({
  text,
  triples: fc.array(fc.tuple(logprob, id, fc.option(text, { freq: 20, nil: null })), { maxLength: 200 }),
  hasIds: fc.boolean(),
  isBare: fc.boolean(),
  odd: fc.option(fc.constantFrom<JsonValue>(7, 0, "output_ids", [null], [[1]], [["x", 1]], [[-1, -1]]), {
    freq: 10,
  }),
}).map(({ text, triples, hasIds, isBare, odd }): JsonValue => ({
  text,
  ...(hasIds ? { output_ids: triples.map(([, id]) => id) } : {}),
  note: "output_ids",
  meta_info: {
    finish_reason: { type: "stop" },
    output_token_logprobs: odd ?? triples.map((triple) => isBare ? triple.slice(0, 2) : [...triple]),
    completion_tokens: triples.length,
  },
}));

Deno.test("parseGenerateBody() gives what parsing all of the JSON gives, whatever texts and arrays are", () => {
  fc.assert(
    fc.property(
      fc.oneof(reply, fc.array(reply, { maxLength: 3 })),
      fc.constantFrom(undefined, 1, 2),
      (value, indent) => {
        const json = JSON.stringify(value, null, indent);
        assert.deepEqual(parseGenerateBody(encoder.encode(json)), parsedWhole(json));
      },
    ),
    { numRuns: 2_000, seed: 5 },
  );
});

const ONE =
  '{"text":"x","output_ids":[5,6],"meta_info":{"output_token_logprobs":[[-0.5,5,null],[-1,6,null]]}}';

Deno.test("parseGenerateBody() reads nothing out of a body that is no JSON, wherever it is broken", () => {
  for (let end = 0; end < ONE.length; end++) {
    assert.equal(parseGenerateBody(encoder.encode(ONE.slice(0, end))), null, ONE.slice(0, end));
  }
  for (let at = 0; at < ONE.length; at++) {
    for (const char of ["x", ",", "]", "-", '"', "\\", "0"]) {
      const json = ONE.slice(0, at) + char + ONE.slice(at + 1);
      let whole: ReturnType<typeof parsedWhole> = null;
      try {
        whole = parsedWhole(json);
      } catch {
        // No JSON: no outputs.
      }
      assert.deepEqual(parseGenerateBody(encoder.encode(json)), whole, json);
    }
  }
});

Deno.test("parseGenerateBody() takes the last of repeated keys, as JSON.parse does", () => {
  const json = ONE.replace('"output_ids":[5,6]', '"output_ids":[9],"output_ids":[5,6]');
  assert.deepEqual(parseGenerateBody(encoder.encode(json)), parsedWhole(json));
});

Deno.test("parseGenerateBody() reads long replies and short ones in turn", () => {
  for (const count of [5_000, 3, 20_000, 0, 1_024, 1_025]) {
    const ids = Array.from({ length: count }, (_, i) => i * 7);
    const output_token_logprobs = ids.map((id, i) => [-i / 3, id, null]);
    const json = JSON.stringify({ text: "x", output_ids: ids, meta_info: { output_token_logprobs } });
    assert.deepEqual(parseGenerateBody(encoder.encode(json)), parsedWhole(json));
  }
});

Deno.test("parseGenerateBody() replaces broken UTF-8 as a text decoder does", () => {
  const bytes = encoder.encode(ONE);
  bytes[ONE.indexOf('"x"') + 1] = 0xff;
  assert.equal(parseGenerateBody(bytes)![0]!.text, "\ufffd");
  assert.equal(decoder.decode(bytes).includes("\ufffd"), true);
});
