import assert from "node:assert/strict";
import type { Transcript, Turn } from "../../../src/cli/demo/conversation.ts";
import { type Codec, findings, firstSplit, tokenRows } from "../../../src/cli/demo/findings.ts";
import { renderTable } from "../../../src/cli/demo/table.ts";
import {
  cacheLines,
  curlLines,
  findingLines,
  heading,
  splitLines,
  tokenTable,
  turnLines,
  visible,
} from "../../../src/cli/demo/view.ts";

const plain = { rich: false };
const rich = { rich: true };

/** One token a letter, and three for words: 200 `HAV`, 201 `ING`, 202 `AVING`. */
const WORDS = new Map([[200, "HAV"], [201, "ING"], [202, "AVING"]]);
const codec: Codec = {
  encode: (text) => encode(text),
  encodeContinuation: (text) => encode(text),
  decodeBytes: (ids) =>
    new TextEncoder().encode(Array.from(ids, (id) => WORDS.get(id) ?? String.fromCharCode(id)).join("")),
};

function encode(text: string): number[] {
  const ids: number[] = [];
  for (let rest = text; rest !== "";) {
    const [id, word] = [[200, "HAV"], [201, "ING"]].find(([, each]) => rest.startsWith(each as string)) as
      | [number, string]
      | undefined ?? [rest.charCodeAt(0), rest[0]!];
    ids.push(id);
    rest = rest.slice(word.length);
  }
  return ids;
}

const ids = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));

const FIRST: Turn = {
  engine: 1,
  question: "Why?",
  promptIds: ids("question 1"),
  promptText: "question 1",
  replyText: "HAVING",
  outputIds: [72, 202],
  logprobs: [-0.5, -1],
  weightVersion: "7",
  finish: "stop",
  promptTokens: 10,
  cachedTokens: 0,
};
const SECOND: Turn = {
  ...FIRST,
  promptText: "question 1HAVING?",
  promptIds: [...FIRST.promptIds, ...FIRST.outputIds, 63],
  replyText: "no",
  outputIds: ids("no"),
  logprobs: [-2, -3],
  weightVersion: "8",
};
const LEDGER = [...SECOND.promptIds, ...SECOND.outputIds];
const SAMPLED = new Map([[10, -0.5], [11, -1], [13, -2], [14, -3]]);
const TRANSCRIPT: Transcript = {
  turns: [FIRST, SECOND],
  retrieved: {
    tokens: LEDGER,
    loss_mask: LEDGER.map((_, index) => SAMPLED.has(index) ? 1 : 0),
    rollout_logp: LEDGER.map((_, index) => SAMPLED.get(index) ?? 0),
    generation_versions: LEDGER.map((_, index) => SAMPLED.has(index) ? (index < 13 ? 7 : 8) : -1),
  },
  cache: { total_entries: 2, cache_hits: 1, cache_misses: 3, hit_rate: 0.25, cur_cache_size: 15 },
};

Deno.test("firstSplit() finds the first stretch that encoding would not give", () => {
  const cases: [number[], ReturnType<typeof firstSplit>][] = [
    [[200, 201], null],
    [[], null],
    [[72, 202], { text: "HAVING", sampledIds: [72, 202], canonicalIds: [200, 201] }],
    [[97, 73, 78, 71, 98], { text: "ING", sampledIds: [73, 78, 71], canonicalIds: [201] }],
  ];
  for (const [sampled, expected] of cases) assert.deepEqual(firstSplit(sampled, codec), expected);
});

Deno.test("findings() hold for what the engine did, and name what does not", () => {
  assert.deepEqual(findings(TRANSCRIPT, codec).map(({ holds }) => holds), [true, true, true, true, true]);
  const cases: [string, Partial<Transcript>, boolean[]][] = [
    [
      "another id in turn 2's prompt",
      { turns: [FIRST, { ...SECOND, promptIds: [1, ...SECOND.promptIds.slice(1)] }] },
      [false, false, true, true, true],
    ],
    [
      "a token too few",
      { retrieved: { ...TRANSCRIPT.retrieved, tokens: LEDGER.slice(0, -1) } },
      [true, false, true, true, true],
    ],
    [
      "a token too many",
      { retrieved: { ...TRANSCRIPT.retrieved, tokens: [...LEDGER, 1] } },
      [true, false, true, true, true],
    ],
    [
      "another logprob",
      { retrieved: { ...TRANSCRIPT.retrieved, rollout_logp: LEDGER.map(() => 0) } },
      [true, true, false, true, true],
    ],
    [
      "turn 1's version on turn 2's tokens",
      { retrieved: { ...TRANSCRIPT.retrieved, generation_versions: LEDGER.map(() => 7) } },
      [true, true, true, false, true],
    ],
  ];
  for (const [name, change, expected] of cases) {
    const found = findings({ ...TRANSCRIPT, ...change }, codec);
    assert.deepEqual(found.map(({ holds }) => holds), expected, name);
  }
});

