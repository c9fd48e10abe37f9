import assert from "node:assert/strict";
import { isPauseAbort, parseFinishReason, parseGenerateReply } from "../../../src/engine/sglang.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";

function reply(meta: JsonObject, ids: JsonValue = [4, 5]): JsonObject {
  return { text: "ab", output_ids: ids, meta_info: { finish_reason: { type: "stop" }, ...meta } };
}

const FINISHES: readonly [wire: JsonValue, expected: unknown, isPause: boolean][] = [
  [{ type: "stop", matched: 7 }, { type: "stop", matched: 7 }, false],
  [{ type: "stop", matched: "\n\n" }, { type: "stop", matched: "\n\n" }, false],
  [{ type: "stop", matched: null }, { type: "stop" }, false],
  [{ type: "length", length: 9 }, { type: "length" }, false],
  [{ type: "abort", message: "paused" }, { type: "abort", message: "paused" }, true],
  [
    { type: "abort", message: "full", status_code: 503 },
    { type: "abort", message: "full", statusCode: 503 },
    false,
  ],
  [{ type: "abort", status_code: null }, { type: "abort" }, true],
  [null, null, false],
  ["stop", null, false],
  [{ reason: "stop" }, null, false],
];
for (const [wire, expected, isPause] of FINISHES) {
  Deno.test(`parseFinishReason() reads ${JSON.stringify(wire)}`, () => {
    const reason = parseFinishReason(wire);
    assert.deepEqual(reason, expected);
    assert.equal(isPauseAbort(reason), isPause);
  });
}

Deno.test("parseGenerateReply() keeps ids, logprobs, counts and the version as sent", () => {
  const output = parseGenerateReply(reply({
    weight_version: "12",
    prompt_tokens: 3,
    completion_tokens: 2,
    cached_tokens: 1,
    output_token_logprobs: [[-0.4, 4, null], [-0.5, 5, "b"]],
  }));
  assert.deepEqual(output, {
    text: "ab",
    tokenIds: Uint32Array.of(4, 5),
    logprobs: Float64Array.of(-0.4, -0.5),
    finishReason: { type: "stop" },
    versions: [{ tokens: 2, version: 12 }],
    promptTokens: 3,
    completionTokens: 2,
    cachedTokens: 1,
    inconsistency: null,
  });
});

const LOGPROBS: readonly [name: string, meta: JsonObject, ids: JsonValue, expected: number[]][] = [
  ["none at all", {}, [4, 5], [NaN, NaN]],
  ["one null", { output_token_logprobs: [[null, 4], [-1, 5]] }, [4, 5], [NaN, -1]],
  ["one of another type", { output_token_logprobs: [["-1", 4], [0, 5]] }, [4, 5], [NaN, 0]],
  ["ids only in the triples", { output_token_logprobs: [[-1, 4]] }, null, [-1]],
];
for (const [name, meta, ids, expected] of LOGPROBS) {
  Deno.test(`parseGenerateReply() has NaN for a missing logprob, never 0: ${name}`, () => {
    assert.deepEqual([...parseGenerateReply(reply(meta, ids))!.logprobs], expected);
  });
}

const VERSIONS: readonly [meta: JsonObject, expected: unknown, isConsistent?: boolean][] = [
  [{}, []],
  [{ weight_version: "default" }, [{ tokens: 2, version: "default" }]],
  [{ weight_version: 0 }, [{ tokens: 2, version: 0 }]],
  [{ weight_version: "007" }, [{ tokens: 2, version: "007" }]],
  [{ weight_version: "" }, []],
  [{
    weight_version: "2",
    weight_versions: [{ version: "1", start: 0, end: 1 }, { version: "2", start: 1, end: 2 }],
  }, [
    { tokens: 1, version: 1 },
    { tokens: 1, version: 2 },
  ]],
  [{ weight_versions: [{ version: "1", start: 0, end: 0 }, { version: "2", start: 0, end: 2 }] }, [{
    tokens: 2,
    version: 2,
  }]],
  [{ weight_versions: [{ version: "1", start: 0, end: 1 }] }, [], false],
  [{ weight_versions: [{ version: "1", start: 0, end: 3 }] }, [], false],
  [{ weight_versions: [{ version: "1", start: 1, end: 2 }] }, [], false],
  [{ weight_versions: ["1"] }, [], false],
];
for (const [meta, expected, isConsistent = true] of VERSIONS) {
  Deno.test(`parseGenerateReply() reads the versions ${JSON.stringify(meta)}`, () => {
    const output = parseGenerateReply(reply(meta))!;
    assert.deepEqual(output.versions, expected);
    assert.equal(output.inconsistency === null, isConsistent);
  });
}

const abort = { finish_reason: { type: "abort" } };
const CONTRADICTIONS: readonly [name: string, meta: JsonObject, ids: JsonValue, words: RegExp | null][] = [
  ["a count", { completion_tokens: 3 }, [4, 5], /completion_tokens is 3, ids are 2/],
  ["lengths", { output_token_logprobs: [[-1, 4]] }, [4, 5], /output_ids are 2, output_token_logprobs 1/],
  ["ids", { output_token_logprobs: [[-1, 4], [-1, 6]] }, [4, 5], /differ at token 1/],
  ["the last id only, no abort", { output_token_logprobs: [[-1, 4], [-1, 5]] }, [5], /output_ids are 1/],
  ["the last id only, of an abort", { ...abort, output_token_logprobs: [[-1, 4], [-1, 5]] }, [5], null],
  [
    "another last id, of an abort",
    { ...abort, output_token_logprobs: [[-1, 4], [-1, 5]] },
    [4],
    /output_ids/,
  ],
];
for (const [name, meta, ids, words] of CONTRADICTIONS) {
  Deno.test(`parseGenerateReply() tells contradictions: ${name}`, () => {
    const { inconsistency, tokenIds } = parseGenerateReply(reply(meta, ids))!;
    if (words === null) assert.deepEqual([inconsistency, [...tokenIds]], [null, [4, 5]]);
    else assert.match(inconsistency!, words);
  });
}

for (
  const value of [
    null,
    [],
    "x",
    {},
    { error: { message: "no" } },
    { meta_info: {} },
    { embedding: [0.1], meta_info: {} },
  ] as JsonValue[]
) {
  Deno.test(`parseGenerateReply() is null for ${JSON.stringify(value)}`, () => {
    assert.equal(parseGenerateReply(value), null);
  });
}

const SOUND = { output_ids: [5], meta_info: { output_token_logprobs: [[-1, 5]] } };
const UNSOUND: readonly [reply: JsonObject, fault: string][] = [
  [
    { ...SOUND, meta_info: { output_token_logprobs: [[0, -1]] } },
    "output_token_logprobs has no token id at 0, received [0,-1]",
  ],
  [{ ...SOUND, meta_info: { output_token_logprobs: 7 } }, "output_token_logprobs is no list, received 7"],
  [{ ...SOUND, output_ids: [5, 1.5] }, "output_ids has no token id at 1, received 1.5"],
  [{ ...SOUND, output_ids: "5" }, 'output_ids is no list, received "5"'],
  [{ meta_info: {}, output_ids: [4294967296] }, "output_ids has no token id at 0, received 4294967296"],
];
for (const [reply, fault] of UNSOUND) {
  Deno.test(`parseGenerateReply() tells what is no token id, whatever stands beside it: ${fault}`, () => {
    assert.equal(parseGenerateReply(reply)?.inconsistency, fault);
  });
}
