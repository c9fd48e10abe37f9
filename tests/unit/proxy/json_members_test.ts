import assert from "node:assert/strict";
import fc from "fast-check";
import { scanMembers, withoutMembers } from "../../../src/proxy/json_members.ts";

const OBJECTS: readonly [json: string, values: [key: string, value: string][]][] = [
  ["{}", []],
  [" { } ", []],
  ['{"a":1}', [["a", "1"]]],
  ['{"room": 18446744073709551615, "f":-1.0e+400}', [["room", "18446744073709551615"], ["f", "-1.0e+400"]]],
  ['\n{ "a" :\t[1, {"b":"]}"}, "\\"]" ] , "c":null}', [["a", '[1, {"b":"]}"}, "\\"]" ]'], ["c", "null"]]],
  ['{"\\u0061\\"":"\\\\","b":"\\\\\\""}', [['a"', '"\\\\"'], ["b", '"\\\\\\""']]],
  ['{"a":1,"a":2}', [["a", "1"], ["a", "2"]]],
  ['{"":{},"__proto__":[]}', [["", "{}"], ["__proto__", "[]"]]],
  ['{"a":true ,"b":false\n}', [["a", "true"], ["b", "false"]]],
];
for (const [json, values] of OBJECTS) {
  Deno.test(`scanMembers() finds the members of ${JSON.stringify(json)}`, () => {
    const found = scanMembers(json).map(({ key, valueStart, end }) => [key, json.slice(valueStart, end)]);
    assert.deepEqual(found, values);
  });
}

Deno.test("withoutMembers() keeps every other byte, order and repeated keys", () => {
  const json = '{ "b" : 1.0, "text":"x","b":2, "text" : null,"c":{ "text":1 } }';
  const kept = withoutMembers(json, scanMembers(json), new Set(["text"]));
  assert.deepEqual(kept, { head: '{"b" : 1.0,"b":2,"c":{ "text":1 }', isEmpty: false });
  assert.deepEqual(withoutMembers("{}", [], new Set()), { head: "{", isEmpty: true });
});

Deno.test("scanMembers() agrees with JSON.parse on any object, however it is laid out", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
      fc.constantFrom("", " ", "\t", 2),
      (value, space) => {
        const json = JSON.stringify(value, null, space);
        const found = scanMembers(json).map(({ key, valueStart, end }) =>
          [key, JSON.parse(json.slice(valueStart, end))] as const
        );
        assert.deepEqual(found, Object.entries(JSON.parse(json)));
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});
