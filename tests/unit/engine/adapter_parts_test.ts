import assert from "node:assert/strict";
import fc from "fast-check";
import type { TokenRequest } from "../../../src/engine/adapter.ts";
import { ERROR_MESSAGE_UNITS_MAX, errorReply } from "../../../src/engine/error_message.ts";
import { idsToDigits } from "../../../src/engine/id_digits.ts";
import { resumeRequest } from "../../../src/engine/resume.ts";
import { SampleBuffer } from "../../../src/engine/sample_buffer.ts";

const encoder = new TextEncoder();

/** Bodies of errors, and the one line that is told. */
const ERRORS: readonly [body: string, message: string][] = [
  ['{"error": {"message": "too long"}}', "too long"],
  ['{"error": {"message": "too\\n  long", "type": "BadRequestError", "code": 400}}', "too long"],
  ['{"error": "too long"}', "too long"],
  ['{"object": "error", "message": "too long", "code": 40001}', "too long"],
  ['{"detail": "Not Found"}', "Not Found"],
  [
    '{"detail": [{"loc": ["body", "token_ids"], "msg": "Field required"}, {"msg": "x"}]}',
    "body.token_ids: Field required; x",
  ],
  ['{"detail": {"a": 1}}', '{"a":1}'],
  ['{"error": {}}', "an error without a message"],
  ["upstream   connect error", "upstream connect error"],
  ["", "the engine answered 500"],
];
for (const [body, message] of ERRORS) {
  Deno.test(`errorReply() tells ${JSON.stringify(body)} in one line`, () => {
    assert.deepEqual(errorReply(500, encoder.encode(body)), { kind: "error", status: 500, message });
  });
}

Deno.test("errorReply() cuts a page of HTML", () => {
  const reply = errorReply(502, encoder.encode("<p>".repeat(10_000)));
  assert.ok(reply.kind === "error" && reply.message.length === ERROR_MESSAGE_UNITS_MAX);
});

const REQUEST: TokenRequest = {
  inputIds: Uint32Array.of(1, 2),
  sampling: { maxTokens: 10, minTokens: 3, seed: 9, stop: ["x"] },
  stream: true,
  rid: "turn",
  extra: { user: "u" },
};

Deno.test("resumeRequest() continues prompt and partial ids within the same budget", () => {
  const partial = { tokenIds: Uint32Array.of(7, 8, 9, 7) };
  const next = resumeRequest(REQUEST, partial, "turn/1")!;
  assert.deepEqual(next, {
    ...REQUEST,
    rid: "turn/1",
    inputIds: Uint32Array.of(1, 2, 7, 8, 9, 7),
    sampling: { maxTokens: 6, minTokens: 0, seed: 9, stop: ["x"] },
  });
  assert.deepEqual([...REQUEST.inputIds], [1, 2]);
  const again = resumeRequest(next, { tokenIds: Uint32Array.of(4) })!;
  assert.deepEqual([again.inputIds.length, again.sampling.maxTokens, again.rid], [7, 5, "turn/1"]);
});

Deno.test("resumeRequest() leaves what has no limit without one", () => {
  const next = resumeRequest({ ...REQUEST, sampling: {} }, { tokenIds: Uint32Array.of(7) })!;
  assert.deepEqual(next.sampling, {});
});

Deno.test("resumeRequest() is null when nothing is left, and refuses several samples", () => {
  assert.equal(resumeRequest(REQUEST, { tokenIds: new Uint32Array(10) }), null);
  assert.throws(
    () => resumeRequest({ ...REQUEST, sampling: { n: 2 } }, { tokenIds: new Uint32Array(1) }),
    RangeError,
  );
});

Deno.test("SampleBuffer keeps what was appended, across growth and missing lists", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(70), fc.boolean()), { maxLength: 12 }), (parts) => {
    const buffer = new SampleBuffer();
    const ids: number[] = [];
    const lists: number[][] = [];
    for (const [size, hasLists] of parts) {
      const part = Uint32Array.from({ length: size }, (_, at) => ids.length + at);
      const top = hasLists ? Array.from(part, (tokenId) => [{ tokenId, logprob: -1 }]) : null;
      buffer.append(part, Float64Array.from(part, (id) => -id), top);
      ids.push(...part);
      lists.push(...Array.from(part, (id) => hasLists ? [id] : []));
    }
    assert.deepEqual([...buffer.tokenIds], ids);
    assert.deepEqual([...buffer.logprobs], ids.map((id) => -id));
    const told = buffer.topLogprobs?.map((list) =>
      list.map((likely) =>
        "tokenId" in likely ? likely.tokenId : likely.text
      )
    ) ?? null;
    assert.deepEqual(told, parts.some(([, hasLists]) => hasLists) ? lists : null);
  }));
});

Deno.test("idsToDigits() writes what JSON.stringify() writes", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 0xffff_ffff })), (ids) => {
    const digits = new TextDecoder().decode(idsToDigits(Uint32Array.from(ids)));
    assert.equal(`[${digits}]`, JSON.stringify(ids));
  }));
});
