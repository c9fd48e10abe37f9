import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import type { JsonObject } from "../../../src/types.ts";
import { fieldNames, JsonNumber } from "../../../src/tokenizer/json_number.ts";
import { parseJson } from "../../../src/tokenizer/parse_json.ts";
import { ChatTemplate } from "../../../src/tokenizer/chat_template.ts";

const PRINT = ChatTemplate.parse("{{ x }}|{{ x | tojson }}");

Deno.test("parseJson() keeps what Python makes of a number's literal", () => {
  const cases: [literal: string, text: string][] = [
    ["1", "1|1"],
    ["1.0", "1.0|1.0"],
    ["1.50", "1.5|1.5"],
    ["1e3", "1000.0|1000.0"],
    ["1E+16", "1e+16|1e+16"],
    ["1e15", "1000000000000000.0|1000000000000000.0"],
    ["0.00001", "1e-05|1e-05"],
    ["0.0001", "0.0001|0.0001"],
    ["-0", "0|0"],
    ["-0.0", "-0.0|-0.0"],
    ["1e400", "inf|Infinity"],
    ["-1e400", "-inf|-Infinity"],
    ["9007199254740993", "9007199254740993|9007199254740993"],
    ["123456789012345678901234567890", "123456789012345678901234567890|123456789012345678901234567890"],
    ["123456789012345678901234567890.0", "1.2345678901234568e+29|1.2345678901234568e+29"],
  ];
  for (const [literal, text] of cases) {
    assert.equal(PRINT.render(parseJson(`{"x":${literal}}`)), text, literal);
  }
});

Deno.test("parseJson() keeps the order of fields whose names are integers, through copies of the object too", () => {
  const value = parseJson('{"x":{"10":1,"b":2,"9":3,"10":4}}') as { x: JsonObject };
  assert.equal(PRINT.render(value), `{'10': 4, 'b': 2, '9': 3}|{"10": 4, "b": 2, "9": 3}`);
  const copy: JsonObject = { ...value.x, c: 5 };
  assert.deepEqual(fieldNames(copy), ["10", "b", "9", "c"]);
  assert.equal(
    PRINT.render({ messages: [], x: copy }),
    `{'10': 4, 'b': 2, '9': 3, 'c': 5}|` +
      `{"10": 4, "b": 2, "9": 3, "c": 5}`,
  );
  const { b: _b, ...without } = copy;
  assert.deepEqual(fieldNames(without), ["10", "9", "c"]);
});

Deno.test("parseJson() counts the last of two fields with one name, in the place of the first", () => {
  assert.equal(PRINT.render(parseJson('{"x":{"a":1.0,"b":2,"a":3}}')), `{'a': 3, 'b': 2}|{"a": 3, "b": 2}`);
});

Deno.test("parseJson() keeps lone surrogates and joins those that are a pair", () => {
  assert.deepEqual(parseJson('["\\ud83d","\\ud83d\\ude00",1.0]'), ["\ud83d", "😀", new JsonNumber("1.0")]);
});

Deno.test("parseJson() takes __proto__ for a field like others", () => {
  const value = parseJson('{"__proto__":{"x":1},"a":1.0}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(value), ["__proto__", "a"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("parseJson() gives numbers that count and print as JSON", () => {
  const value = parseJson('{"t":1.0,"id":12345678901234567890,"n":2}') as unknown as {
    t: JsonNumber;
    id: JsonNumber;
    n: number;
  };
  assert.equal(Number(value.t) + 1, 2);
  assert.equal(`${value.id}`, "12345678901234567890");
  assert.equal(value.n, 2);
  assert.equal(JSON.stringify(value), '{"t":1.0,"id":12345678901234567890,"n":2}');
});

Deno.test("parseJson() refuses what is not JSON", () => {
  const texts = [
    "",
    "1.0 2",
    "[1.0,]",
    '{"a":1.0,}',
    '{"a" 1.0}',
    "{a:1.0}",
    "[1.0",
    '["1.0',
    '["\\x",1.0]',
    '["\\u12",1.0]',
    '["a\nb",1.0]',
    "[01.0]",
    "[1.]",
    "[.5,1.0]",
    "[+1.0]",
    "[1.0,NaN]",
    "[1.0,tru]",
    "[1.0}",
    "[".repeat(2000) + "1.0" + "]".repeat(2000),
  ];
  for (const text of texts) assert.throws(() => parseJson(text), SyntaxError, text);
});

Deno.test("parseJson() agrees with JSON.parse, literals apart", () => {
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), fc.boolean(), (text, isSpaced) => {
    const spaced = isSpaced ? JSON.stringify(JSON.parse(text), null, 1) : text;
    // A literal that matters in front has the careful reader read the rest.
    const [, value] = parseJson(`[1.0, ${spaced}]`) as unknown[];
    assert.deepEqual(JSON.parse(JSON.stringify(value)), JSON.parse(JSON.stringify(JSON.parse(text))));
  }));
});

Deno.test("parseJson() reads a megabyte without ado", () => {
  const text = JSON.stringify({ content: 'a \\ " \n'.repeat(150_000), n: [1.5] });
  const careful = `[1.0,${text}]`;
  assert.deepEqual((parseJson(careful) as unknown[])[1], JSON.parse(text));
});

Deno.test("parseJson() gives strings that do not hold the whole text in memory", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const live = () => {
    collect();
    return Deno.memoryUsage().heapUsed;
  };
  const before = live();
  const kept = Array.from({ length: 40 }, (_, index) => {
    const text = `[1.0,"${"y".repeat(200_000)}","one string of some length, ${index}"]`;
    return (parseJson(text) as unknown[])[2];
  });
  const held = live() - before;
  assert.ok(held < kept.length * 100_000, `${kept.length} strings hold ${held} bytes`);
});
