/**
 * Llama 3: `{"name": …, "parameters": {…}}` as the whole reply, or after `<|python_tag|>`; several with `;` between.
 *
 * @module
 */
import { type CallGrammar, jsonBy, tag } from "../call_grammar.ts";
import { CallObjectState } from "../call_object.ts";
import type { ToolSyntax } from "../content.ts";

const PYTHON_TAG = "<|python_tag|>";
const tokens = [PYTHON_TAG];

/** A bare JSON object that has a name and an object of arguments. An object with other members is content. */
export const llama3Json: ToolSyntax = {
  openers: [PYTHON_TAG],
  bareOpener: "{",
  separators: ";",
  tokens,
  open: (context, _opener, exit) =>
    new CallObjectState(
      context,
      { bounds: { closers: [], successors: [PYTHON_TAG] }, tokens, bare: true },
      exit,
    ),
};

/** The bare form. */
export const llama3JsonGrammar: CallGrammar = {
  trigger: '{"name": ',
  separator: "; ",
  calls: (name, schema) => [tag(`{"name": ${JSON.stringify(name)}, "parameters": `, jsonBy(schema), "}")],
};
