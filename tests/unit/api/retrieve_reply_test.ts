import assert from "node:assert/strict";
import { retrieveReply } from "../../../src/api/retrieve_reply.ts";
import type { RetrievedTokens } from "../../../src/cache/token_cache.ts";

/** What a look-up found, from columns. */
function found(
  columns: { ids?: number[]; logprobs?: number[]; mask?: number[]; versions?: number[]; rest?: number[] },
): RetrievedTokens {
  const { ids = [], logprobs = [], mask = [], versions = [], rest = [] } = columns;
  return {
    match: {
      matchedPrefix: "",
      remaining: "",
      matchedBytes: 0,
      spliceBytes: 0,
      tokenIds: Uint32Array.from(ids),
      logprobs: Float64Array.from(logprobs),
      lossMask: Uint8Array.from(mask),
      generationVersions: Int32Array.from(versions),
      candidates: 1,
      reason: "hit",
      handle: null,
    },
    restIds: Uint32Array.from(rest),
  };
}

const label = (code: number) => ({ [-2]: "default" })[code];

Deno.test("retrieveReply(): a matched and an encoded part, in one row a token", async () => {
  const reply = retrieveReply(
    "Hello World!",
    found({
      ids: [1, 2, 3, 4294967295],
      logprobs: [0, 0, -0.4, -5],
      mask: [0, 0, 1, 1],
      versions: [-1, -1, 10, 11],
      rest: [9],
    }),
    label,
  );
  assert.equal(reply.headers.get("content-type"), "application/json");
  assert.deepEqual(await reply.json(), {
    response: "Hello World!",
    token_length: 5,
    loss_mask_length: 5,
    matched_length: 4,
    match_reason: "hit",
    candidates: 1,
    tokens: [1, 2, 3, 4294967295, 9],
    loss_mask: [0, 0, 1, 1, 0],
    rollout_logp: [0, 0, -0.4, -5, 0],
    generation_versions: [-1, -1, 10, 11, -1],
  });
});

const LOGPROBS: [logprob: number, digits: string][] = [
  [0, "0.0"],
  [-0, "0.0"],
  [-1, "-1.0"],
  [-0.1, "-0.1"],
  [-1e-7, "-1e-7"],
  [-123456.75, "-123456.75"],
  [-3.4028234663852886e38, "-3.4028234663852886e+38"],
  [NaN, "null"],
  [-Infinity, "null"],
];

for (const [logprob, digits] of LOGPROBS) {
  Deno.test(`retrieveReply(): writes a logprob of ${logprob} as ${digits}`, async () => {
    const columns = { ids: [1], logprobs: [logprob], mask: [1], versions: [0] };
    const text = await retrieveReply("a", found(columns), label).text();
    assert.ok(text.includes(`"rollout_logp":[${digits}]`), text);
    const [parsed] = JSON.parse(text).rollout_logp;
    assert.ok(parsed === null ? !Number.isFinite(logprob) : parsed === logprob + 0);
  });
}

const VERSIONS: [code: number, mask: number, expected: number | string | null][] = [
  [0, 1, 0],
  [2147483647, 1, 2147483647],
  [-1, 0, -1],
  [-1, 1, null],
  [-2, 1, "default"],
  [-3, 1, null],
];

for (const [code, mask, expected] of VERSIONS) {
  Deno.test(`retrieveReply(): version code ${code} under mask ${mask} is ${JSON.stringify(expected)}`, async () => {
    const columns = { ids: [1], logprobs: [-1], mask: [mask], versions: [code] };
    const body = await retrieveReply("a", found(columns), label).json();
    assert.deepEqual(body.generation_versions, [expected]);
  });
}

Deno.test("retrieveReply(): long replies stream, and give way to other tasks between pieces", async () => {
  const length = 50_000;
  const ids = Array.from({ length }, (_, i) => i);
  const columns = {
    ids,
    logprobs: ids.map((id) => -id / 4),
    mask: ids.map(() => 1),
    versions: ids,
    rest: [7],
  };
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  const text = await retrieveReply("x", found(columns), label).text();
  clearInterval(ticking);
  const body = JSON.parse(text);
  assert.ok(turns > 4, `${turns} turns of the event loop`);
  assert.deepEqual(body.tokens, [...ids, 7]);
  assert.deepEqual(body.generation_versions, [...ids, -1]);
  assert.deepEqual([body.token_length, body.matched_length], [length + 1, length]);
  assert.equal(body.rollout_logp[length - 1], -(length - 1) / 4);
});
