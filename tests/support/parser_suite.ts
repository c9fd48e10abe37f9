/**
 * The contract of output parsers as tests, run over every format.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { delimiterTokens } from "../../src/parse/create.ts";
import { foldEvents } from "../../src/parse/message.ts";
import {
  asTokens,
  cut,
  expectedMessage,
  fold,
  type FormatOptions,
  type FormatSuite,
  parse,
  type ParserCase,
  type Piece,
  rawOf,
} from "./parser/harness.ts";

/** Units of the long outputs. In pushes of one unit, anything but linear time takes minutes. */
const LONG_UNITS = 1 << 18;
const RUNS = 200;

/** Registers the whole suite for one format. */
export function parserSuite(suite: FormatSuite): void {
  const { name } = suite;
  for (const each of suite.cases) Deno.test(`${name}: ${each.criterion}`, () => testCase(suite, each));
  Deno.test(`${name}: any cutting of generated input gives the same, and raw is the input`, () =>
    testCuts(suite));
  Deno.test(`${name}: pieces with special tokens lose nothing`, () => testPieces(suite));
  Deno.test(`${name}: delimiters in plain tokens are text when delimiters are special`, () =>
    testLookAlikes(suite));
  Deno.test(`${name}: 256 KiB in pushes of one unit takes linear time`, () => testLongCall(suite));
  Deno.test(`${name}: a delimiter repeated takes linear time`, () => testRepeatedDelimiters(suite));
}

function optionsOf(suite: FormatSuite, each?: ParserCase): FormatOptions {
  return {
    toolFormat: suite.toolFormat,
    reasoningFormat: suite.reasoningFormat,
    tools: each?.tools ?? suite.tools ?? [],
    reasoningOpen: each?.reasoningOpen ?? false,
  };
}

/** One push; cut in two everywhere; unit by unit; by tokens: always the message of the table. */
function testCase(suite: FormatSuite, each: ParserCase): void {
  const options = optionsOf(suite, each);
  const { input } = each;
  const expected = {
    message: expectedMessage(each.message),
    incompleteCalls: each.incomplete ?? [],
    hasCompleteCall: (each.message.calls?.length ?? 0) > (each.incomplete?.length ?? 0),
  };
  const cuts = [[input], [...Array(input.length).keys()].map((at) => input[at]!)];
  for (let at = 1; at < input.length; at++) cuts.push([input.slice(0, at), input.slice(at)]);
  for (const pieces of cuts) {
    const where = pieces.length === 2 ? `cut at ${pieces[0]!.length}` : `${pieces.length} pieces`;
    const events = parse(options, pieces);
    assert.equal(rawOf(events), input, where);
    assert.deepEqual(foldEvents(events), expected, where);
  }
}

/** Inputs made of delimiters, fragments of calls, and anything. */
function inputs(suite: FormatSuite): fc.Arbitrary<string> {
  const part = fc.oneof(
    fc.constantFrom(...suite.fragments, ...delimiterTokens(suite), ...suite.cases.map((each) => each.input)),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constantFrom("\n", " ", "{", "}", '"', "<", "1", "null"),
  );
  return fc.oneof(
    fc.array(part, { maxLength: 10 }).map((parts) => parts.join("")),
    fc.tuple(fc.constantFrom(...suite.cases.map((each) => each.input)), fc.nat(), fc.nat(5), part)
      .map(([input, at, length, junk]) => mutated(input, at % (input.length + 1), length, junk)),
  );
}

function mutated(input: string, at: number, length: number, junk: string): string {
  return input.slice(0, at) + junk + input.slice(at + length);
}

function testCuts(suite: FormatSuite): void {
  const positions = fc.array(fc.nat(), { maxLength: 8 });
  fc.assert(
    fc.property(inputs(suite), positions, fc.boolean(), (input, at, reasoningOpen) => {
      const options = { ...optionsOf(suite), reasoningOpen };
      const expected = fold(options, [input]);
      for (const pieces of [[input], cut(input, at), input.split("")]) {
        const events = parse(options, pieces);
        assert.equal(rawOf(events), input);
        assert.deepEqual(foldEvents(events), expected);
      }
      assertWholeCallsAreJson(expected);
    }),
    { numRuns: RUNS },
  );
}

function assertWholeCallsAreJson(output: ReturnType<typeof fold>): void {
  for (const [index, call] of (output.message.tool_calls ?? []).entries()) {
    if (!output.incompleteCalls.includes(index)) JSON.parse(call.function.arguments);
  }
}

function testPieces(suite: FormatSuite): void {
  const special = fc.constantFrom(...delimiterTokens(suite), "<|im_end|>");
  const piece: fc.Arbitrary<Piece> = fc.oneof(
    special.map((text) => ({ text, special: true })),
    inputs(suite).map((text) => ({ text })),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.boolean(), (pieces, delimitersAreSpecial) => {
      const options = { ...optionsOf(suite), delimitersAreSpecial };
      assert.equal(rawOf(parse(options, pieces)), pieces.map((each) => each.text).join(""));
      const units = pieces.flatMap((each) =>
        each.special ? [each] : each.text.split("").map((text) => ({ text }))
      );
      assert.deepEqual(fold(options, units), fold(options, pieces));
    }),
    { numRuns: RUNS },
  );
}

/** With special delimiters: as tokens they count as ever, in plain text they are text. */
function testLookAlikes(suite: FormatSuite): void {
  for (const each of suite.cases) {
    const options = { ...optionsOf(suite, each), delimitersAreSpecial: true };
    const tokens = asTokens(each.input, suite);
    if (!tokens.some((piece) => piece.special) || each.input.startsWith("{")) continue; // a bare object has no delimiter
    const plain = fold(options, [each.input]).message;
    assert.equal(plain.tool_calls, undefined, each.criterion);
    assert.equal((plain.reasoning_content ?? "") + plain.content, each.input, each.criterion);
    if (each.lookAlikes) continue;
    assert.deepEqual(fold(options, tokens).message, expectedMessage(each.message), each.criterion);
  }
}

function testLongCall(suite: FormatSuite): void {
  const text = "ab {1}\n".repeat(LONG_UNITS / 7);
  for (const input of [text, suite.longCall(text)]) {
    const expected = fold(optionsOf(suite), [input]);
    assert.deepEqual(fold(optionsOf(suite), input), expected);
  }
  if (suite.toolFormat === "none") return;
  const call = fold(optionsOf(suite), [suite.longCall(text)]).message.tool_calls?.[0];
  assert.ok(Object.values(JSON.parse(call!.function.arguments)).includes(text));
}

function testRepeatedDelimiters(suite: FormatSuite): void {
  for (const part of [...delimiterTokens(suite), ...suite.fragments]) {
    const input = part.repeat(LONG_UNITS / 4 / part.length);
    assert.equal(rawOf(parse(optionsOf(suite), [input])).length, input.length);
  }
}
