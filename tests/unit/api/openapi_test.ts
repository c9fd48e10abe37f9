import assert from "node:assert/strict";
import { OPENAPI_DOCUMENT, PATHS } from "../../../src/api/openapi.ts";
import { type Schema, SCHEMAS } from "../../../src/api/openapi_schemas.ts";
import { violations } from "../../support/json_schema.ts";

const operations = Object.entries(PATHS).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
);

/** Every object within a JSON value. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const member of Object.values(value)) yield* objectsIn(member);
}

Deno.test("OPENAPI_DOCUMENT: operation ids are unique", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.deepEqual([...new Set(ids)], ids);
});

Deno.test("OPENAPI_DOCUMENT: every reference leads to a schema, and every schema is used", () => {
  const used = new Set<string>();
  for (const { $ref } of objectsIn(OPENAPI_DOCUMENT)) {
    if (typeof $ref === "string") used.add($ref.replace("#/components/schemas/", ""));
  }
  assert.deepEqual([...used].sort(), Object.keys(SCHEMAS).sort());
});

Deno.test("OPENAPI_DOCUMENT: path parameters are declared, and only those", () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((p) => p.in === "path").map((p) => p.name);
    assert.deepEqual(declared, inPath, path);
  }
});

Deno.test("OPENAPI_DOCUMENT: required members are among the properties", () => {
  for (const { required, properties } of objectsIn(SCHEMAS)) {
    if (!Array.isArray(required)) continue;
    for (const name of required) assert.ok(Object.hasOwn(properties as object, name), name);
  }
});

Deno.test("OPENAPI_DOCUMENT: every 4xx is {error}, in OpenAI's shape for its chat", () => {
  for (const { path, operation } of operations) {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (!status.startsWith("4")) continue;
      const name = path.includes("/v1/") ? "OpenAiError" : "Error";
      assert.deepEqual(content["application/json"]?.schema, { $ref: `#/components/schemas/${name}` }, path);
    }
  }
});

Deno.test("violations(): tells what does not fit a schema", () => {
  const schemas = { Id: { type: "integer", minimum: 0 } } satisfies Record<string, Schema>;
  const schema: Schema = {
    type: "object",
    properties: { ids: { type: "array", items: { $ref: "#/components/schemas/Id" } }, kind: { enum: ["a"] } },
    required: ["ids"],
    additionalProperties: false,
  };
  const cases: [unknown, string[]][] = [
    [{ ids: [0, 1] }, []],
    [{}, ["$.ids: missing"]],
    [{ ids: [1.5] }, ["$.ids[0]: 1.5 is not integer"]],
    [{ ids: [-1], kind: "b" }, ["$.ids[0]: below 0", "$.kind: not in enum"]],
    [{ ids: [], more: 1 }, ["$.more: not expected"]],
    [[], ["$: [] is not object"]],
  ];
  for (const [value, expected] of cases) assert.deepEqual(violations(schema, value, schemas), expected);
  assert.throws(() => violations({ oneOf: [] } as Schema, 1, {}), /unknown keywords oneOf/);
});
