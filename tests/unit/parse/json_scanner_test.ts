import assert from "node:assert/strict";
import fc from "fast-check";
import { JSON_DEPTH_MAX, jsonKind, JsonScanner } from "../../../src/parse/json_scanner.ts";

/** Where the first value of `text` ends when it comes unit by unit; null when it is broken or not whole. */
function endOf(text: string): number | null {
  const scanner = new JsonScanner();
  let at = 0;
  while (at < text.length && !scanner.done && !scanner.failed) {
    if (scanner.feed(text, at, at + 1) > at) at++;
  }
  return scanner.end() ? at : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("JsonScanner accepts what JSON.parse accepts, and nothing else", () => {
  const unit = fc.constantFrom(..."{}[]:,\"\\ \n\tu0123456789-+.eE/truefalsn\u0001é😀'".split(""));
  const broken = fc.tuple(fc.json(), fc.nat(), fc.nat(2), fc.string({ unit, maxLength: 2 }))
    .map(([text, at, length, junk]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + junk + text.slice(start + length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken, fc.string({ unit, maxLength: 6 })), (text) => {
      assert.equal(jsonKind(text) !== undefined, isJson(text), text);
      const end = endOf(text);
      if (end !== null) assert.ok(isJson(text.slice(0, end)), text);
      if (isJson(text)) assert.equal(text.slice(end!).trim(), "");
    }),
    { numRuns: 3000 },
  );
});

Deno.test("JsonScanner stops at the end of the value", () => {
  for (
    const [text, end] of [
      ['{"a": "}"} x', 10],
      [' [1, [2]]"', 9],
      ['"\\""x', 4],
      ["12.5e+3,", 7],
      ["-0]", 2],
      ["nullx", 4],
      ["01", 1],
      ["1.", null],
      ["-", null],
      ["{,}", null],
      ["", null],
    ] as const
  ) assert.equal(endOf(text), end, text);
});

Deno.test("JsonScanner takes no letter for a digit or a sign of a number", () => {
  for (const text of ["1d", "-d", "1.d", "1es2", "1ed", "1e+d", "-s"]) {
    assert.equal(jsonKind(text), undefined, text);
    assert.equal(jsonKind(`[${text}]`), undefined, text);
  }
});

Deno.test("JsonScanner refuses nesting over its bound", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(jsonKind(nested(JSON_DEPTH_MAX)), "array");
  assert.equal(jsonKind(nested(JSON_DEPTH_MAX + 1)), undefined);
});

Deno.test("jsonKind() names the value", () => {
  const kinds = {
    "{}": "object",
    "[1]": "array",
    '"x"': "string",
    "-1e2": "number",
    true: "boolean",
    null: "null",
  };
  for (const [text, kind] of Object.entries(kinds)) assert.equal(jsonKind(` ${text}\n`), kind);
  for (const text of ["", "NaN", "1 2", "True", "'a'", "1\u00a0"]) assert.equal(jsonKind(text), undefined);
});
