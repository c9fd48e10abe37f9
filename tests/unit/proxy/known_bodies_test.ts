import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonObjectOf } from "../../../src/api/json_body.ts";
import { KNOWN_BODY_BYTES_MIN, KnownBodies } from "../../../src/proxy/chat/known_bodies.ts";
import { parseJson } from "../../../src/tokenizer/parse_json.ts";
import type { JsonValue } from "../../../src/types.ts";

const encoder = new TextEncoder();
const parse = (body: Uint8Array) => jsonObjectOf(body, parseJson);
const LONG = "y".repeat(KNOWN_BODY_BYTES_MIN);

/** Elements as a client may write them: what could be taken for the end of the array is in them. */
const element = fc.constantFrom(
  '{"role":"user","content":"hi"}',
  '{"role":"user","content":"]},{\\"messages\\":[1]}"}',
  '{"n":1.0,"10":[],"9":{}}',
  '{"content":"é中👍"}',
  '{"content": [ {"a":[]} ] }',
  '"]"',
  "[[],[]]",
  "-0",
);
const around = fc.record({
  head: fc.constantFrom('"model":"m",', '"é":"中", ', '"messages":[7],', '"tools":[{"messages":[1]}],', ""),
  name: fc.constantFrom('"messages":', '"messages" : ', '"mess\\u0061ges":'),
  open: fc.constantFrom("[", "[ ", "[\n"),
  separator: fc.constantFrom(",", ", ", ",\n", " , "),
  close: fc.constantFrom("]", " ]", "\n]"),
  tail: fc.constantFrom(
    "",
    ',"max_tokens":64',
    ',"messages":[1,2]',
    ',"mess\\u0061ges":[3]',
    ',"x":"]"',
    ',"x":',
  ),
  bom: fc.constantFrom("", "", "\ufeff"),
});
type Around = typeof around extends fc.Arbitrary<infer T> ? T : never;

function bodyOf({ head, name, open, separator, close, tail, bom }: Around, elements: readonly string[]) {
  return encoder.encode(`${bom}{${head}${name}${open}${elements.join(separator)}${close}${tail}}`);
}

function outcome(read: () => JsonValue) {
  try {
    return { value: read() };
  } catch (error) {
    return { message: (error as Error).message };
  }
}

/** Mostly the same around as the first time: a client's. */
const step = fc.record({
  added: fc.array(element, { maxLength: 3 }),
  dropped: fc.constantFrom(0, 0, 0, 1),
  other: fc.option(around, { freq: 4 }),
  tail: fc.option(around.map(({ tail }) => tail), { freq: 2 }),
});

Deno.test("KnownBodies.read() gives what parsing the whole body gives", () => {
  fc.assert(
    fc.property(around, fc.array(step, { maxLength: 12 }), (first, steps) => {
      const bodies = new KnownBodies(parse, "a mark");
      const owner = {};
      const elements = [`{"content":"${LONG}"}`];
      for (const { added, dropped, other, tail } of steps) {
        elements.splice(Math.max(elements.length - dropped, 1), dropped, ...added);
        const bytes = bodyOf({ ...other ?? first, ...(tail === null ? {} : { tail }) }, elements);
        const found = outcome(() => {
          const read = bodies.read(bytes, owner);
          bodies.note(owner, read, read.fields.messages as JsonValue[]);
          return read.fields;
        });
        assert.deepEqual(found, outcome(() => parse(bytes)));
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("KnownBodies.read() parses only what is new, and gives the known messages themselves", () => {
  const parsed: number[] = [];
  const bodies = new KnownBodies((body) => {
    parsed.push(body.length);
    return parse(body);
  }, "a mark");
  const owner = {};
  const message = (content: string) => ({ role: "user", content });
  const body = (count: number) =>
    encoder.encode(JSON.stringify({
      messages: [message(LONG), ...Array.from({ length: count }, (_, index) => message(`${index} é`))],
      max_tokens: 1,
    }));
  let before: readonly JsonValue[] = [];
  for (let count = 0; count < 6; count++) {
    const read = bodies.read(body(count), owner);
    const messages = read.fields.messages as JsonValue[];
    before.forEach((each, index) => assert.equal(messages[index], each));
    assert.equal(messages.length, count + 1);
    bodies.note(owner, read, before = messages);
  }
  assert.equal(parsed.length, 6);
  for (const length of parsed.slice(1)) assert.ok(length < 120, `${length} bytes were parsed`);
  assert.notEqual((bodies.read(body(6), {}).fields.messages as JsonValue[])[0], before[0]);
});

Deno.test("KnownBodies.read() takes no client's object for its mark, and no other bytes for known ones", () => {
  const bodies = new KnownBodies(parse, "a mark");
  const owner = {};
  const bytes = encoder.encode(`{"messages":[{"content":"${LONG}"}]}`);
  const first = bodies.read(bytes, owner);
  bodies.note(owner, first, first.fields.messages as JsonValue[]);
  const changed = encoder.encode(`{"messages":[{"content":"${LONG.replace("y", "z")}"},{"more":1}]}`);
  assert.deepEqual(bodies.read(changed, owner).fields, parse(changed));
  const twice = encoder.encode(`{"messages":[{"content":"${LONG}"},1],"messages":[{"a mark":0},2]}`);
  assert.deepEqual(bodies.read(twice, {}).fields, parse(twice));
});
