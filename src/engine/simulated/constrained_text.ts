/**
 * A text that obeys the grammar of a request: the simulated model fills in what the grammar leaves open as briefly as it can.
 *
 * Read are JSON schemas and structural tags; a request with another grammar is sampled as if it had none.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../../types.ts";
import { asObject, asString } from "../json_fields.ts";

/** Deepest that schemas and formats are followed; beyond it a value is null, a text empty. */
const DEPTH_MAX = 32;

/** The text for `sampling_params`; null: they hold the reply to nothing. */
export function constrainedText(params: JsonObject): string | null {
  const tag = parsed(params["structural_tag"]);
  if (tag !== null) return textOf(asObject(tag)?.["format"], 0);
  const schema = parsed(params["json_schema"]);
  return schema === null ? null : JSON.stringify(instanceOf(schema, schema, 0));
}

/** vLLM's `structured_outputs` and OpenAI's `response_format` in SGLang's names. */
export function grammarParams(structured: JsonValue | undefined, format: JsonValue | undefined): JsonObject {
  const { json, json_object: anyJson, structural_tag: tag } = asObject(structured) ?? {};
  const { type, json_schema: named } = asObject(format) ?? {};
  if (tag !== undefined) return { structural_tag: tag };
  if (json !== undefined) return { json_schema: json };
  if (anyJson === true || type === "json_object") return { json_schema: { type: "object" } };
  if (type === "structural_tag") return { structural_tag: format! };
  const schema = asObject(named)?.["schema"];
  return type === "json_schema" && schema !== undefined ? { json_schema: schema } : {};
}

function parsed(value: JsonValue | undefined): JsonValue {
  if (typeof value !== "string") return value ?? null;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function textOf(value: JsonValue | undefined, depth: number): string {
  const format = asObject(value);
  if (format === null || depth > DEPTH_MAX) return "";
  const { elements, tags, begin, end, content, json_schema: schema } = format;
  const inner = (each: JsonValue | undefined) => textOf(each, depth + 1);
  switch (format["type"]) {
    case "const_string":
      return asString(format["value"]) ?? "";
    case "sequence":
      return Array.isArray(elements) ? elements.map(inner).join("") : "";
    case "or":
      return Array.isArray(elements) ? inner(elements[0]) : "";
    case "tag":
      return `${asString(begin) ?? ""}${inner(content)}${asString(Array.isArray(end) ? end[0] : end) ?? ""}`;
    case "tags_with_separator":
    case "triggered_tags":
      return Array.isArray(tags) ? inner(tags[0]) : "";
    case "regex":
      return format["pattern"] === "[0-9]{1,4}" ? "0" : "";
    case "any_text":
      return "ok";
    case "qwen_xml_parameter":
      return xml(schema!, (key, text) => `<parameter=${key}>\n${text}\n</parameter>`);
    case "json_schema":
      if (format["style"] === "glm_xml") return glm(schema!);
      return JSON.stringify(instanceOf(schema ?? {}, schema ?? {}, 0));
  }
  return "";
}

function glm(schema: JsonValue): string {
  return xml(schema, (key, text) => `\n<arg_key>${key}</arg_key>\n<arg_value>${text}</arg_value>`) + "\n";
}

function xml(schema: JsonValue, write: (key: string, text: string) => string): string {
  const members = Object.entries(asObject(instanceOf(schema, schema, 0)) ?? {});
  return members.map(([key, value]) => write(key, typeof value === "string" ? value : JSON.stringify(value)))
    .join("\n");
}

/** A small value that a schema allows. */
function instanceOf(value: JsonValue | undefined, root: JsonValue, depth: number): JsonValue {
  const schema = asObject(value);
  if (schema === null || depth > DEPTH_MAX) return null;
  const { $ref: ref, const: constant, enum: values, anyOf, oneOf, allOf, type } = schema;
  if (constant !== undefined) return constant;
  if (Array.isArray(values)) return values[0] ?? null;
  if (typeof ref === "string") return instanceOf(atPointer(root, ref), root, depth + 1);
  const [variant] = [anyOf, oneOf, allOf].flatMap((each) => Array.isArray(each) ? each : []);
  if (variant !== undefined) return instanceOf(variant, root, depth + 1);
  switch (Array.isArray(type) ? type[0] : type ?? (schema["properties"] === undefined ? "null" : "object")) {
    case "object":
      return objectOf(schema, root, depth);
    case "array":
      return schema["minItems"] === undefined ? [] : [instanceOf(schema["items"], root, depth + 1)];
    case "string":
      return "hello".padEnd(typeof schema["minLength"] === "number" ? schema["minLength"] : 0, "o");
    case "integer":
    case "number":
      return typeof schema["minimum"] === "number" ? Math.ceil(schema["minimum"]) : 1;
    case "boolean":
      return true;
  }
  return null;
}

function objectOf(schema: JsonObject, root: JsonValue, depth: number): JsonObject {
  const properties = asObject(schema["properties"]) ?? {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const members = Object.entries(properties).filter(([key]) => required.includes(key));
  return Object.fromEntries(members.map(([key, each]) => [key, instanceOf(each, root, depth + 1)]));
}

function atPointer(root: JsonValue, ref: string): JsonValue | undefined {
  return ref.replace(/^#\/?/, "").split("/").filter((name) => name !== "").reduce<JsonValue | undefined>(
    (at, name) => asObject(at)?.[name.replaceAll("~1", "/").replaceAll("~0", "~")],
    root,
  );
}
