import assert from "node:assert/strict";
import { BadRequestError } from "../../../src/errors.ts";
import { GenerateRequest } from "../../../src/proxy/generate_request.ts";

function parse(json: string): GenerateRequest {
  return GenerateRequest.parse(new TextEncoder().encode(json));
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const digits = (value: string) => new TextEncoder().encode(value);

const WITH_IDS: readonly [name: string, json: string, expected: string][] = [
  ["the prompt alone", '{"text":"a"}', '{"return_logprob":true,"input_ids":[1,2,3]}'],
  [
    "big integers and floats",
    '{"room":18446744073709551615,"text":"a","t":1.0}',
    '{"room":18446744073709551615,"t":1.0,"return_logprob":true,"input_ids":[1,2,3]}',
  ],
  [
    "escapes and white space within values",
    '{"a" :\t"\\u00e9\\/" , "text":"x"}',
    '{"a" :\t"\\u00e9\\/","return_logprob":true,"input_ids":[1,2,3]}',
  ],
  [
    "repeated keys",
    '{"a":1,"text":"x","a":2,"text":"y"}',
    '{"a":1,"a":2,"return_logprob":true,"input_ids":[1,2,3]}',
  ],
  ["an escaped prompt key", '{"t\\u0065xt":"x","b":0}', '{"b":0,"return_logprob":true,"input_ids":[1,2,3]}'],
  [
    "return_logprob of the client",
    '{"return_logprob":false,"text":"x","input_ids":null}',
    '{"return_logprob":true,"input_ids":[1,2,3]}',
  ],
  [
    "members of the same name further down",
    '{"text":"x","a":{"text":"y","return_logprob":0}}',
    '{"a":{"text":"y","return_logprob":0},"return_logprob":true,"input_ids":[1,2,3]}',
  ],
];
for (const [name, json, expected] of WITH_IDS) {
  Deno.test(`GenerateRequest.withIds() replaces the prompt and leaves every other byte: ${name}`, () => {
    assert.equal(text(parse(json).withIds([digits("1,2"), digits("3")])), expected);
  });
}

Deno.test("GenerateRequest.withIds() joins what parts there are", () => {
  const request = parse('{"text":"a"}');
  const cases: [string[], string][] = [[[], "[]"], [[""], "[]"], [["", "3"], "[3]"], [["1", ""], "[1]"], [[
    "1",
    "2",
  ], "[1,2]"]];
  for (const [parts, ids] of cases) {
    assert.equal(text(request.withIds(parts.map(digits))), `{"return_logprob":true,"input_ids":${ids}}`);
  }
});

Deno.test("GenerateRequest.withLogprobs() keeps the ids as the client wrote them", () => {
  const json = '{ "input_ids":[1, 2,\n3], "return_logprob":false, "x":1.50 }';
  assert.equal(text(parse(json).withLogprobs()), '{"input_ids":[1, 2,\n3],"x":1.50,"return_logprob":true}');
});

Deno.test("GenerateRequest takes the last of repeated keys, as engines do", () => {
  assert.deepEqual(parse('{"text":"a","text":"b"}').prompt, { kind: "text", text: "b" });
});

const FORMS: readonly [json: string, kind: string][] = [
  ['{"text":"a"}', "text"],
  ['{"text":"a","input_ids":null,"image_data":null}', "text"],
  ['{"input_ids":[0,4294967295]}', "ids"],
  ['{"text":""}', "opaque"],
  ['{"text":["a"]}', "opaque"],
  ['{"input_ids":[]}', "opaque"],
  ['{"input_ids":[[1],[2]]}', "opaque"],
  ['{"text":"a","image_data":"x"}', "opaque"],
  ['{"input_embeds":[[1]]}', "opaque"],
];
for (const [json, kind] of FORMS) {
  Deno.test(`GenerateRequest: ${json} is a prompt of ${kind}`, () =>
    assert.equal(parse(json).prompt.kind, kind));
}

Deno.test("GenerateRequest reads rid and number of samples", () => {
  const { rid, sampleCount, stream } = parse(
    '{"text":"a","rid":"r","stream":true,"sampling_params":{"n":3}}',
  );
  assert.deepEqual([rid, sampleCount, stream], ["r", 3, true]);
  const plain = parse('{"text":"a","rid":["x"],"sampling_params":null}');
  assert.deepEqual([plain.rid, plain.sampleCount, plain.stream], [null, 1, false]);
});

const REFUSED: readonly [json: string, words: RegExp][] = [
  ["", /not valid JSON/],
  ["{", /not valid JSON/],
  ["[]", /expected a JSON object, received an array of 0/],
  ["null", /received null/],
  ["{}", /one of text, input_ids and input_embeds is required/],
  ['{"text":"a","input_ids":[1]}', /received both/],
  ['{"text":7}', /text must be a string/],
  ['{"text":[1]}', /text must be/],
  ['{"input_ids":"1"}', /input_ids must be a list/],
  ['{"input_ids":[1,-1]}', /integers from 0 to 4294967295, received number -1/],
  ['{"input_ids":[1.5]}', /received number 1.5/],
  ['{"input_ids":[4294967296]}', /received number 4294967296/],
  ['{"input_ids":[1,null]}', /received null/],
  ['{"input_ids":[[1],2]}', /received number 2/],
  ['{"text":"a","stream":"yes"}', /stream must be true or false/],
  ['{"text":"a","rid":""}', /rid must be/],
  ['{"text":"a","rid":7}', /rid must be/],
  ['{"text":"a","sampling_params":"x"}', /sampling_params must be an object/],
  ['{"text":"a","sampling_params":{"n":0}}', /n must be a positive integer/],
  ['{"text":"a","sampling_params":{"n":1e300}}', /n must be a positive integer/],
];
for (const [json, words] of REFUSED) {
  Deno.test(`GenerateRequest.parse() refuses ${JSON.stringify(json)}`, () => {
    assert.throws(
      () => parse(json),
      (error: BadRequestError) => error.status === 400 && words.test(error.message),
    );
  });
}

Deno.test("GenerateRequest.parse() refuses invalid UTF-8 and unpaired surrogates, takes NUL", () => {
  assert.throws(() => GenerateRequest.parse(Uint8Array.of(0x7b, 0xff, 0x7d)), /not valid UTF-8/);
  assert.throws(() => parse('{"text":"a\\ud800"}'), /unpaired surrogate/);
  assert.deepEqual(parse('{"text":"\\u0000"}').prompt, { kind: "text", text: "\0" });
});
