/**
 * Cases that every format with marked-up parameters has: values typed by the tool's schema.
 *
 * @module
 */
import type { ParserCase } from "./harness.ts";

/** A tool with a parameter of each type, in OpenAI's shape. */
export const TYPED_TOOLS: readonly unknown[] = [{
  type: "function",
  function: {
    name: "f",
    parameters: {
      type: "object",
      $defs: { Unit: { enum: ["C", "F"] } },
      properties: {
        s: { type: "string" },
        i: { type: "integer" },
        n: { type: "number" },
        b: { type: "boolean" },
        o: { type: "object" },
        a: { type: "array" },
        z: { type: "null" },
        opt: { anyOf: [{ type: "string" }, { type: "null" }] },
        list: { type: ["string", "array"] },
        u: { $ref: "#/$defs/Unit" },
        c: { const: 3 },
        any: {},
      },
    },
  },
}];

/** Key, text of the value, JSON text in the arguments. */
const VALUES: readonly (readonly [key: string, text: string, json: string])[] = [
  ["s", "123", '"123"'],
  ["s", "null", '"null"'],
  ["s", '{"x": 1}', '"{\\"x\\": 1}"'],
  ["s", ' "quoted"\\ \t€😀 ', '" \\"quoted\\"\\\\ \\t€😀 "'],
  ["s", "", '""'],
  ["s", "line 1\nline 2\n\nline 4", '"line 1\\nline 2\\n\\nline 4"'],
  ["s", "if a < b: <b>x</b> </par </arg", '"if a < b: <b>x</b> </par </arg"'],
  ["i", "12345678901234567890", "12345678901234567890"],
  ["i", " 7 ", "7"],
  ["i", "seven", '"seven"'],
  ["n", "1.50", "1.50"],
  ["n", "007", '"007"'],
  ["b", "true", "true"],
  ["b", "False", "false"],
  ["b", "yes", '"yes"'],
  ["o", '{"x": {"y": "}"}}', '{"x": {"y": "}"}}'],
  ["o", "{'x': 1}", "\"{'x': 1}\""],
  ["a", '[1, "b", null]', '[1, "b", null]'],
  ["z", "None", "null"],
  ["opt", "null", "null"],
  ["opt", "nullable", '"nullable"'],
  ["opt", "5", '"5"'],
  ["list", '["x"]', '["x"]'],
  ["list", "[draft] x", '"[draft] x"'],
  ["u", "C", '"C"'],
  ["c", "3", "3"],
  ["any", "12", "12"],
  ["any", "true", "true"],
  ["any", "truest", '"truest"'],
  ["any", '{"k": [1]}', '{"k": [1]}'],
  ["any", '"q"', '"\\"q\\""'],
  ["any", "plain text", '"plain text"'],
  ["unheard_of", "-1.5e3", "-1.5e3"],
  ["unheard_of", "02139", '"02139"'],
];

/** The cases; `call` writes a call of `name` with one parameter. */
export function xmlCases(call: (name: string, key: string, value: string) => string): ParserCase[] {
  return [
    ...VALUES.map(([key, text, json], index): ParserCase => ({
      criterion: `types value ${index}, ${key} = ${JSON.stringify(text)}`,
      input: call("f", key, text),
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["f", `{"${key}":${json}}`]] },
    })),
    {
      criterion: "calls a tool that nobody declared",
      input: call("unknown", "s", "5"),
      tools: TYPED_TOOLS,
      message: { content: null, calls: [["unknown", '{"s":5}']] },
    },
    {
      criterion: "types values without tools by what they are",
      input: call("f", "s", "[1]"),
      tools: [],
      message: { content: null, calls: [["f", '{"s":[1]}']] },
    },
    {
      criterion: "takes tools that are not wrapped in `function`",
      input: call("g", "s", "1"),
      tools: [null, 3, { name: "g", parameters: { properties: { s: { type: "string" } } } }],
      message: { content: null, calls: [["g", '{"s":"1"}']] },
    },
  ];
}
