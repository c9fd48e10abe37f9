/**
 * How a format writes its calls, for engines that constrain what they sample: the mirror of a parser.
 *
 * The pieces are those of XGrammar's structural tags, which SGLang and vLLM take. Only pieces that its first version
 * knew are used.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";

/** A text between two fixed ones. */
export type TagFormat = JsonObject & { readonly type: "tag" };

/** The calls of one format. */
export interface CallGrammar {
  /** What a call, or the group of calls, begins with, whatever the function. */
  readonly trigger: string;
  /** Text around a group of calls. */
  readonly section?: { readonly begin: string; readonly end: string };
  /** Text between two calls; null: a reply holds one call at most. */
  readonly separator: string | null;
  /**
   * The ways to write a call.
   *
   * @param schema of the arguments, an object's
   */
  calls(name: string, schema: JsonObject): TagFormat[];
}

/** `begin`, the content, `end`; of several ends, one. */
export function tag(begin: string, content: JsonObject, end: string | string[]): TagFormat {
  return { type: "tag", begin, content, end };
}

/** JSON by a schema. */
export function jsonBy(schema: JsonObject): JsonObject {
  return { type: "json_schema", json_schema: schema };
}

/** A fixed text. */
export function fixed(value: string): JsonObject {
  return { type: "const_string", value };
}

/** Any text that the enclosing tag's end does not end. */
export const anyText: JsonObject = Object.freeze({ type: "any_text" });

/** One after the other. */
export function sequence(...elements: JsonObject[]): JsonObject {
  return { type: "sequence", elements };
}

/** One of several. */
export function either(...elements: JsonObject[]): JsonObject {
  return elements.length === 1 ? elements[0]! : { type: "or", elements };
}
