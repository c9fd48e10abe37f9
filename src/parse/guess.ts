/**
 * Which formats a model speaks, read off its chat template.
 *
 * @module
 */
import type { ReasoningFormat, ToolFormat } from "./create.ts";

/** A pair of formats. */
export interface OutputFormats {
  readonly toolFormat: ToolFormat;
  readonly reasoningFormat: ReasoningFormat;
}

/** What a template of each tool format contains, all of it; the first that fits is taken. */
const MARKS: readonly (readonly [ToolFormat, readonly string[]])[] = [
  ["harmony", ["<|channel|>", "<|message|>"]],
  ["deepseek", ["<｜tool▁calls▁begin｜>"]],
  ["kimi", ["<|tool_call_begin|>"]],
  ["glm", ["<arg_key>"]],
  ["qwen3_coder", ["<function=", "<parameter="]],
  ["hermes", ["<tool_call>"]],
  ["llama3_json", ["<|python_tag|>"]],
  ["llama3_json", ["<|start_header_id|>", "tools", '"parameters"']],
];

/**
 * Guesses both formats from a template's text, or from the texts of a model that has several. What the template does
 * not write is `none`: a model is not shown tools by a template that has none.
 */
export function toolFormatFor(
  chatTemplateSource: string | Readonly<Record<string, string>>,
): OutputFormats {
  const text = typeof chatTemplateSource === "string"
    ? chatTemplateSource
    : Object.values(chatTemplateSource).join("\n");
  const toolFormat = MARKS.find(([, marks]) => marks.every((mark) => text.includes(mark)))?.[0] ?? "none";
  if (toolFormat === "harmony") return { toolFormat, reasoningFormat: "harmony" };
  return { toolFormat, reasoningFormat: /<\/?think>/.test(text) ? "think" : "none" };
}

/** Whether a prompt ends inside reasoning, so that what is sampled next is reasoning: `reasoningOpen` of a parser. */
export function opensReasoning(prompt: string, reasoningFormat: string): boolean {
  if (reasoningFormat === "think") return prompt.trimEnd().endsWith("<think>");
  return reasoningFormat === "harmony" && /<\|channel\|>analysis<\|message\|>\s*$/.test(prompt.slice(-256));
}
