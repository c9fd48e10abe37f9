import assert from "node:assert/strict";
import { exportRecords, exportSession } from "../../../src/trajectory/export/mod.ts";
import { TestForest } from "../../support/turn_forest.ts";

/** The forest that `docs/export.md` draws. */
function drawnForest(): TestForest {
  const forest = new TestForest("s1");
  const ask = forest.add({ prompt: [10, 11], output: [20, 21], logprobs: [-0.1, -0.2] });
  forest.add({ parent: ask, prompt: [30], output: [40], logprobs: [-0.3] });
  forest.add({
    parent: ask,
    dropped: 1,
    prompt: [50, 51],
    promptRuns: [{ tokens: 1, provenance: "b" }, { tokens: 1, provenance: "p" }],
    output: [60, 61],
    logprobs: [-0.4, -0.5],
    sampledRuns: [{ tokens: 1, version: 1 }, { tokens: 1, version: 2 }],
    cause: "edit",
    status: "truncated",
  });
  return forest;
}

Deno.test("exportSession() of two branches: the shared turn has its credit in the first row only", () => {
  const { rows, ...counts } = exportSession(drawnForest(), { reward: 1, metadata: { run: 3 } });
  assert.deepEqual(counts, { session_id: "s1", captured: 5, exported: 5, dropped: {} });
  const [first, second] = rows.map(({ chain: _chain, digest: _digest, ...row }) => row);
  assert.deepEqual(first, {
    tokens: [10, 11, 20, 21, 30, 40],
    loss_mask: [0, 0, 1, 1, 0, 1],
    logprobs: [null, null, -0.1, -0.2, null, -0.3],
    versions: [null, null, 1, 1, null, 1],
    turns: [null, null, 0, 0, null, 1],
    provenance: "ppssps",
    status: "completed",
    reward: 1,
    metadata: { task: "sum", run: 3 },
    complete: true,
  });
  assert.deepEqual(second, {
    tokens: [10, 11, 20, 50, 51, 60, 61],
    loss_mask: [0, 0, 0, 0, 0, 1, 1],
    logprobs: [null, null, null, null, null, -0.4, -0.5],
    versions: [null, null, 1, null, null, 1, 2],
    turns: [null, null, 0, null, null, 2, 2],
    provenance: "pppbpss",
    status: "truncated",
    reward: 1,
    metadata: { task: "sum", run: 3 },
    complete: true,
  });
  const chains = rows.map(({ chain }) => chain.map(({ turn, posted, cause }) => [turn, posted, cause]));
  assert.deepEqual(chains, [[[0, 2, null], [1, 5, null]], [[0, 2, null], [2, 5, "edit"]]]);
});

interface Case {
  readonly name: string;
  readonly forest: (forest: TestForest) => void;
  readonly maxTokens?: number;
  /** Provenance and status of each row. */
  readonly rows: readonly string[];
  readonly dropped: Readonly<Record<string, number>>;
}

