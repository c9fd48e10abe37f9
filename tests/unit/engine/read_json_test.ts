import assert from "node:assert/strict";
import fc from "fast-check";
import { nestsDeeper, parseJson, REPLY_DEPTH_MAX } from "../../../src/engine/read_json.ts";
import type { JsonValue } from "../../../src/types.ts";

const nested = (depth: number, inner = "") => "[".repeat(depth) + inner + "]".repeat(depth);

/** What a walk over the parsed value finds. */
function depthOf(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

Deno.test("nestsDeeper() is what a walk over the parsed value says, whatever its strings and names are", () => {
  const text = fc.array(fc.constantFrom("[", "{", "]", "}", '"', "\\", "你", "a", "\n")).map((parts) =>
    parts.join("")
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 12 },
      text,
      fc.integer(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(text, tie("value"), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.nat(8), fc.constantFrom(undefined, 1), (value, depthMax, indent) => {
      const json = JSON.stringify(value, null, indent);
      const expected = depthOf(JSON.parse(json)) > depthMax;
      assert.equal(nestsDeeper(json, depthMax), expected);
      assert.equal(nestsDeeper(json, depthMax, new TextEncoder().encode(json)), expected);
    }),
    { numRuns: 1_000, seed: 11 },
  );
});

Deno.test("nestsDeeper() tells the bound itself from one more, arrays and objects alike", () => {
  for (const [opener, closer] of [["[", "]"], ['{"a":', "}"], ['[{"a":', "}]"]] as const) {
    const levels = opener.length - opener.replaceAll(/[[{]/g, "").length;
    const json = opener.repeat(100) + "1" + closer.repeat(100);
    assert.equal(nestsDeeper(json, 100 * levels), false);
    assert.equal(nestsDeeper(json, 100 * levels - 1), true);
    assert.equal(nestsDeeper(opener.repeat(100), 100 * levels - 1), true, "cut short");
  }
});

Deno.test("parseJson() does not parse what nests deeper than replies do", () => {
  assert.notEqual(parseJson(nested(REPLY_DEPTH_MAX)), undefined);
  assert.equal(parseJson(nested(REPLY_DEPTH_MAX + 1)), undefined);
  assert.deepEqual(parseJson(JSON.stringify([nested(REPLY_DEPTH_MAX + 1)])), [nested(REPLY_DEPTH_MAX + 1)]);
});
