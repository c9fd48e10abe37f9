/**
 * Checks values against the part of JSON Schema that `/openapi.json` uses. A keyword that this file does not know is an
 * error: nothing in the document goes unchecked.
 *
 * @module
 */
import type { Schema } from "../../src/api/openapi_schemas.ts";

const KNOWN_KEYWORDS = new Set([
  "$ref",
  "type",
  "description",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "minItems",
  "items",
  "properties",
  "required",
  "additionalProperties",
]);

const PREFIX = "#/components/schemas/";

/** What does not fit, each as `path: what`; empty when the value fits. */
export function violations(
  schema: Schema,
  value: unknown,
  schemas: Readonly<Record<string, Schema>>,
  path = "$",
): string[] {
  const unknown = Object.keys(schema).filter((keyword) => !KNOWN_KEYWORDS.has(keyword));
  if (unknown.length > 0) throw new Error(`Cannot check ${path}: unknown keywords ${unknown}`);
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref.replace(PREFIX, "")];
    if (target === undefined) throw new Error(`Cannot resolve ${schema.$ref}`);
    return violations(target, value, schemas, path);
  }
  const found: string[] = [];
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => hasType(value, type))) {
    return [`${path}: ${JSON.stringify(value)} is not ${types.join(" or ")}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) found.push(`${path}: not in enum`);
  if (typeof value === "number") {
    if (value < (schema.minimum ?? -Infinity)) found.push(`${path}: below ${schema.minimum}`);
    if (value > (schema.maximum ?? Infinity)) found.push(`${path}: above ${schema.maximum}`);
  }
  if (Array.isArray(value)) {
    value.forEach((item, i) => found.push(...violations(schema.items ?? {}, item, schemas, `${path}[${i}]`)));
  } else if (typeof value === "object" && value !== null) {
    found.push(...memberViolations(schema, value, schemas, path));
  }
  return found;
}

function memberViolations(
  schema: Schema,
  value: object,
  schemas: Readonly<Record<string, Schema>>,
  path: string,
): string[] {
  const found: string[] = [];
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) found.push(`${path}.${name}: missing`);
  }
  for (const [name, member] of Object.entries(value)) {
    const rule = schema.properties?.[name] ?? schema.additionalProperties ?? true;
    if (rule === false) found.push(`${path}.${name}: not expected`);
    else if (rule !== true) found.push(...violations(rule, member, schemas, `${path}.${name}`));
  }
  return found;
}

function hasType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  const kind: string = typeof value;
  return kind === type;
}
