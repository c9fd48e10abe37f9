import assert from "node:assert/strict";
import fc from "fast-check";
import {
  escaped,
  isStringFrom,
  type JsonType,
  parametersSchema,
  parameterTypes,
  toJsonText,
} from "../../../src/parse/schema_types.ts";

const SCHEMA = {
  $defs: { Loop: { $ref: "#/$defs/Loop" }, "a/b": { type: "boolean" } },
  properties: {
    plain: { type: "integer" },
    several: { type: ["string", "null"] },
    anyOf: { anyOf: [{ type: "array" }, { oneOf: [{ type: "null" }] }] },
    values: { enum: [1, "a", null, [1]] },
    typedValues: { type: "string", enum: [1] },
    reference: { $ref: "#/$defs/a~1b" },
    loop: { $ref: "#/$defs/Loop" },
    elsewhere: { $ref: "https://example.com/schema.json" },
    unknown: { type: "date" },
    wrong: 3,
  },
};

Deno.test("parameterTypes() gathers the types of a parameter", () => {
  const expected: Record<string, JsonType[] | undefined> = {
    plain: ["number"],
    several: ["string", "null"],
    anyOf: ["array", "null"],
    values: ["number", "string", "null", "array"],
    typedValues: ["string"],
    reference: ["boolean"],
    loop: undefined,
    elsewhere: undefined,
    unknown: undefined,
    wrong: undefined,
    missing: undefined,
    constructor: undefined,
  };
  for (const [key, types] of Object.entries(expected)) {
    assert.deepEqual(parameterTypes(SCHEMA, key), types && new Set(types), key);
  }
});

Deno.test("parametersSchema() finds a tool by name and takes whatever tools it is given", () => {
  const tools = [null, "f", { function: 3 }, { function: { name: "f", parameters: SCHEMA } }, { name: "g" }];
  assert.equal(parametersSchema(tools, "f"), SCHEMA);
  assert.equal(parametersSchema(tools, "g"), undefined);
  assert.equal(parametersSchema(tools, "h"), undefined);
});

Deno.test("toJsonText() gives JSON for any text and any types", () => {
  const types = fc.option(
    fc.uniqueArray(fc.constantFrom("object", "array", "string", "number", "boolean", "null"), {
      minLength: 1,
    })
      .map((names) => new Set<JsonType>(names as JsonType[])),
    { nil: undefined },
  );
  const text = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("True", " none ", "1 ", "\u00a01"),
  );
  fc.assert(
    fc.property(text, types, fc.nat(40), (value, allowed, length) => {
      const json = toJsonText(value, allowed);
      const parsed: unknown = JSON.parse(json);
      if (allowed?.size === 1 && allowed.has("string")) assert.equal(parsed, value);
      if (isStringFrom(value.slice(0, length), allowed)) assert.equal(parsed, value);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("escaped() of pieces is the pieces of escaped()", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(text.split("").map(escaped).join(""), escaped(text));
  }));
});
