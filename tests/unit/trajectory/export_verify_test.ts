import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  describeFinding,
  EXPORT_SHAPES,
  exportRecords,
  exportSession,
  type ExportShape,
  FINDINGS_MAX,
  jsonLines,
  type NativeRecord,
  rowDigest,
  safetensorsChunks,
  verifyExport,
  verifySafetensors,
} from "../../../src/trajectory/export/mod.ts";
import { TestForest } from "../../support/turn_forest.ts";

/** Two rows: `ppssps` and, with the first turn as context, `pppps`. */
function forestOfTwo(id = "s1"): TestForest {
  const forest = new TestForest(id);
  const first = forest.add({ prompt: [1, 2], output: [3, 4], logprobs: [-0.5, NaN] });
  forest.add({ parent: first, prompt: [5], output: [6] });
  forest.add({ parent: first, prompt: [7], output: [8], cause: "edit" });
  return forest;
}

function recordsOfTwo(): [NativeRecord, NativeRecord] {
  const [a, b] = exportRecords(forestOfTwo());
  return [a!, b!];
}

interface Case {
  readonly name: string;
  readonly spoil: (first: NativeRecord, second: NativeRecord) => void;
  /** `row token rule`, of each finding. */
  readonly finds: readonly string[];
}

/** Each row's digest is made again after the change: what is found, other rules find. */
const CASES: readonly Case[] = [
  { name: "nothing", spoil: () => {}, finds: [] },
  {
    name: "a field of another length",
    spoil: (row) => row.versions.pop(),
    finds: ["0 5 lengths", "session rows"],
  },
  {
    name: "a field of another type",
    spoil: (row) => row.tokens[1] = -1,
    finds: ["0 1 structure", "session rows"],
  },
  {
    name: "mask 1 without a logprob",
    spoil: (row) => row.logprobs[2] = null,
    finds: ["0 2 mask"],
  },
  {
    name: "a logprob under mask 0",
    spoil: (row) => row.logprobs[3] = -1,
    finds: ["0 3 mask"],
  },
  {
    name: "sampled without mask",
    spoil: (row) => row.provenance = "ppsspp",
    finds: ["0 3 mask"],
  },
  {
    name: "a letter that is none",
    spoil: (row) => row.provenance = "pxspps",
    finds: ["0 1 provenance"],
  },
  {
    name: "a boundary that a turn sampled",
    spoil: (row) => row.provenance = "ppsbps",
    finds: ["0 3 turns"],
  },
  {
    name: "a version that no turn sampled",
    spoil: (row) => row.versions[0] = 1,
    finds: ["0 0 versions"],
  },
  {
    name: "complete without a version",
    spoil: (_, row) => row.versions[5] = null,
    finds: ["1 5 complete"],
  },
  {
    name: "sampled by a turn that was not POSTed there",
    spoil: (_, row) => row.turns[5] = 1,
    finds: ["1 5 turns", "1 5 credit", "session counts"],
  },
  {
    name: "sampled within a prompt",
    spoil: (row) => row.turns[1] = 0,
    finds: ["0 1 turns", "session counts"],
  },
  {
    name: "a POSTed id changed",
    spoil: (row) => row.tokens[4] = 99,
    finds: ["0 2 chain"],
  },
  {
    name: "a sampled id changed in one row",
    spoil: (_, row) => row.tokens[2] = 99,
    finds: ["1 2 chain", "1 2 credit"],
  },
  {
    name: "a chain that shrinks",
    spoil: (row) => row.chain[1]!.posted = 1,
    finds: ["0 2 turns", "0 null chain"],
  },
  {
    name: "a token trained twice",
    spoil: (_, row) => {
      row.loss_mask[2] = 1;
      row.logprobs[2] = -0.5;
      row.provenance = "ppspps";
    },
    finds: ["1 2 credit"],
  },
  {
    name: "a credit that is gone",
    spoil: (row) => {
      row.loss_mask[2] = 0;
      row.logprobs[2] = null;
      row.provenance = "ppppps";
    },
    finds: ["session counts", "session counts"],
  },
  {
    name: "counts that do not add up",
    spoil: (a, b) => a.captured = b.captured = 9,
    finds: ["session counts"],
  },
  {
    name: "rows that disagree about the counts",
    spoil: (_, row) => row.exported = 9,
    finds: ["1 null counts"],
  },
  {
    name: "a row twice",
    spoil: (_, row) => row.row = 0,
    finds: ["0 null rows", "session rows"],
  },
];

