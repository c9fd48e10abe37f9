/**
 * What a tool's JSON schema says about a parameter, and what that makes of a value that is written as plain text.
 *
 * @module
 */
import { jsonKind } from "./json_scanner.ts";

/** Names of JSON's types, as schemas have them; `integer` counts as `number`. */
export type JsonType = "object" | "array" | "string" | "number" | "boolean" | "null";

/** Types that a value may have; undefined when nothing says. */
export type TypeSet = ReadonlySet<JsonType> | undefined;

/** Deepest chain of `anyOf`, `oneOf`, `allOf` and `$ref` that is followed. */
const SCHEMA_DEPTH_MAX = 8;

type Members = Readonly<Record<string, unknown>>;

/** The schema of the parameters of tool `name`; undefined when the tools have none of that name, or no schema. */
export function parametersSchema(tools: readonly unknown[], name: string): Members | undefined {
  for (const tool of tools) {
    const declared = members(tool)?.["function"] ?? tool;
    if (members(declared)?.["name"] === name) return members(members(declared)?.["parameters"]);
  }
  return undefined;
}

/** Types of parameter `key` under the schema of all parameters. */
export function parameterTypes(schema: Members | undefined, key: string): TypeSet {
  const properties = members(schema?.["properties"]);
  if (schema === undefined || properties === undefined || !Object.hasOwn(properties, key)) return undefined;
  const types = new Set<JsonType>();
  collect(properties[key], schema, types, SCHEMA_DEPTH_MAX);
  return types.size > 0 ? types : undefined;
}

function collect(node: unknown, root: Members, types: Set<JsonType>, depth: number): void {
  const schema = members(node);
  if (schema === undefined || depth === 0) return;
  const declared = [schema["type"]].flat();
  for (const type of declared) if (typeof type === "string") addType(type, types);
  if (types.size === 0) {
    const values = Array.isArray(schema["enum"])
      ? schema["enum"]
      : "const" in schema
      ? [schema["const"]]
      : [];
    for (const value of values) addType(typeOf(value), types);
  }
  for (const alternatives of [schema["anyOf"], schema["oneOf"], schema["allOf"]]) {
    if (Array.isArray(alternatives)) {
      for (const each of alternatives) collect(each, root, types, depth - 1);
    }
  }
  const reference = schema["$ref"];
  if (typeof reference === "string") collect(resolve(reference, root), root, types, depth - 1);
}

function addType(type: string, types: Set<JsonType>): void {
  if (type === "integer") types.add("number");
  else if (["object", "array", "string", "number", "boolean", "null"].includes(type)) {
    types.add(type as JsonType);
  }
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** What a reference inside the document (`#/$defs/Unit`) leads to. */
function resolve(reference: string, root: Members): unknown {
  if (!reference.startsWith("#/")) return undefined;
  let node: unknown = root;
  for (const step of reference.slice(2).split("/")) {
    node = members(node)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return node;
}

function members(value: unknown): Members | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Members : undefined;
}

/**
 * The JSON text for a value written as `text`. Numbers, objects and arrays keep the model's own literals.
 *
 * A value that the schema lets be a string is one, save `null` where null is allowed too, and objects and arrays where
 * those are. Where nothing is said, what is JSON stays JSON. What does not fit its type becomes a string.
 */
export function toJsonText(text: string, types: TypeSet): string {
  const trimmed = text.trim();
  const kind = jsonKind(trimmed);
  if (types === undefined) return kind === undefined || kind === "string" ? quoted(text) : trimmed;
  if (types.has("string")) {
    const kept = kind === "null" || kind === "object" || kind === "array";
    return kept && types.has(kind) ? trimmed : quoted(text);
  }
  if (kind !== undefined && types.has(kind)) return trimmed;
  if (types.has("boolean") && /^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase();
  if (types.has("null") && /^(null|none)$/i.test(trimmed)) return "null";
  return quoted(text);
}

/** Whether every value of these types that begins with `text` is a string by `toJsonText`. */
export function isStringFrom(text: string, types: TypeSet): boolean {
  const start = text.trimStart();
  if (types === undefined) return !Object.values(START_OF).some((pattern) => pattern.test(start));
  if (!types.has("string")) return false;
  return !(["object", "array", "null"] as const).some((type) =>
    types.has(type) && START_OF[type].test(start)
  );
}

/** What the beginning of a value of each type looks like; the empty text may become any. */
const START_OF: Readonly<Record<Exclude<JsonType, "string">, RegExp>> = {
  object: /^(?:\{|$)/,
  array: /^(?:\[|$)/,
  number: /^(?:[-0-9]|$)/,
  boolean: /^(?:$|t$|tr$|tru$|true\s*$|f$|fa$|fal$|fals$|false\s*$)/,
  null: /^(?:$|n$|nu$|nul$|null\s*$)/,
};

/** `text` as a JSON string. */
export function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** `text` as it stands inside a JSON string. Any cutting of the text gives the same: units are escaped one by one. */
export function escaped(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/["\\\u0000-\u001f]/g, (unit) => JSON.stringify(unit).slice(1, -1));
}
