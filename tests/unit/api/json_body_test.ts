import assert from "node:assert/strict";
import * as v from "valibot";
import { assertWellFormed, validate } from "../../../src/api/json_body.ts";
import { BadRequestError } from "../../../src/errors.ts";

const schema = v.object({
  name: v.string(),
  kind: v.optional(v.picklist(["a", "b"]), "a"),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9))),
  list: v.optional(v.array(v.object({ on: v.boolean() }))),
  map: v.optional(v.looseObject({})),
});

const long = "é".repeat(10_000);

const CASES: [value: unknown, message: string][] = [
  [{}, "Cannot do it: name is required"],
  [null, "Cannot do it: the body must be an object, received null"],
  [{ name: 5 }, "Cannot do it: name must be a string, received 5"],
  [{ name: true }, "Cannot do it: name must be a string, received true"],
  [{ name: [1, 2] }, "Cannot do it: name must be a string, received a list of 2"],
  [{ name: {} }, "Cannot do it: name must be a string, received an object"],
  [{ name: "x", kind: "c\n" }, 'Cannot do it: kind must be one of a, b, received "c\\n"'],
  [{ name: "x", kind: long }, `Cannot do it: kind must be one of a, b, received "${"é".repeat(80)}…"`],
  [{ name: "x", port: "1" }, 'Cannot do it: port must be a number, received "1"'],
  [{ name: "x", port: 1.5 }, "Cannot do it: port must be an integer, received 1.5"],
  [{ name: "x", port: 1e999 }, "Cannot do it: port must be an integer, received Infinity"],
  [{ name: "x", port: 0 }, "Cannot do it: port must be 1 or more, received 0"],
  [{ name: "x", port: 10 }, "Cannot do it: port must be 9 or less, received 10"],
  [{ name: "x", list: {} }, "Cannot do it: list must be a list, received an object"],
  [
    { name: "x", list: [{ on: true }, { on: 1 }] },
    "Cannot do it: list.1.on must be true or false, received 1",
  ],
  [{ name: "x", list: [{}] }, "Cannot do it: list.0.on is required"],
  [{ name: "x", map: "y" }, 'Cannot do it: map must be an object, received "y"'],
];

for (const [value, message] of CASES) {
  Deno.test(`validate(): ${message.slice(14, 90)}`, () => {
    assert.throws(
      () => validate("do it", schema, value),
      (error: Error) => error instanceof BadRequestError && error.message === message,
    );
  });
}

Deno.test("validate(): answers with defaults filled in, unknown members left out", () => {
  assert.deepEqual(validate("do it", schema, { name: "x", more: 1 }), { name: "x", kind: "a" });
});

Deno.test("assertWellFormed(): refuses half a character, wherever it stands", () => {
  for (const text of ["\ud83d", "a\udc4b", "\udc4b\ud83d", `${"x".repeat(100_000)}\ud83d`]) {
    assert.throws(
      () => assertWellFormed("do it", text),
      /^BadRequestError: Cannot do it: .*unpaired surrogate/,
    );
  }
  for (const text of ["", "a", "👋", "\uffff", "\ufffd"]) assertWellFormed("do it", text);
});
