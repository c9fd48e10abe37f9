import assert from "node:assert/strict";
import {
  coverageRows,
  isExecutable,
  judgeCoverage,
  type Kind,
  type LineHits,
  mergeHits,
  parseLcov,
  renderCoverage,
  THRESHOLDS,
  unexecuted,
} from "../../../tools/coverage.ts";
import { LAYERS } from "../../../tools/check_layers.ts";

const hits = (files: Record<string, number[]>): LineHits =>
  new Map(
    Object.entries(files).map((
      [path, counts],
    ) => [path, new Map(counts.map((count, index) => [index + 1, count]))]),
  );

const NONE = hits({});

const reports = (given: Partial<Record<Kind, LineHits>>): Record<Kind, LineHits> => {
  const { unit = NONE, integration = NONE, e2e = NONE } = given;
  return { unit, integration, e2e, whole: given.whole ?? mergeHits([unit, integration, e2e]) };
};

Deno.test("parseLcov() reads lines of src, whatever the folder, and leaves out the rest", () => {
  const lcov = [
    "SF:/home/me/project/src/sync/lock.ts",
    "FN:1,f",
    "DA:1,5",
    "DA:2,0",
    "end_of_record",
    "SF:/home/me/project/tests/support/x.ts",
    "DA:1,5",
    "end_of_record",
    "SF:/home/me/project/src/trie/wasm.generated.ts",
    "DA:1,5",
    "end_of_record",
    "SF:C:\\project\\src\\app.ts",
    "DA:3,1",
    "end_of_record",
  ].join("\n");
  assert.deepEqual(
    parseLcov(lcov),
    new Map([["src/sync/lock.ts", new Map([[1, 5], [2, 0]])], ["src/app.ts", new Map([[3, 1]])]]),
  );
});

Deno.test("mergeHits() counts a line as executed if any report does", () => {
  const merged = mergeHits([
    hits({ "src/a/x.ts": [1, 0, 0] }),
    hits({ "src/a/x.ts": [0, 2, 0], "src/b/y.ts": [1] }),
  ]);
  assert.deepEqual(merged, hits({ "src/a/x.ts": [1, 2, 0], "src/b/y.ts": [1] }));
});

Deno.test("isExecutable() tells files of types from files with code", () => {
  const cases: [string, boolean][] = [
    ["export interface A { x: number }\nexport type B = A;\n", false],
    ['import type { A } from "./a.ts";\nexport type { A };\n', false],
    ["export const x = 1;\n", true],
    ["function f() {}\n", true],
    ["export async function f() {}\n", true],
    ["export abstract class A {}\n", true],
    ["/** const in words */\nexport type A = 1;\n", false],
  ];
  for (const [source, expected] of cases) assert.equal(isExecutable(source), expected, source);
});

Deno.test("unexecuted() counts lines that are neither empty nor comment", () => {
  const source = "/**\n * Words\n */\nexport const x = 1;\n\n// more\nfunction f() {}\n";
  assert.deepEqual(unexecuted(source), new Map([[4, 0], [7, 0]]));
});

Deno.test("coverageRows() has a row a room, with the lines that a kind never loads", () => {
  const rows = coverageRows(reports({
    unit: hits({ "src/a/x.ts": [1, 1, 0, 0] }),
    integration: hits({ "src/a/y.ts": [1, 1, 1, 1], "src/app.ts": [1] }),
  }));
  assert.deepEqual(rows, [
    { room: "a", lines: 8, percent: { unit: 25, integration: 50, e2e: 0, whole: 75 } },
    { room: "app", lines: 1, percent: { unit: 0, integration: 100, e2e: 0, whole: 100 } },
  ]);
});

Deno.test("judgeCoverage() holds each kind against its rooms", () => {
  const given = reports({ unit: hits({ "src/a/x.ts": [1, 1, 1, 0], "src/b/y.ts": [0, 0] }) });
  const cases: [Parameters<typeof judgeCoverage>[1] & object, number, boolean][] = [
    [[{ kind: "unit", rooms: ["a"], minPercent: 75 }], 75, true],
    [[{ kind: "unit", rooms: ["a"], minPercent: 76 }], 75, false],
    [[{ kind: "whole", rooms: null, minPercent: 51 }], 50, false],
    [[{ kind: "e2e", rooms: ["a"], minPercent: 1 }], 0, false],
    [[{ kind: "unit", rooms: ["empty"], minPercent: 90 }], 100, true],
  ];
  for (const [thresholds, percent, reached] of cases) {
    const [judgement] = judgeCoverage(given, thresholds);
    assert.deepEqual([judgement!.percent, judgement!.reached], [percent, reached]);
  }
});

Deno.test("THRESHOLDS name rooms that there are", () => {
  const rooms = LAYERS.flat();
  for (const threshold of THRESHOLDS) {
    for (const room of threshold.rooms ?? []) assert.ok(rooms.includes(room), room);
  }
});

Deno.test("renderCoverage() is a table and a verdict a threshold", () => {
  const given = reports({ unit: hits({ "src/a/x.ts": [1, 0] }) });
  const text = renderCoverage(
    coverageRows(given),
    judgeCoverage(given, [{ kind: "unit", rooms: null, minPercent: 60 }]),
  );
  assert.match(text, /^room +lines +unit % +integration % +e2e % +whole %$/m);
  assert.match(text, /^a +2 +50\.0 +0\.0 +0\.0 +50\.0$/m);
  assert.match(text, /^✘ unit tests execute 50\.0 % of all rooms \(at least 60 %\)$/m);
});
