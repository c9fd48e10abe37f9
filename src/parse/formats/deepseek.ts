/**
 * DeepSeek. V3 and R1 write the kind, the name and a fenced block; V3.1 the name and the arguments:
 *
 * ```text
 * <｜tool▁call▁begin｜>function<｜tool▁sep｜>F\n```json\n{…}\n```<｜tool▁call▁end｜>
 * <｜tool▁call▁begin｜>F<｜tool▁sep｜>{…}<｜tool▁call▁end｜>
 * ```
 *
 * @module
 */
import { CallArgumentsState } from "../call_arguments.ts";
import { type CallGrammar, jsonBy, tag } from "../call_grammar.ts";
import type { CallExit, ToolSyntax } from "../content.ts";
import type { Context, State } from "../machine.ts";
import { isFunctionName, UpToState } from "../steps.ts";

const section = { begin: "<｜tool▁calls▁begin｜>", end: "<｜tool▁calls▁end｜>" };
const OPENER = "<｜tool▁call▁begin｜>";
const SEPARATOR = "<｜tool▁sep｜>";
const CLOSER = "<｜tool▁call▁end｜>";
const FENCE = "```";
const FENCE_OPENER = "```json";
const tokens = [section.begin, section.end, OPENER, SEPARATOR, CLOSER];
const bounds = { closers: [CLOSER], successors: [OPENER, section.begin, section.end] };

/** Both forms; what follows the separator tells them apart. */
export const deepseek: ToolSyntax = { openers: [OPENER], section, tokens, open };

function open(context: Context, _opener: string, exit: CallExit): State {
  return new UpToState(context, {
    until: { tokens: [SEPARATOR] },
    not: tokens.filter((token) => token !== SEPARATOR),
    fault: () => exit.failed(),
    next: (text) => afterSeparator(context, text.trim(), exit),
  });
}

function afterSeparator(context: Context, before: string, exit: CallExit): State {
  function start(name: string, fence?: string): State | undefined {
    if (!isFunctionName(name)) return undefined;
    context.out.start(name);
    return new CallArgumentsState(context, { bounds, tokens, ...(fence ? { fence } : {}) }, exit);
  }
  return new UpToState(context, {
    until: { tokens: [CLOSER], marks: [FENCE_OPENER, "{"] },
    kept: [CLOSER, "{"],
    not: tokens.filter((token) => token !== CLOSER),
    fault: () => exit.failed(),
    next(text, delimiter) {
      if (delimiter === FENCE_OPENER) return start(text.trim(), FENCE);
      return text.trim() === "" ? start(before) : undefined;
    },
  });
}

/** V3.1 and later. */
export const deepseekGrammar: CallGrammar = {
  trigger: section.begin,
  section,
  separator: "",
  calls: (name, schema) => [tag(`${OPENER}${name}${SEPARATOR}`, jsonBy(schema), CLOSER)],
};

/** V3 and R1. */
export const deepseekFencedGrammar: CallGrammar = {
  ...deepseekGrammar,
  separator: "\n",
  calls: (name, schema) => [
    tag(
      `${OPENER}function${SEPARATOR}${name}\n${FENCE_OPENER}\n`,
      jsonBy(schema),
      `\n${FENCE}${CLOSER}`,
    ),
  ],
};
