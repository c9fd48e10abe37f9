/** Exports of real conversations, each spoilt in one place: the command finds it, and names row and position. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CliIo } from "../../src/cli/io.ts";
import { verify } from "../../src/cli/verify.ts";
import {
  EXPORT_SHAPES,
  type NativeRecord,
  readSafetensors,
  safetensorsChunks,
} from "../../src/trajectory/export/mod.ts";
import type { JsonObject } from "../../src/types.ts";
import { type ChatHarness, createChatHarness } from "../support/chat_harness.ts";

const USER: JsonObject = { role: "user", content: "hello" };

/** Two rows of three turns: a conversation, an edit, and a cut reply that is closed. */
async function talk(h: ChatHarness): Promise<void> {
  const ask = { max_tokens: 6, ignore_eos: true };
  const first = await h.chat({ ...ask, messages: [USER] }, "a");
  await h.chat({ ...ask, messages: [USER, first.message, USER] }, "a");
  await h.chat({ ...ask, messages: [USER, first.message, { role: "user", content: "say json" }] }, "a");
}

async function run(
  content: string | Uint8Array,
  name = "export.jsonl",
): Promise<{ code: number; out: string }> {
  const folder = await Deno.makeTempDir();
  let out = "";
  const io = { out: (text: string) => void (out += text) } as Partial<CliIo> as CliIo;
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${name}`, bytes);
    return { code: await verify({ file: `${folder}/${name}` }, io), out };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Row = Record<string, unknown>;
type Spoil = readonly [what: string, spoil: (row: Row, at: number) => void, message: (at: number) => RegExp];

const set = (name: string, change: (value: never) => unknown) => (row: Row, at: number) => {
  const values = row[name] as never[];
  values[at] = change(values[at]!) as never;
};
const letters = (change: (letter: string) => string) => (row: Row, at: number) => {
  const text = row.provenance as string;
  row.provenance = `${text.slice(0, at)}${change(text[at]!)}${text.slice(at + 1)}`;
};

/** Spoils any token of a native row. */
const NATIVE: readonly Spoil[] = [
  [
    "a token",
    set("tokens", (id) => id + 1),
    () =>
      /row 1: (chain: chain\[\d\]\.hash, of tokens \d+ to \d+|digest: digest of tokens \(tokens\[\d+\] and on\))/,
  ],
  ["a mask", set("loss_mask", (bit) => 1 - bit), (at) => new RegExp(`row 1: mask: provenance\\[${at}\\]: `)],
  [
    "a logprob's presence",
    set("logprobs", (value) => value === null ? -1 : null),
    (at) => new RegExp(`row 1: mask: logprobs\\[${at}\\]: `),
  ],
  [
    "a letter",
    letters((letter) => letter === "s" ? "p" : "s"),
    (at) => new RegExp(`row 1: (mask: provenance|turns: turns)\\[${at}\\]: `),
  ],
  [
    "a version",
    set("versions", (value) => value === null ? 9 : value + 1),
    (at) => new RegExp(`row 1: (versions: versions\\[${at}\\]|digest: digest of )`),
  ],
  [
    "a turn",
    set("turns", (value) => value === null ? 0 : value + 7),
    (at) => new RegExp(`row 1: (turns: turns\\[${at}\\]: |credit: .*${at})`),
  ],
];

Deno.test("verify: one spoilt token of a native export is found, wherever it is, with row and position", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "3", splitProbability: 0.5 } });
  await talk(h);
  const lines = (await (await h.request("/export")).text()).trimEnd().split("\n");
  assert.equal(lines.length, 2);
  assert.match((await run(lines.join("\n"))).out, /^ok: 1 sessions, 2 rows, \d+ tokens, 18 trained\n$/);
  const { tokens, provenance } = JSON.parse(lines[1]!) as NativeRecord;
  assert.match(provenance, /^p+c+p+s+$/);
  for (const [what, spoil, message] of NATIVE) {
    for (let at = 0; at < tokens.length; at++) {
      const row = JSON.parse(lines[1]!);
      spoil(row, at);
      const { code, out } = await run([lines[0], JSON.stringify(row)].join("\n"));
      assert.equal(code, 1, `${what} at ${at}`);
      assert.match(out, message(at), `${what} at ${at}`);
      assert.match(out, /^line 2, session a, row 1: /, `${what} at ${at}`);
    }
  }
});

Deno.test("verify: a number, a hash, a length or a count that was changed is found", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "3" } });
  await talk(h);
  const lines = (await (await h.request("/export")).text()).trimEnd().split("\n");
  const chain = (row: Row, link: number) => (row.chain as Row[])[link]!;
  const cases: [what: string, spoil: (row: Row) => void, message: RegExp][] = [
    [
      "a logprob",
      (row) => (row.logprobs as number[])[(row.tokens as number[]).length - 1]! -= 1e-9,
      /row 1: digest: digest of tokens \(tokens\[\d+\] and on\), loss_mask, logprobs, /,
    ],
    [
      "a hash",
      (row) =>
        chain(row, 1).hash = (chain(row, 1).hash as string).replace(/^./, (x) => x === "0" ? "1" : "0"),
      /row 1: chain: chain\[1\]\.hash, of tokens \d+ to \d+: expected/,
    ],
    [
      "a posted length",
      (row) => chain(row, 0).posted = 3,
      /row 1: chain: chain\[0\]\.hash, of tokens 0 to 3: expected/,
    ],
    [
      "a posted length too long",
      (row) => chain(row, 1).posted = 9_999,
      /row 1: chain: chain\[1\]\.posted: expected within \d+ and \d+, received 9999/,
    ],
    ["the digest", (row) => row.digest = "0".repeat(64), /row 1: digest: /],
    [
      "a token more",
      (row) => (row.tokens as number[]).push(5),
      /row 1: lengths: loss_mask: expected \d+ \(length of tokens\), received \d+/,
    ],
    ["a logprob less", (row) => (row.logprobs as number[]).pop(), /row 1: lengths: logprobs: expected/],
    [
      "a letter less",
      (row) => row.provenance = (row.provenance as string).slice(1),
      /row 1: lengths: provenance: expected/,
    ],
    ["a count", (row) => row.captured = 99, /row 1: counts: counts, as in the session's first row/],
    [
      "complete",
      (row) => (row.versions as unknown[])[(row.tokens as number[]).length - 1] = null,
      /row 1: complete: versions\[\d+\]/,
    ],
    [
      "the row's number",
      (row) => row.row = 0,
      /rows: row: expected a number below 2 that no other row has, received 0/,
    ],
    [
      "an id that is none",
      (row) => (row.tokens as number[])[2] = -1,
      /row 1: structure: tokens\[2\]: expected an id, received -1/,
    ],
  ];
  for (const [what, spoil, message] of cases) {
    const row = JSON.parse(lines[1]!);
    spoil(row);
    const { code, out } = await run([lines[0], JSON.stringify(row)].join("\n"));
    assert.equal(code, 1, what);
    assert.match(out, message, what);
  }
});

/** What can be told of rows without hashes. */
const SHAPED: Readonly<Record<"slime" | "verl" | "trl", readonly Spoil[]>> = {
  slime: [
    [
      "mask length",
      (row) => (row.loss_mask as number[]).pop(),
      () => /lengths: loss_mask: expected \d+ \(response_length\), received \d+/,
    ],
    [
      "response length",
      (row) => row.response_length = 999,
      () => /lengths: response_length: expected within 0 and \d+ \(length of tokens\), received 999/,
    ],
    [
      "mask",
      set("loss_mask", () => 2),
      (at) => new RegExp(`structure: loss_mask\\[${at}\\]: expected 0 or 1, received 2`),
    ],
    [
      "logprob",
      set("rollout_log_probs", () => null),
      (at) => new RegExp(`structure: rollout_log_probs\\[${at}\\]: expected a number, received null`),
    ],
  ],
  verl: [
    [
      "input_ids",
      set("input_ids", (id) => id + 1),
      (at) => new RegExp(`structure: input_ids\\[${at}\\]: expected \\d+, received \\d+`),
    ],
    [
      "positions",
      set("position_ids", (id) => id + 1),
      (at) => new RegExp(`structure: position_ids\\[${at}\\]`),
    ],
    ["attention", set("attention_mask", () => 0), (at) => new RegExp(`structure: attention_mask\\[${at}\\]`)],
    [
      "mask length",
      (row) => (row.response_mask as number[]).push(1),
      () => /lengths: response_mask: expected \d+ \(length of responses\)/,
    ],
  ],
  trl: [
    [
      "logprobs length",
      (row) => (row.logprobs as number[]).pop(),
      () => /lengths: logprobs: expected \d+ \(length of completion_ids\)/,
    ],
    [
      "mask",
      set("env_mask", () => 0),
      (at) =>
        at === 0
          ? /mask: (env_mask|logprobs)\[0\]/
          : new RegExp(`mask: logprobs\\[${at}\\]: expected 0, as env_mask is 0`),
    ],
  ],
};

Deno.test("verify: exports of the other shapes are checked as far as they go, in both formats", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "3" } });
  await talk(h);
  for (const [shape, spoils] of Object.entries(SHAPED)) {
    const lines = (await (await h.request(`/export?shape=${shape}`)).text()).trimEnd().split("\n");
    const whole = await run(lines.join("\n"));
    assert.match(
      whole.out,
      /^ok: 1 sessions, 2 rows, \d+ tokens, 18 trained, 2 rows without hashes\n$/,
      shape,
    );
    const file = await (await h.request(`/export?shape=${shape}&format=safetensors`)).bytes();
    assert.equal((await run(file, "x.safetensors")).out, whole.out, shape);
    for (const [what, spoil, message] of spoils) {
      for (const at of [0, 2]) {
        const row = JSON.parse(lines[0]!);
        spoil(row, at);
        const { code, out } = await run([JSON.stringify(row), lines[1]].join("\n"));
        assert.equal(code, 1, `${shape} ${what}`);
        assert.match(out, message(at), `${shape} ${what}`);
        assert.match(out, /^line 1, session a/, `${shape} ${what}`);
      }
    }
  }
});

Deno.test("verify: a safetensors file of which one byte of a tensor was changed is no good", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "3" } });
  await talk(h);
  const file = await (await h.request("/export?format=safetensors")).bytes();
  assert.equal((await run(file, "x.safetensors")).code, 0);
  const header = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const { records } = readSafetensors(file);
  let found = 0;
  for (let at = header; at < file.length; at += 13) {
    const spoilt = Uint8Array.from(file);
    spoilt[at] = spoilt[at]! ^ 4;
    const { code, out } = await run(spoilt, "x.safetensors");
    // A null log-probability is any NaN.
    if (code === 0) assert.deepEqual(readSafetensors(spoilt).records, records, `byte ${at}`);
    if (code === 0) continue;
    found++;
    assert.match(out, /^(session a, row \d|file|session a): /, `byte ${at}`);
  }
  assert.ok(found > 50, `${found}`);
  const again = Buffer.concat([...safetensorsChunks(records as NativeRecord[])]);
  assert.deepEqual(new Uint8Array(again), file, "reading and writing is the identity");
  assert.deepEqual(EXPORT_SHAPES.length, 1 + Object.keys(SHAPED).length);
});
