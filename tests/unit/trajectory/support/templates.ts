/** Chat templates that differ in what they do to earlier turns, over one tiny tokenizer. */
import { ChatRenderer } from "../../../../src/trajectory/chat_renderer.ts";
import { TemplateClock } from "../../../../src/trajectory/template_clock.ts";
import type { PlanParts } from "../../../../src/trajectory/plan.ts";
import { ChatTemplate } from "../../../../src/tokenizer/chat_template.ts";
import { loadTokenizerFromData } from "../../../../src/tokenizer/load.ts";
import type { Tokenizer } from "../../../../src/tokenizer/tokenizer.ts";
import {
  TINY_CHAT_TEMPLATE,
  tinyTokenizerConfig,
  tinyTokenizerJson,
} from "../../../support/tiny_tokenizer.ts";

/** ChatML that prints reasoning in every turn: append-only. */
export const REASONING_TEMPLATE = `{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\\n' }}
{%- if m.reasoning_content %}{{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}
{%- if m.content is string %}{{- m.content }}{%- endif %}
{%- for call in m.tool_calls or [] %}
{{- '<tool_call>' + (call.function | tojson) + '</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

/** As above, but reasoning stays in the last turn and behind the last user only: not append-only. */
export const DROPPING_TEMPLATE = REASONING_TEMPLATE
  .replace(
    "{%- for m in messages %}",
    "{%- set ns = namespace(last=-1) %}{%- for m in messages %}" +
      "{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}{%- for m in messages %}",
  )
  .replace("{%- if m.reasoning_content %}", "{%- if m.reasoning_content and loop.index0 > ns.last %}");

/** No closing: the next turn's header ends a turn, and is what the model samples as a stop. */
export const HEADER_TEMPLATE = `{%- for m in messages %}
{%- if m.role == 'tool' %}{{- '<|observation|>\\n' + m.content }}
{%- else %}{{- '<|' + m.role + '|>\\n' + (m.content or '') }}
{%- for call in m.tool_calls or [] %}{{- '\\n<tool_call>' + (call.function | tojson) + '</tool_call>' }}{%- endfor %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}`;

/** The last turn ends with another token than earlier ones. */
export const RETURN_TEMPLATE = TINY_CHAT_TEMPLATE.replace(
  "{{- '<|im_end|>\\n' }}\n{%- endfor %}",
  "{{- '<|return|>' if loop.last and message.role == 'assistant' else '<|im_end|>\\n' }}\n{%- endfor %}",
);

const EXTRA = ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "<|return|>"];

/** The tiny tokenizer with headers of other families. */
export async function loadTestTokenizer(): Promise<Tokenizer> {
  const { tokenizer } = await loadTokenizerFromData({
    source: "tiny",
    tokenizer: tinyTokenizerJson(EXTRA.map((content) => ({ content }))),
    config: tinyTokenizerConfig(),
  }, { worker: false });
  return tokenizer;
}

/** Planning over one template. */
export function planParts(tokenizer: Tokenizer, template: string, extra: Partial<PlanParts> = {}): PlanParts {
  const clock = new TemplateClock(() => 0);
  const renderer = new ChatRenderer(ChatTemplate.parse(template, { now: clock.now }), { clock });
  return { tokenizer, renderer, templateId: "test", ...extra };
}