const CASES: readonly Case[] = [
  {
    name: "an undelivered turn that nothing continues is left out; its parent becomes the leaf",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2] });
      forest.add({ parent, prompt: [3], output: [4, 5], isDelivered: false });
    },
    rows: ["ps completed"],
    dropped: { undelivered: 2 },
  },
  {
    name: "an undelivered turn that is continued was received after all",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2], isDelivered: false });
      forest.add({ parent, prompt: [3], output: [4] });
    },
    rows: ["psps completed"],
    dropped: {},
  },
  {
    name: "a superseded retry is left out, and its sibling exported",
    forest: (forest) => {
      forest.add({ prompt: [1], output: [2, 3, 4], isSuperseded: true });
      forest.add({ prompt: [1], output: [5], cause: "retry" });
    },
    rows: ["ps completed"],
    dropped: { superseded: 3 },
  },
  {
    name: "a turn that is both undelivered and superseded counts once, as undelivered",
    forest: (forest) => {
      forest.add({ prompt: [1], output: [2], isDelivered: false, isSuperseded: true });
      forest.add({ prompt: [1], output: [5], cause: "retry" });
    },
    rows: ["ps completed"],
    dropped: { undelivered: 1 },
  },
  {
    name: "best of n: a row a sample",
    forest: (forest) => {
      for (const id of [2, 3, 4]) forest.add({ prompt: [1], output: [id], cause: "best of n" });
    },
    rows: ["ps completed", "ps completed", "ps completed"],
    dropped: {},
  },
  {
    name: "a stop token that every continuation drops is counted as trimmed",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2, 9] });
      forest.add({
        parent,
        dropped: 1,
        prompt: [8],
        promptRuns: [{ tokens: 1, provenance: "b" }],
        output: [4],
      });
    },
    rows: ["psbs completed"],
    dropped: { trimmed: 1 },
  },
  {
    name: "a dropped stop token that another branch keeps has its credit there",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2, 9] });
      forest.add({ parent, dropped: 1, prompt: [8], output: [4] });
      forest.add({ parent, prompt: [7], output: [5] });
    },
    rows: ["psps completed", "ppsps completed"],
    dropped: {},
  },
  {
    name: "a token without a finite logprob stands as context",
    forest: (forest) => {
      forest.add({ prompt: [1], output: [2, 3, 4, 5], logprobs: [-1, NaN, -Infinity, -2] });
    },
    rows: ["pspps completed incomplete"],
    dropped: { "no logprob": 2 },
  },
  {
    name: "a missing version leaves the credit and marks the row",
    forest: (forest) => {
      forest.add({ prompt: [1], output: [2], sampledRuns: [] });
    },
    rows: ["ps completed incomplete"],
    dropped: {},
  },
  {
    name: "what the first row misses does not make the second one incomplete",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2], logprobs: [NaN] });
      forest.add({ parent, prompt: [3], output: [4] });
      forest.add({ parent, prompt: [5], output: [6] });
    },
    rows: ["ppps completed incomplete", "ppps completed"],
    dropped: { "no logprob": 1 },
  },
  {
    name: "a row longer than maxTokens is cut, and the rest counted",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2, 3] });
      forest.add({ parent, prompt: [4], output: [5, 6, 7] });
    },
    maxTokens: 5,
    rows: ["pssps truncated"],
    dropped: { "over length": 2 },
  },
  {
    name: "branches past maxTokens are one row",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2, 3] });
      forest.add({ parent, prompt: [4], output: [5] });
      forest.add({ parent, prompt: [6], output: [7] });
    },
    maxTokens: 3,
    rows: ["pss truncated"],
    dropped: { "over length": 2 },
  },
  {
    name: "a turn that sampled nothing ends the row of what it continues",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2] });
      forest.add({ parent, prompt: [3], output: [], status: "aborted" });
    },
    rows: ["psp aborted"],
    dropped: {},
  },
  {
    name: "a turn that sampled nothing beside one that did has no row",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2] });
      forest.add({ parent, prompt: [3], output: [], status: "aborted" });
      forest.add({ parent, prompt: [3], output: [4] });
    },
    rows: ["psps completed"],
    dropped: {},
  },
  {
    name: "synthetic close and foreign text keep their letters",
    forest: (forest) => {
      const parent = forest.add({ prompt: [1], output: [2], status: "truncated" });
      const promptRuns = [{ tokens: 1, provenance: "c" }, { tokens: 2, provenance: "f" }] as const;
      forest.add({ parent, prompt: [3, 4, 5], promptRuns, output: [6] });
    },
    rows: ["pscffs completed"],
    dropped: {},
  },
];

for (const { name, forest: fill, maxTokens, rows, dropped } of CASES) {
  Deno.test(`exportSession(): ${name}`, () => {
    const forest = new TestForest();
    fill(forest);
    const native = exportSession(forest, maxTokens === undefined ? {} : { maxTokens });
    assert.deepEqual(
      native.rows.map((row) => `${row.provenance} ${row.status}${row.complete ? "" : " incomplete"}`),
      rows,
    );
    assert.deepEqual(native.dropped, dropped);
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(native.captured, native.exported + lost);
  });
}

Deno.test("exportSession() leaves the caller's options and the session's metadata as they are", () => {
  const forest = drawnForest();
  const metadata = Object.freeze({ task: "product" });
  const { rows } = exportSession(forest, { metadata });
  assert.deepEqual(rows[0]?.metadata, { task: "product" });
  assert.deepEqual(forest.metadata, { task: "sum" });
});

Deno.test("exportSession() refuses turns that contradict themselves, and limits that are none", () => {
  const cases: readonly (readonly [Parameters<TestForest["add"]>[0], RegExp])[] = [
    [{ prompt: [1], output: [2, 3], logprobs: [-1] }, /turn 0 of session "s1": 2 sampled ids, 1 logprobs/],
    [{ prompt: [1], output: [2], sampledRuns: [{ tokens: 2, version: 1 }] }, /1 sampled ids, runs of 2/],
    [{ prompt: [1], output: [2], promptRuns: [] }, /1 prompt ids, runs of 0/],
  ];
  for (const [spec, message] of cases) {
    const forest = new TestForest();
    forest.add(spec);
    assert.throws(() => exportSession(forest), { name: "RangeError", message });
    assert.throws(() => exportRecords(forest).next(), { name: "RangeError", message });
  }
  for (const maxTokens of [0, -1, 1.5, NaN]) {
    assert.throws(() => exportSession(drawnForest(), { maxTokens }), /maxTokens must be a positive integer/);
  }
});

Deno.test("exportRecords() builds a row only when it is asked for", () => {
  const forest = drawnForest();
  const built: number[] = [];
  for (const turn of forest.turns) {
    const { promptIds } = turn;
    const note = () => (built.push(turn.index), promptIds.length);
    const watched = new Proxy(promptIds, {
      get: (ids, name) => name === "0" ? (note(), ids[0]) : Reflect.get(ids, name, ids),
    });
    Object.defineProperty(turn, "promptIds", { value: watched });
  }
  const records = exportRecords(forest);
  records.next();
  assert.deepEqual(built, [0, 1]);
  records.next();
  assert.deepEqual(built, [0, 1, 0, 2]);
});
