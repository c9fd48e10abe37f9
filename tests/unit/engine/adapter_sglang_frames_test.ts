import assert from "node:assert/strict";
import { createEngineAdapter } from "../../../src/engine/create.ts";
import type { JsonObject } from "../../../src/types.ts";

const DONE = "data: [DONE]\n\n";
const encoder = new TextEncoder();
const sglang = createEngineAdapter("sglang");

function sse(frames: readonly JsonObject[]): Uint8Array {
  return encoder.encode(frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("") + DONE);
}

/** A frame of these ids, `count` of them so far; null: it does not count. */
function frame(ids: readonly number[], count: number | null, more: JsonObject = {}, meta: JsonObject = {}) {
  return {
    text: ids.map((id) => `<${id}>`).join(""),
    output_ids: [...ids],
    meta_info: {
      finish_reason: null,
      ...(count === null ? {} : { completion_tokens: count }),
      output_token_logprobs: ids.map((id) => [-id, id, null]),
      ...meta,
    },
    ...more,
  } as JsonObject;
}

function read(frames: readonly JsonObject[], chunked: boolean) {
  const stream = sglang.openStream();
  const bytes = sse(frames);
  const deltas = [];
  const step = chunked ? 30 : bytes.length;
  for (let at = 0; at < bytes.length; at += step) deltas.push(...stream.push(bytes.subarray(at, at + step)));
  return { stream, deltas };
}

/** Streams of an engine that does not count its tokens. */
const UNCOUNTED: readonly [name: string, rows: number[][], expected: number[] | null][] = [
  ["one frame", [[5, 6]], [5, 6]],
  ["cumulative", [[5], [5, 6], [5, 6, 2]], [5, 6, 2]],
  ["cumulative, the last one twice", [[5], [5, 6], [5, 6]], [5, 6]],
  ["cumulative, an empty one first", [[], [5], [5, 6]], [5, 6]],
  ["deltas", [[5], [6], [2]], [5, 6, 2]],
  ["deltas that begin alike", [[5], [5, 6], [2], [2]], [5, 5, 6, 2, 2]],
  ["deltas, an empty one last", [[5], [6], []], [5, 6]],
  ["either", [[5], [5]], null],
];
for (const [name, rows, expected] of UNCOUNTED) {
  Deno.test(`SglangFrameReader without completion_tokens: ${name}`, () => {
    for (const chunked of [true, false]) {
      const { stream, deltas } = read(rows.map((ids) => frame(ids, null)), chunked);
      if (expected === null) assert.match(stream.failure!, /may be cumulative or deltas/);
      else {
        assert.deepEqual([...stream.outputs()![0]!.tokenIds], expected);
        assert.deepEqual(deltas.flatMap(({ tokenIds }) => [...tokenIds]), expected);
        assert.equal(stream.outputs()![0]!.inconsistency, null);
      }
    }
  });
}

Deno.test("SglangFrameReader parses only the newest of cumulative frames in one chunk", () => {
  const ids = Array.from({ length: 300 }, (_, at) => at);
  const frames = ids.map((_, at) => frame(ids.slice(0, at + 1), at + 1));
  const { stream, deltas } = read(frames, false);
  assert.deepEqual(deltas.map(({ tokenIds }) => tokenIds.length), [300]);
  assert.deepEqual([...stream.outputs()![0]!.tokenIds], ids);
});

Deno.test("SglangFrameReader keeps the version of each frame where the engine tells no spans", () => {
  const frames = [1, 2, 3, 4].map((to) =>
    frame([5, 6, 7, 8].slice(0, to), to, {}, { weight_version: to < 3 ? "1" : "2" })
  );
  for (const chunked of [true, false]) {
    const { versions } = read(frames, chunked).stream.outputs()![0]!;
    assert.deepEqual(versions, [{ tokens: 2, version: 1 }, { tokens: 2, version: 2 }]);
  }
});

