/**
 * Cases that every format with JSON arguments has: what stands between the head and the end of a call.
 *
 * @module
 */
import type { ParserCase } from "./harness.ts";

/** Argument texts that are JSON and must come out as they are. */
const VERBATIM: readonly (readonly [what: string, text: string])[] = [
  ["empty arguments", "{}"],
  ["literals and key order", '{"z": 1.0, "a": 1e400, "m": 12345678901234567890, "b": -0, "t": false}'],
  ["odd white space", '{ "a" :\t[ 1,\n2 ] }'],
  ["braces in strings", '{"a": "}{][", "b": {"c": [{"d": "\\"}"}]}}'],
  ["Unicode escapes", '{"a": "\\u00e9\\ud83d\\ude00\\\\n", "é": "日本"}'],
  ["keys that repeat", '{"a": 1, "a": 2}'],
  ["arguments that are a string", '"{\\"a\\": 1}"'],
];

/** Argument texts that are no JSON. */
const BROKEN: readonly (readonly [what: string, text: string])[] = [
  ["Python's literals", '{"a": True}'],
  ["a line end in a string", '{"a": "x\ny"}'],
  ["a trailing comma", '{"a": 1,}'],
  ["a number with a leading zero", '{"a": 01}'],
  ["a bad escape", '{"a": "\\x"}'],
];

/**
 * The cases.
 *
 * @param call a call of `f` with these arguments
 * @param rest what follows arguments inside the call, as a broken call shows it
 */
export function jsonCases(call: (args: string) => string, rest: string, objectsOnly = false): ParserCase[] {
  const verbatim = VERBATIM.filter(([, text]) => !objectsOnly || text.startsWith("{"));
  return [
    ...verbatim.map(([what, text]): ParserCase => ({
      criterion: `keeps ${what} verbatim`,
      input: call(text),
      message: { content: null, calls: [["f", text]] },
    })),
    ...BROKEN.map(([what, text]): ParserCase => ({
      criterion: `marks a call with ${what} incomplete`,
      input: call(text),
      message: { content: null, calls: [["f", text + rest]] },
      incomplete: [0],
    })),
  ];
}
