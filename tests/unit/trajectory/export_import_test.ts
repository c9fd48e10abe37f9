import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  exportRecords,
  exportSession,
  importJsonLines,
  importNative,
  jsonLines,
  readSafetensors,
  safetensorsChunks,
} from "../../../src/trajectory/export/mod.ts";
import { TestForest } from "../../support/turn_forest.ts";

function smallForest(): TestForest {
  const forest = new TestForest();
  forest.add({ prompt: [1], output: [2, 3], sampledRuns: [{ tokens: 2, version: "v1" }] });
  return forest;
}

function fileOf(shape: "native" | "slime" = "native"): Uint8Array {
  return new Uint8Array(Buffer.concat([...safetensorsChunks(exportRecords(smallForest()), shape)]));
}

Deno.test("importNative() names the first thing that is wrong", () => {
  const cases: readonly (readonly [string, (reply: Record<string, never>) => unknown, RegExp])[] = [
    ["no object", () => 3, /Cannot read export: must be an object, received 3/],
    [
      "no rows",
      ({ session_id }) => ({ session_id }),
      /Cannot read export: captured must be a count, received nothing/,
    ],
    ["negative count", (r) => ({ ...r, captured: -1 }), /captured must be a count, received -1/],
    ["fractional drop", (r) => ({ ...r, dropped: { x: 0.5 } }), /dropped must be an object of counts/],
    [
      "row is null",
      (r) => ({ ...r, rows: [null] }),
      /Cannot read row 0: row must be an object, received null/,
    ],
  ];
  const reply = JSON.stringify(exportSession(smallForest()));
  for (const [name, spoil, message] of cases) {
    const json = JSON.stringify(spoil(JSON.parse(reply)));
    assert.throws(() => importNative(json), { name: "TypeError", message }, name);
  }
});

Deno.test("importNative() refuses members of a row that are not what they must be", () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["tokens", [1, 2, 2 ** 32], /tokens\[2\] must be an id, received 4294967296/],
    ["tokens", [1, 2], /loss_mask must be 2 \(length of tokens\), received 3/],
    ["loss_mask", [0, 1, true], /loss_mask\[2\] must be 0 or 1, received true/],
    ["logprobs", [null, "x", 1], /logprobs\[1\] must be a number or null, received "x"/],
    ["versions", [null, 1.5, 1], /versions\[1\] must be an integer, a string or null/],
    ["turns", [null, 0, -1], /turns\[2\] must be a count or null/],
    ["status", "stop", /status must be completed, truncated, aborted, received "stop"/],
    ["reward", "good", /reward must be a number, an object or null/],
    ["metadata", [], /metadata must be an object, received \[\]/],
    ["complete", 1, /complete must be a boolean/],
    ["chain", [7], /chain\[0\] must be an object/],
    [
      "chain",
      [{ turn: 0, id: "t", posted: 1, hash: "x", cause: null }],
      /chain\[0\].hash must be 64 hex digits/,
    ],
    ["digest", "", /digest must be 64 hex digits/],
    ["provenance", "p".repeat(300), /provenance must be 3 \(length of tokens\), received 300/],
  ];
  for (const [name, value, message] of cases) {
    const reply = JSON.parse(JSON.stringify(exportSession(smallForest())));
    reply.rows[0][name] = value;
    assert.throws(() => importNative(JSON.stringify(reply)), { name: "TypeError", message }, name);
  }
});

Deno.test("importJsonLines() skips blank lines and names the line that is wrong", () => {
  const [line] = [...jsonLines(exportRecords(smallForest()))];
  assert.equal([...importJsonLines(["", line!, "\n"])].length, 1);
  assert.throws(
    () => [...importJsonLines(["", line!, "{}"])],
    /Cannot read line 3: session_id must be a string/,
  );
  assert.throws(() => [...importJsonLines(["{"])], SyntaxError);
});

Deno.test("readSafetensors() reads every shape that is written", () => {
  const { shape, records } = readSafetensors(fileOf("slime"));
  assert.equal(shape, "slime");
  assert.deepEqual(
    records,
    [...jsonLines(exportRecords(smallForest()), "slime")].map((line) => JSON.parse(line)),
  );
});

Deno.test("safetensorsChunks() aligns every tensor, widest elements first", () => {
  const bytes = fileOf();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assert.equal(length % 8, 0);
  let end = 0;
  for (const [name, { dtype, shape, data_offsets }] of Object.entries<Record<string, never>>(header)) {
    if (name === "__metadata__") continue;
    const width = { I64: 8, F64: 8, I32: 4, U8: 1 }[dtype!]!;
    assert.equal(data_offsets![0], end);
    assert.equal(end % width, 0);
    end += shape![0] * width;
    assert.equal(data_offsets![1], end);
  }
  assert.equal(8 + length + end, bytes.length);
});

Deno.test("safetensorsChunks() of no records is a file of no rows", () => {
  const bytes = new Uint8Array(Buffer.concat([...safetensorsChunks([])]));
  assert.deepEqual(readSafetensors(bytes), { shape: "native", records: [] });
});

/** The file with another header over the same tensors. */
function withHeader(edit: (header: Record<string, Record<string, unknown>>) => void): Uint8Array {
  const bytes = fileOf();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  edit(header);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  return new Uint8Array(Buffer.concat([head, json, bytes.subarray(8 + length)]));
}

Deno.test("readSafetensors() refuses files that are none of its own", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(), /must have a header within 0 bytes/],
    ["cut header", fileOf().subarray(0, 50), /must have a header within 50 bytes/],
    ["cut tensors", fileOf().subarray(0, -1), /must have tensor provenance of U8 within/],
    ["no JSON", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x7b), /header must be JSON, received "\{"/],
    ["no object", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x33), /a header that is an object, received 3/],
    [
      "foreign",
      withHeader((h) => delete h.__metadata__),
      /__metadata__ of a slime-router export, received undefined/,
    ],
    ["shape", withHeader((h) => h.__metadata__!.shape = "x"), /__metadata__ of a slime-router export/],
    ["rows", withHeader((h) => h.__metadata__!.rows = "[3]"), /a list of rows, received \[3\]/],
    ["row count", withHeader((h) => h.__metadata__!.rows = "[]"), /offsets that rise from 0 to 3 in 1 steps/],
    ["versions", withHeader((h) => h.__metadata__!.versions = "[]"), /Cannot read version 0: table has 0/],
    ["dtype", withHeader((h) => h.tokens!.dtype = "F32"), /tensor tokens of I64 within/],
    [
      "no tensor",
      withHeader((h) => delete h.turns),
      /tensor turns of I32 within \d+ bytes, received undefined/,
    ],
    ["beyond", withHeader((h) => h.tokens!.data_offsets = [1e6, 1e6 + 24]), /tensor tokens of I64 within/],
  ];
  for (const [name, bytes, message] of cases) assert.throws(() => readSafetensors(bytes), { message }, name);
});