/** Aborts that carry the last id only, from an engine that was not asked for logprobs, or dropped them. */
const LAST_ONLY: readonly [name: string, before: number[][], count: number][] = [
  ["all ids came before", [[5], [5, 6], [5, 6, 7]], 3],
  ["all but the last came before", [[5], [5, 6]], 3],
];
for (const [name, before, count] of LAST_ONLY) {
  Deno.test(`SglangFrameReader trusts what it has when an abort carries the last id only: ${name}`, () => {
    const bare = (each: JsonObject): JsonObject => {
      const { output_token_logprobs: _, ...meta } = each.meta_info as JsonObject;
      return { ...each, meta_info: meta };
    };
    const abort = frame([7], count, { text: "<5><6><7>" }, { finish_reason: { type: "abort" } });
    const frames = [...before.map((ids) => frame(ids, ids.length)), abort].map(bare);
    for (const chunked of [true, false]) {
      const { stream, deltas } = read(frames, chunked);
      const [output] = stream.outputs()!;
      assert.deepEqual([...output!.tokenIds], [5, 6, 7]);
      assert.equal(output!.text, "<5><6><7>");
      assert.equal(output!.inconsistency, null);
      assert.deepEqual(deltas.flatMap(({ tokenIds }) => [...tokenIds]), [5, 6, 7]);
      assert.equal(deltas.map(({ text }) => text).join(""), "<5><6><7>");
    }
  });
}

Deno.test("SglangFrameReader tells no text of an abort that may be the whole or a part", () => {
  const abort = frame([6], 2, { text: "<5><6>" }, { finish_reason: { type: "abort" } });
  const { stream, deltas } = read([frame([5], 1), abort], true);
  assert.deepEqual([...stream.outputs()![0]!.tokenIds], [5, 6]);
  assert.deepEqual([stream.outputs()![0]!.text, deltas.at(-1)?.text], [null, null]);
});

Deno.test("SglangFrameReader tells no text where the engine takes some back", () => {
  const frames = [
    frame([5], 1, { text: "hel" }),
    frame([5, 6], 2, { text: "he" }),
    frame([5, 6, 7], 3, { text: "hey" }),
  ];
  const { stream, deltas } = read(frames, true);
  assert.deepEqual(deltas.map(({ text }) => text), ["hel", null, "y"]);
  assert.equal(stream.outputs()![0]!.text, "hey");
});

const CONTRADICTIONS: readonly [name: string, frames: JsonObject[], said: RegExp][] = [
  ["an id changes", [frame([5], 1), frame([6, 7], 2)], /token 0: id or logprob changed/],
  [
    "a logprob changes",
    [frame([5], 1), frame([5, 6], 2, {}, { output_token_logprobs: [[-9, 5], [-6, 6]] })],
    /token 0: id or logprob changed/,
  ],
  ["a token is skipped", [frame([5], 1), frame([7], 3)], /completion_tokens is 3, 1 ids came before and 1/],
  ["a frame is repeated", [frame([5], 1), frame([6], 2), frame([6], 2)], /completion_tokens is 2/],
  ["a frame shrinks", [frame([5], 1), frame([5, 6], 2), frame([5], 1)], /holds 1 tokens, 2 came before/],
  ["an error comes last", [frame([5], 1), { error: "boom" }], /boom/],
];
for (const [name, frames, said] of CONTRADICTIONS) {
  Deno.test(`SglangFrameReader refuses a stream in which ${name}`, () => {
    const { stream } = read(frames, true);
    assert.match(stream.failure!, said);
    assert.equal(stream.outputs(), null);
    assert.deepEqual(stream.push(sse(frames)), [], "nothing comes after a failure");
  });
}

Deno.test("FrameStream reads nothing behind the end mark", () => {
  const stream = sglang.openStream();
  stream.push(sse([frame([5], 1)]));
  assert.deepEqual(stream.push(sse([frame([6], 2)])), []);
  stream.end();
  assert.deepEqual([stream.done, stream.failure], [true, null]);
  assert.deepEqual([...stream.outputs()![0]!.tokenIds], [5]);
});

Deno.test("FrameStream reads CRLF, comments and other fields", () => {
  const text = `: ping\r\n\r\nevent: x\r\ndata: ${JSON.stringify(frame([5], 1))}\r\n\r\ndata:[DONE]\r\n\r\n`;
  const stream = sglang.openStream();
  assert.equal(stream.push(encoder.encode(text)).length, 1);
  assert.ok(stream.done);
});
