import assert from "node:assert/strict";
import { constrainedText, grammarParams } from "../../../src/engine/simulated/constrained_text.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";

const text = (schema: JsonValue) => constrainedText({ json_schema: JSON.stringify(schema) });

Deno.test("constrainedText() gives a small value that a schema allows", () => {
  const cases: [JsonObject, JsonValue][] = [
    [{ type: "object" }, {}],
    [{ properties: { a: { type: "string" }, b: { type: "null" } }, required: ["a", "b"] }, {
      a: "hello",
      b: null,
    }],
    [{ type: "string", minLength: 8 }, "helloooo"],
    [{ type: ["integer", "null"], minimum: 3.5 }, 4],
    [{ type: "number" }, 1],
    [{ type: "boolean" }, true],
    [{ type: "array", items: { type: "boolean" } }, []],
    [{ type: "array", items: { type: "boolean" }, minItems: 1 }, [true]],
    [{ enum: ["b", "a"] }, "b"],
    [{ const: 7 }, 7],
    [{ anyOf: [{ type: "integer" }, { type: "string" }] }, 1],
    [{ $ref: "#/$defs/a~1b", $defs: { "a/b": { const: "found" } } }, "found"],
    [{ $ref: "#/$defs/none" }, null],
    [{ $ref: "#" }, null],
    [{}, null],
  ];
  for (const [schema, expected] of cases) {
    assert.deepEqual(JSON.parse(text(schema)!), expected, JSON.stringify(schema));
  }
});

Deno.test("constrainedText() reads no other grammar, and nothing that is broken", () => {
  for (const params of [{}, { regex: "a+" }, { json_schema: "{" }, { structural_tag: null }]) {
    assert.equal(constrainedText(params), null);
  }
  for (const format of [null, {}, { type: "any_text" }, { type: "or" }, { type: "sequence" }]) {
    assert.equal(typeof constrainedText({ structural_tag: { format } }), "string");
  }
});

Deno.test("grammarParams() puts vLLM's and OpenAI's names into SGLang's", () => {
  const schema = { type: "object" };
  const tag = { type: "structural_tag", format: {} };
  const cases: [JsonValue | undefined, JsonValue | undefined, JsonObject][] = [
    [undefined, undefined, {}],
    [{ json: schema }, undefined, { json_schema: schema }],
    [{ json_object: true }, undefined, { json_schema: schema }],
    [{ structural_tag: "x" }, undefined, { structural_tag: "x" }],
    [undefined, { type: "json_object" }, { json_schema: schema }],
    [undefined, { type: "json_schema", json_schema: { schema } }, { json_schema: schema }],
    [undefined, tag, { structural_tag: tag }],
    [undefined, { type: "text" }, {}],
  ];
  for (const [structured, format, expected] of cases) {
    assert.deepEqual(grammarParams(structured, format), expected);
  }
});
