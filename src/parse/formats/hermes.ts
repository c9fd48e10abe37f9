/**
 * Hermes (Qwen2.5, Qwen3): `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.
 *
 * @module
 */
import { type CallGrammar, jsonBy, tag } from "../call_grammar.ts";
import { CallObjectState } from "../call_object.ts";
import type { ToolSyntax } from "../content.ts";

const OPENER = "<tool_call>";
const CLOSER = "</tool_call>";
const tokens = [OPENER, CLOSER];

/** A JSON object between two tags; `parameters` is read as `arguments`. */
export const hermes: ToolSyntax = {
  openers: [OPENER],
  tokens,
  open: (context, _opener, exit) =>
    new CallObjectState(context, { bounds: { closers: [CLOSER], successors: [OPENER] }, tokens }, exit),
};

/** As the chat templates of Qwen print it. */
export const hermesGrammar: CallGrammar = {
  trigger: OPENER,
  separator: "\n",
  calls: (name, schema) => [
    tag(`${OPENER}\n{"name": ${JSON.stringify(name)}, "arguments": `, jsonBy(schema), `}\n${CLOSER}`),
  ],
};
