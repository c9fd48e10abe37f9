/**
 * A chat template in the manner of harmony, small: system and developer messages, tools as a namespace, channels, calls
 * that end with `<|call|>`, a last answer that ends with `<|return|>`, analysis that is left out once there is an answer.
 *
 * As in the model's own, a call's recipient stands before the channel, although the model may write it behind, and the
 * analysis of a turn is read from `thinking`.
 *
 * @module
 */
export const HARMONY_TEMPLATE = `
{%- macro says(header, text, end='<|end|>') -%}
<|start|>{{ header }}<|message|>{{ text }}{{ end }}
{%- endmacro -%}
{%- set given = messages -%}
{%- set rules = '' -%}
{%- if messages[0].role in ['system', 'developer'] -%}
{%- set rules = messages[0].content -%}
{%- set given = messages[1:] -%}
{%- endif -%}
{{- says('system', 'Reasoning: ' + reasoning_effort | default('medium') + '\\nValid channels: analysis, commentary, final.') -}}
{%- if rules or tools -%}
<|start|>developer<|message|>
{%- if rules -%}{{ '# Instructions\\n' + rules + '\\n' }}{%- endif -%}
{%- if tools -%}
{{- '# Tools\\nnamespace functions {\\n' -}}
{%- for tool in tools -%}
{{- 'type ' + tool.function.name + ' = (_: ' + tool.function.parameters | tojson + ') => any;\\n' -}}
{%- endfor -%}
{{- '}' -}}
{%- endif -%}
<|end|>
{%- endif -%}
{%- set state = namespace(answered=-1, called='') -%}
{%- for message in given -%}
{%- if message.role == 'assistant' and not message.tool_calls -%}{%- set state.answered = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in given -%}
{%- if message.role == 'assistant' -%}
{%- set is_last = loop.last and not add_generation_prompt -%}
{%- if message.thinking and (loop.index0 > state.answered or is_last) -%}
{{- says('assistant<|channel|>analysis', message.thinking) -}}
{%- endif -%}
{%- if message.tool_calls -%}
{%- if message.content -%}{{- says('assistant<|channel|>commentary', message.content) -}}{%- endif -%}
{%- set call = message.tool_calls[0].function -%}
{%- set state.called = call.name -%}
{{- says('assistant to=functions.' + call.name + '<|channel|>commentary json', call.arguments | tojson, '<|call|>') -}}
{%- else -%}
{{- says('assistant<|channel|>final', message.content, '<|return|>' if is_last else '<|end|>') -}}
{%- endif -%}
{%- elif message.role == 'tool' -%}
{{- says('functions.' + state.called + ' to=assistant<|channel|>commentary', message.content | tojson) -}}
{%- else -%}
{{- says(message.role, message.content) -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}
`;