for (const { name, spoil, finds } of CASES) {
  Deno.test(`verifyExport() finds: ${name}`, async () => {
    const records = recordsOfTwo();
    spoil(...records);
    for (const record of records) record.digest = rowDigest(record);
    const { findings, ok } = await verifyExport(jsonLines(records));
    const found = findings.map(({ line, row, token, rule }) =>
      line === null ? `session ${rule}` : `${row} ${token} ${rule}`
    );
    assert.deepEqual(found, finds, JSON.stringify(findings, null, 1));
    assert.equal(ok, finds.length === 0);
  });
}

Deno.test("verifyExport() names line, session, row, token, expected and received", async () => {
  const records = recordsOfTwo();
  records[1].loss_mask[5] = 0;
  const [finding] = (await verifyExport(jsonLines(records))).findings;
  assert.deepEqual(finding, {
    line: 2,
    session: "s1",
    row: 1,
    rule: "mask",
    token: 5,
    what: "provenance[5]",
    expected: "not s",
    received: "s",
  });
  assert.equal(
    describeFinding(finding!),
    "line 2, session s1, row 1: mask: provenance[5]: expected not s, received s",
  );
});

Deno.test("verifyExport() counts sessions, rows, tokens; sessions may interleave", async () => {
  const [a, b] = [forestOfTwo("a"), forestOfTwo("b")].map((forest) => [...exportRecords(forest)]);
  const report = await verifyExport(jsonLines([a![0]!, b![1]!, a![1]!, b![0]!]));
  assert.deepEqual(report, {
    ok: true,
    sessions: 2,
    rows: 4,
    tokens: 24,
    trained: 6,
    unhashedRows: 0,
    findings: [],
    findingsLeftOff: 0,
  });
});

Deno.test("verifyExport() takes replies of /samples, blank lines, and lines that come in time", async () => {
  async function* lines() {
    yield "";
    yield await Promise.resolve(JSON.stringify(exportSession(forestOfTwo())));
    yield "  ";
  }
  const { ok, rows, findings } = await verifyExport(lines());
  assert.deepEqual({ ok, rows, findings }, { ok: true, rows: 2, findings: [] });
});

Deno.test("verifyExport() of a cut file tells the missing row and the broken line", async () => {
  const [first, second] = [...jsonLines(exportRecords(forestOfTwo()))];
  const { findings } = await verifyExport([first!, second!.slice(0, 40)]);
  assert.deepEqual(findings.map(({ line, rule }) => [line, rule]), [[2, "json"], [null, "rows"]]);
});

Deno.test("verifyExport() of nothing, and of what is no row, is not ok", async () => {
  assert.equal((await verifyExport([])).ok, false);
  const { ok, findings } = await verifyExport(['{"tokens": [1]}']);
  assert.equal(ok, false);
  assert.ok(findings.some(({ what, received }) => what === "row_count" && received === "nothing"));
  for (const line of ["null", "3", '"x"', "[]"]) {
    assert.equal((await verifyExport([line])).findings[0]?.rule, "structure", line);
  }
});

Deno.test("verifyExport() quotes a bounded number of findings and counts the rest", async () => {
  const { findings, findingsLeftOff } = await verifyExport(Array(FINDINGS_MAX + 7).fill("{"));
  assert.deepEqual([findings.length, findingsLeftOff], [FINDINGS_MAX, 7]);
});

Deno.test("verifySafetensors() checks files of all shapes; anything else is a finding", () => {
  const file = (shape: ExportShape) =>
    new Uint8Array(Buffer.concat([...safetensorsChunks(exportRecords(forestOfTwo()), shape)]));
  for (const shape of EXPORT_SHAPES) {
    const { ok, rows, unhashedRows } = verifySafetensors(file(shape));
    assert.deepEqual([ok, rows, unhashedRows], [true, 2, shape === "native" ? 0 : 2], shape);
  }
  assert.equal(verifySafetensors(new Uint8Array(3)).findings[0]?.rule, "structure");
});
