/**
 * From `tool_choice` to what an engine may sample: calls in the model's own format, so that what is sampled under the
 * constraint is what the chat template would print, and what the parser reads.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { anyText, type CallGrammar, either, fixed, sequence, tag, type TagFormat } from "./call_grammar.ts";
import { deepseekFencedGrammar, deepseekGrammar } from "./formats/deepseek.ts";
import { glmGrammar } from "./formats/glm.ts";
import { harmonyGrammar } from "./formats/harmony.ts";
import { hermesGrammar } from "./formats/hermes.ts";
import { kimiGrammar } from "./formats/kimi.ts";
import { llama3JsonGrammar } from "./formats/llama3_json.ts";
import { qwen3CoderGrammar } from "./formats/qwen3_coder.ts";
import { opensReasoning } from "./guess.ts";

const GRAMMARS: Readonly<Record<string, CallGrammar>> = {
  hermes: hermesGrammar,
  qwen3_coder: qwen3CoderGrammar,
  glm: glmGrammar,
  llama3_json: llama3JsonGrammar,
  deepseek: deepseekGrammar,
  kimi: kimiGrammar,
  harmony: harmonyGrammar,
};

/** DeepSeek's templates that fence arguments print this. */
const FENCE_MARK = "```json";

/** A function that may be called. */
export interface CallableFunction {
  readonly name: string;
  /** JSON schema of its arguments. */
  readonly parameters: JsonObject;
}

/** What {@link constrainCalls} is told. */
export interface CallConstraint {
  /** The reply is one call or several, and nothing else but reasoning. False: text, and calls in it. */
  readonly mustCall: boolean;
  /** The reply ends with its first call. */
  readonly isSingle: boolean;
  /** The functions that may be called; at least one. */
  readonly functions: readonly CallableFunction[];
  readonly reasoningFormat: string;
  /** The end of the prompt's text: it may end inside reasoning. */
  readonly promptTail: string;
}

/** The grammar of a tool format; undefined when it has none. @param templateText tells DeepSeek's two apart */
export function callGrammar(toolFormat: string, templateText: string): CallGrammar | undefined {
  if (toolFormat === "deepseek" && templateText.includes(FENCE_MARK)) return deepseekFencedGrammar;
  return Object.hasOwn(GRAMMARS, toolFormat) ? GRAMMARS[toolFormat] : undefined;
}

/** The constraint as a structural tag, in the form of `response_format`. */
export function constrainCalls(grammar: CallGrammar, constraint: CallConstraint): JsonObject {
  const tags = constraint.functions.flatMap(({ name, parameters }) => grammar.calls(name, parameters));
  const body = constraint.mustCall
    ? callsOnly(grammar, tags, constraint.isSingle)
    : textAndCalls(grammar, tags, constraint.isSingle);
  return { type: "structural_tag", format: afterReasoning(body, constraint) };
}

function callsOnly(grammar: CallGrammar, tags: TagFormat[], isSingle: boolean): JsonObject {
  const calls = someOf(grammar, tags, isSingle);
  const { section } = grammar;
  return section === undefined ? calls : tag(section.begin, calls, section.end);
}

function textAndCalls(grammar: CallGrammar, tags: TagFormat[], isSingle: boolean): JsonObject {
  const { section, trigger } = grammar;
  const groups = section === undefined ? tags : [callsOnly(grammar, tags, isSingle)];
  return { type: "triggered_tags", triggers: [trigger], tags: groups, stop_after_first: isSingle };
}

function someOf({ separator }: CallGrammar, tags: TagFormat[], isSingle: boolean): JsonObject {
  if (isSingle || separator === null) return either(...tags);
  return { type: "tags_with_separator", tags, separator, at_least_one: true };
}

/** `body`, behind the reasoning that the prompt has opened, or that the model may begin with. */
function afterReasoning(body: JsonObject, { reasoningFormat, promptTail }: CallConstraint): JsonObject {
  const reasoning = REASONING[reasoningFormat];
  if (reasoning === undefined) return body;
  const [opener, closer, between] = reasoning;
  if (opensReasoning(promptTail, reasoningFormat)) return sequence(tag("", anyText, closer), between, body);
  // The template closed it: the model is not to think.
  if (promptTail.trimEnd().endsWith(closer)) return body;
  return either(body, sequence(tag(opener, anyText, closer), between, body));
}

/** Opener, closer and what comes before the next part, by reasoning format. */
const REASONING: Readonly<Record<string, readonly [string, string, JsonObject]>> = {
  think: ["<think>", "</think>", { type: "regex", pattern: "\\n{0,4}" }],
  harmony: ["<|channel|>analysis<|message|>", "<|end|>", fixed("<|start|>assistant")],
};
