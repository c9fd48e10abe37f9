/**
 * OpenAI's `tool_choice` and `parallel_tool_calls`: which tools may, must or must not be called.
 *
 * @module
 */
import type { CallableFunction } from "../../parse/constrain.ts";
import { isFunctionName } from "../../parse/steps.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { isObject, refuse } from "./fields.ts";

/** What a request says of calls. */
export interface ToolChoice {
  /** `auto`: as the model likes; `none`: no calls are looked for; `required`: one or more; `named`: one of that function. */
  readonly kind: "auto" | "none" | "required" | "named";
  /**
   * What the engine is held to; null: to nothing, as always with `none`, and with `auto` unless calls are limited in
   * number or to some of the tools.
   */
  readonly limit: CallLimit | null;
}

/** Calls that the engine may sample. */
export interface CallLimit {
  readonly functions: readonly CallableFunction[];
  readonly isSingle: boolean;
}

const FREE: ToolChoice = { kind: "auto", limit: null };
const NONE: ToolChoice = { kind: "none", limit: null };
/** Arguments of a tool that tells no schema, or that asks not to be held to it. */
const ANY_OBJECT: JsonObject = { type: "object" };
/** Sampling fields that hold the engine to a grammar of the client's own. */
const GRAMMAR_FIELDS = [
  ...["regex", "ebnf", "json_schema", "structural_tag"],
  ...["structured_outputs", "guided_json", "guided_regex", "guided_grammar", "guided_choice"],
];

/**
 * Reads `tool_choice` and `parallel_tool_calls`.
 *
 * @throws {ChatRequestError} for a choice that the tools do not bear
 */
export function readToolChoice(body: JsonObject, tools: readonly JsonObject[] | null): ToolChoice {
  const choice = body.tool_choice ?? "auto";
  const isSingle = readParallel(body.parallel_tool_calls) === false;
  if (choice === "none") return NONE;
  if (choice === "auto") return isSingle && tools !== null ? limited("auto", tools, isSingle) : FREE;
  if (choice === "required") return limited("required", someTools(tools), isSingle);
  if (isObject(choice) && choice.type === "function") {
    return limited("named", [namedTool(choice.function, "tool_choice.function.name", tools)], true);
  }
  if (isObject(choice) && choice.type === "allowed_tools") {
    return readAllowed(choice.allowed_tools, someTools(tools), isSingle);
  }
  return refuse(
    "tool_choice",
    '"auto", "none", "required", {"type": "function", …} or {"type": "allowed_tools", …}',
    choice,
  );
}

/**
 * The first field that holds the engine to a grammar of the client's own, at the top or in `sampling_params`; null:
 * none. A `response_format` is not one: it is about the text of a reply, and one that must call has none.
 */
export function grammarField(extra: JsonObject): string | null {
  const { sampling_params: params } = extra;
  const all = isObject(params) ? { ...params, ...extra } : extra;
  return GRAMMAR_FIELDS.find((name) => all[name] !== undefined && all[name] !== null) ?? null;
}

/** Whether a `response_format` holds the engine to anything. */
export function isGrammar(responseFormat: JsonValue | undefined): boolean {
  return isObject(responseFormat) && responseFormat.type !== "text";
}

function readAllowed(
  allowed: JsonValue | undefined,
  tools: readonly JsonObject[],
  isSingle: boolean,
): ToolChoice {
  const at = "tool_choice.allowed_tools";
  if (!isObject(allowed)) return refuse(at, "an object", allowed);
  const { mode, tools: listed } = allowed;
  if (mode !== "auto" && mode !== "required") refuse(`${at}.mode`, '"auto" or "required"', mode);
  if (!Array.isArray(listed) || listed.length === 0) {
    refuse(`${at}.tools`, "a list of tools, not empty", listed);
  }
  const chosen = listed.map((tool, index) =>
    namedTool(isObject(tool) ? tool.function : tool, `${at}.tools[${index}].function.name`, tools)
  );
  return limited(mode, chosen, isSingle);
}

function limited(kind: ToolChoice["kind"], tools: readonly JsonObject[], isSingle: boolean): ToolChoice {
  return { kind, limit: { functions: tools.map(callable), isSingle } };
}

function someTools(tools: readonly JsonObject[] | null): readonly JsonObject[] {
  if (tools !== null) return tools;
  throw new ChatRequestError("tool_choice", "tool_choice needs tools, received none");
}

function namedTool(
  called: JsonValue | undefined,
  at: string,
  tools: readonly JsonObject[] | null,
): JsonObject {
  const name = isObject(called) ? called.name : called;
  if (typeof name !== "string") return refuse(at, "a string", name);
  const tool = someTools(tools).find(({ function: each }) => isObject(each) && each.name === name);
  return tool ?? refuse(at, "the name of one of the tools", name);
}

function callable(tool: JsonObject, index: number): CallableFunction {
  const called = tool.function;
  const at = `tools[${index}].function`;
  if (!isObject(called)) return refuse(at, "an object, to be called", called);
  const { name, parameters, strict } = called;
  if (typeof name !== "string" || !isFunctionName(name)) {
    return refuse(`${at}.name`, "a name without white space and markup", name);
  }
  const hasSchema = isObject(parameters) && Object.keys(parameters).length > 0 && strict !== false;
  return { name, parameters: hasSchema ? parameters : ANY_OBJECT };
}

function readParallel(value: JsonValue | undefined): boolean | null {
  if (value === undefined || value === null || typeof value === "boolean") return value ?? null;
  return refuse("parallel_tool_calls", "true or false", value);
}
