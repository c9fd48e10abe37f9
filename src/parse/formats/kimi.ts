/**
 * Kimi K2: `<|tool_call_begin|>functions.F:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`, in a section.
 *
 * @module
 */
import { CallArgumentsState } from "../call_arguments.ts";
import { type CallGrammar, fixed, jsonBy, sequence, tag } from "../call_grammar.ts";
import type { CallExit, ToolSyntax } from "../content.ts";
import type { Context, State } from "../machine.ts";
import { isFunctionName, UpToState } from "../steps.ts";

const section = { begin: "<|tool_calls_section_begin|>", end: "<|tool_calls_section_end|>" };
const OPENER = "<|tool_call_begin|>";
const ARGUMENTS = "<|tool_call_argument_begin|>";
const CLOSER = "<|tool_call_end|>";
const tokens = [section.begin, section.end, OPENER, ARGUMENTS, CLOSER];
const bounds = { closers: [CLOSER], successors: [OPENER, section.begin, section.end] };

/** The function's name inside the id that the model gave its call. */
const NAME_IN_ID = /^(?:functions\.)?(.+?)(?::\d+)?$/;

/** Calls with the model's own ids. */
export const kimi: ToolSyntax = { openers: [OPENER], section, tokens, open };

function open(context: Context, _opener: string, exit: CallExit): State {
  return new UpToState(context, {
    until: { tokens: [ARGUMENTS] },
    not: tokens.filter((token) => token !== ARGUMENTS),
    fault: () => exit.failed(),
    next(text) {
      const id = text.trim();
      if (!isFunctionName(id)) return undefined;
      context.out.start(NAME_IN_ID.exec(id)?.[1] ?? id, id);
      return new CallArgumentsState(context, { bounds, tokens }, exit);
    },
  });
}

/** Numbers of calls are the model's own. */
export const kimiGrammar: CallGrammar = {
  trigger: section.begin,
  section,
  separator: "",
  calls(name, schema) {
    const number = { type: "regex", pattern: "[0-9]{1,4}" };
    return [
      tag(`${OPENER}functions.${name}:`, sequence(number, fixed(ARGUMENTS), jsonBy(schema)), CLOSER),
    ];
  },
};
