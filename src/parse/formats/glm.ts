/**
 * GLM-4.5 and later: `<tool_call>F\n<arg_key>K</arg_key>\n<arg_value>V</arg_value>\n</tool_call>`, values typed by the
 * tool's schema.
 *
 * @module
 */
import { BrokenCallState } from "../broken_call.ts";
import { type CallGrammar, tag } from "../call_grammar.ts";
import type { CallExit, ToolSyntax } from "../content.ts";
import type { Context, State } from "../machine.ts";
import { ExpectState, isFunctionName, UpToState } from "../steps.ts";
import { ArgumentsObject, XmlValueState } from "../xml_arguments.ts";

const OPENER = "<tool_call>";
const CLOSER = "</tool_call>";
const KEY = "<arg_key>";
const KEY_END = "</arg_key>";
const VALUE = "<arg_value>";
const VALUE_END = "</arg_value>";
const tokens = [OPENER, CLOSER, KEY, KEY_END, VALUE, VALUE_END];
const bounds = { closers: [CLOSER], successors: [OPENER] };

/** The name stands alone; keys and values follow in pairs, values as they are. */
export const glm: ToolSyntax = { openers: [OPENER], tokens, open };

function open(context: Context, _opener: string, exit: CallExit): State {
  return new UpToState(context, {
    until: { tokens: [KEY, CLOSER] },
    not: [OPENER, KEY_END, VALUE, VALUE_END],
    fault: () => exit.failed(),
    next(text, delimiter) {
      const name = text.trim();
      if (!isFunctionName(name)) return undefined;
      context.out.start(name);
      return after(context, exit, new ArgumentsObject(context, name), delimiter);
    },
  });
}

/** After the name or a value. */
function after(context: Context, exit: CallExit, object: ArgumentsObject, delimiter: string): State {
  if (delimiter === KEY) return key(context, exit, object);
  object.close();
  context.out.end(true);
  return exit.ended();
}

function key(context: Context, exit: CallExit, object: ArgumentsObject): State {
  const fault = () => new BrokenCallState(context, bounds, exit);
  return new UpToState(context, {
    until: { tokens: [KEY_END] },
    not: [OPENER, CLOSER, KEY, VALUE, VALUE_END],
    fault,
    next: (name) =>
      new ExpectState(context, {
        one: { tokens: [VALUE] },
        fault,
        next: () => value(context, exit, object, name),
      }),
  });
}

function value(context: Context, exit: CallExit, object: ArgumentsObject, name: string): State {
  const fault = () => new BrokenCallState(context, bounds, exit);
  return new XmlValueState(context, {
    types: object.beginMember(name, ""),
    end: { tokens: [VALUE_END] },
    tokens,
    framed: false,
    fault,
    next: () =>
      new ExpectState(context, {
        one: { tokens: [KEY, CLOSER] },
        fault,
        next: (delimiter) => after(context, exit, object, delimiter),
      }),
  });
}

/** Line ends between the parts are the model's own: GLM-4.5 prints them, GLM-4.7 does not. */
export const glmGrammar: CallGrammar = {
  trigger: OPENER,
  separator: "\n",
  calls: (name, schema) => [
    tag(`${OPENER}${name}`, { type: "json_schema", json_schema: schema, style: "glm_xml" }, CLOSER),
  ],
};
