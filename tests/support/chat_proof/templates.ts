/**
 * Chat templates that the proof is played with. All write `<|im_start|>` headers; they differ in what they do to earlier turns.
 *
 * @module
 */
import type { LoadedTokenizer } from "../../../src/tokenizer/load.ts";
import { IDS_CHAT_TEMPLATE, loadTinyWithTemplate, TINY_CHAT_TEMPLATE } from "../tiny_tokenizer.ts";

/** In the way of Qwen3: it drops the reasoning of earlier turns, and opens it where it is asked to. */
const THINKING =
  `{%- if tools %}{{- '<|im_start|>system\\n' + (tools | tojson) + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(last=0) %}
{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' and message.reasoning_content and loop.index0 > ns.last %}
{{- '<think>\\n' + message.reasoning_content.strip('\\n') + '\\n</think>\\n\\n' }}
{%- endif %}
{%- if message.content is string %}{{- message.content.lstrip('\\n') }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if variant == 1 %}{{- '<think>\\n' }}{%- endif %}{%- endif %}`;

/** Results that follow one another are one user's turn. */
const FOLDING = TINY_CHAT_TEMPLATE
  .replace(
    "{{- '<|im_start|>' + message.role + '\\n' }}",
    `{%- set is_tool = message.role == 'tool' %}
{%- set is_first = loop.first or messages[loop.index0 - 1].role != 'tool' %}
{%- set is_last = loop.last or messages[loop.index0 + 1].role != 'tool' %}
{%- if not is_tool %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- else %}{{- ('<|im_start|>user' if is_first else '') + '\\n<tool_response>\\n' }}{%- endif %}`,
  )
  .replace(
    "{{- '<|im_end|>\\n' }}\n{%- endfor %}",
    `{%- if is_tool %}{{- '\\n</tool_response>' }}{%- endif %}
{%- if not is_tool or is_last %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}`,
  );

/** The last turn ends with another token than earlier ones. */
const RETURNING = TINY_CHAT_TEMPLATE.replace(
  "{{- '<|im_end|>\\n' }}\n{%- endfor %}",
  "{{- '<|endoftext|>' if loop.last and message.role == 'assistant' else '<|im_end|>\\n' }}\n{%- endfor %}",
);

/** Trims what everybody says, and writes arguments in a way of its own: no turn stands as it was sampled. */
const TRIMMING = TINY_CHAT_TEMPLATE
  .replace("{{- message.content }}", "{{- message.content | trim }}")
  .replace(
    "(call.function | tojson)",
    "call.function.name + ' ' + (call.function.arguments | tojson(indent=1))",
  );

const TEMPLATES = {
  chatml: { source: TINY_CHAT_TEMPLATE, isAppendOnly: true },
  thinking: { source: THINKING, isAppendOnly: false },
  ids: { source: IDS_CHAT_TEMPLATE, isAppendOnly: true },
  folding: { source: FOLDING, isAppendOnly: true },
  returning: { source: RETURNING, isAppendOnly: true },
  trimming: { source: TRIMMING, isAppendOnly: true },
} as const;

/** Name of a template. */
export type TemplateName = keyof typeof TEMPLATES;

/** Most scripts play with the first two. */
export const TEMPLATE_NAMES: readonly TemplateName[] = [
  ...["chatml", "chatml", "thinking", "thinking", "thinking"] as const,
  ...["ids", "folding", "returning", "trimming"] as const,
];

/** Whether a template keeps a conversation whatever is added to it. */
export function isAppendOnly(name: TemplateName): boolean {
  return TEMPLATES[name].isAppendOnly;
}

const loaded = new Map<TemplateName, Promise<LoadedTokenizer>>();

/** The tiny tokenizer with a template. Once a name. */
export function loadTemplate(name: TemplateName): Promise<LoadedTokenizer> {
  const loading = loaded.get(name) ?? loadTinyWithTemplate(TEMPLATES[name].source);
  loaded.set(name, loading);
  return loading;
}
