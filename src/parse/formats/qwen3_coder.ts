/**
 * Qwen3-Coder: `<tool_call><function=F><parameter=K>\nV\n</parameter></function></tool_call>`, values typed by the
 * tool's schema.
 *
 * @module
 */
import { BrokenCallState } from "../broken_call.ts";
import { type CallGrammar, tag } from "../call_grammar.ts";
import { ClosingState } from "../closing.ts";
import type { CallExit, ToolSyntax } from "../content.ts";
import type { Context, State } from "../machine.ts";
import { ExpectState, isFunctionName, UpToState } from "../steps.ts";
import { ArgumentsObject, XmlValueState } from "../xml_arguments.ts";

const OPENER = "<tool_call>";
const CLOSER = "</tool_call>";
const FUNCTION = "<function=";
const FUNCTION_END = "</function>";
const PARAMETER = "<parameter=";
const PARAMETER_END = "</parameter>";
const tokens = [OPENER, CLOSER];
const bounds = { closers: [CLOSER], successors: [OPENER] };

/** The outer tags may be special tokens, those of functions and parameters are plain text. */
export const qwen3Coder: ToolSyntax = {
  openers: [OPENER],
  tokens,
  open: (context, _opener, exit) =>
    new ExpectState(context, {
      one: { marks: [FUNCTION] },
      next: () => functionName(context, exit),
      fault: () => exit.failed(),
    }),
};

function functionName(context: Context, exit: CallExit): State {
  return new UpToState(context, {
    until: { marks: [">"] },
    not: tokens,
    fault: () => exit.failed(),
    next(name) {
      if (!isFunctionName(name)) return undefined;
      context.out.start(name);
      return parameters(context, exit, new ArgumentsObject(context, name));
    },
  });
}

/** Before a parameter or the end. A function's missing end is forgiven when the call's comes. */
function parameters(context: Context, exit: CallExit, object: ArgumentsObject): State {
  return new ExpectState(context, {
    one: { tokens: [CLOSER], marks: [PARAMETER, FUNCTION_END] },
    fault: () => new BrokenCallState(context, bounds, exit),
    next(delimiter) {
      if (delimiter === PARAMETER) return parameter(context, exit, object);
      object.close();
      if (delimiter === FUNCTION_END) return new ClosingState(context, [CLOSER], exit);
      context.out.end(true);
      return exit.ended();
    },
  });
}

function parameter(context: Context, exit: CallExit, object: ArgumentsObject): State {
  const fault = () => new BrokenCallState(context, bounds, exit);
  return new UpToState(context, {
    until: { marks: [">"] },
    not: tokens,
    fault,
    next(key) {
      if (key.trim() === "") return undefined;
      return new XmlValueState(context, {
        types: object.beginMember(key, ""),
        end: { marks: [PARAMETER_END] },
        tokens,
        framed: true,
        next: () => parameters(context, exit, object),
        fault,
      });
    },
  });
}

/** As the chat template prints it. */
export const qwen3CoderGrammar: CallGrammar = {
  trigger: OPENER,
  separator: "\n",
  calls: (name, schema) => [
    tag(
      `${OPENER}\n${FUNCTION}${name}>\n`,
      { type: "qwen_xml_parameter", json_schema: schema },
      `\n${FUNCTION_END}\n${CLOSER}`,
    ),
  ],
};