Deno.test("tokenRows() tell turn, provenance and version of each token", () => {
  const rows = tokenRows(TRANSCRIPT, codec);
  assert.equal(rows.length, LEDGER.length);
  assert.deepEqual(rows.map(({ turn }) => turn).join(""), "111111111111222");
  assert.deepEqual(rows[11], {
    turn: 1,
    provenance: "sampled",
    id: 202,
    bytes: new TextEncoder().encode("AVING"),
    logprob: -1,
    lossMask: 1,
    version: 7,
  });
  assert.equal(rows[12]!.provenance, "prompt");
});

Deno.test("tokenTable() folds long runs of prompt and shows every sampled token", () => {
  const table = tokenTable(tokenRows(TRANSCRIPT, codec), plain);
  assert.equal(
    table,
    [
      "turn  from      id  logprob  mask  version  text",
      '   1  prompt   113        -     0        -  "q"',
      '   1  prompt   117        -     0        -  "u"',
      '   1  prompt   101        -     0        -  "e"',
      "... 4 more prompt tokens",
      '   1  prompt   110        -     0        -  "n"',
      '   1  prompt    32        -     0        -  " "',
      '   1  prompt    49        -     0        -  "1"',
      '   1  sampled   72  -0.5000     1        7  "H"',
      '   1  sampled  202  -1.0000     1        7  "AVING"',
      '   2  prompt    63        -     0        -  "?"',
      '   2  sampled  110  -2.0000     1        8  "n"',
      '   2  sampled  111  -3.0000     1        8  "o"',
      "",
    ].join("\n"),
  );
  assert.match(tokenTable(tokenRows(TRANSCRIPT, codec), rich), /─┼─[\s\S]*… 4 more/);
});

Deno.test("visible() shows text with escapes and cut characters as bytes", () => {
  const cases: [number[], string][] = [
    [[...new TextEncoder().encode(' a"\n')], '" a\\"\\n"'],
    [[0xe4, 0xbd], "e4 bd"],
    [[...new TextEncoder().encode("\ufe0f")], '"\\u{fe0f}"'],
    [[0xef, 0xbb, 0xbf], '"\\u{feff}"'],
    [[], '""'],
  ];
  for (const [bytes, expected] of cases) assert.equal(visible(new Uint8Array(bytes)), expected);
});

Deno.test("renderTable() is plain columns, or has lines on a terminal", () => {
  const columns = [{ title: "n", align: "right" as const }, { title: "what" }];
  const rows = [["10", "a"], "between", ["5", "long"]];
  assert.equal(renderTable(columns, rows, plain), " n  what\n10  a\nbetween\n 5  long\n");
  assert.equal(
    renderTable(columns, rows, rich),
    "\u001b[1m n │ what\u001b[0m\n───┼─────\n10 │ a\n\u001b[2mbetween\u001b[0m\n 5 │ long\n",
  );
});

Deno.test("the other parts of the view say what they are given", () => {
  assert.match(
    turnLines(1, FIRST, plain),
    /user: +"Why\?"\n +assistant: "HAVING"\n.*2 sampled under weight version 7/,
  );
  assert.equal(
    splitLines([FIRST, SECOND], codec),
    'turn 1: "HAVING"\n  sampled as     72 "H"  202 "AVING"\n  encoding gives 200 "HAV"  201 "ING"\n',
  );
  const found = [{ holds: true, claim: "one" }, { holds: false, claim: "two" }];
  assert.equal(findingLines(found, plain), "ok one\nFAILED two\n");
  assert.match(findingLines(found, rich), /✔.*one\n.*✘.*two/);
  assert.match(cacheLines(TRANSCRIPT.cache), /entries 2, tokens 15, hits 1, misses 3, hit rate 0.25/);
  assert.equal(heading("X", plain), "\nX\n");
  assert.ok(curlLines("http://h:1").split("\n").filter((line) => line.includes("http://h:1/")).length >= 5);
});
