import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  exportRecords,
  exportSession,
  groupRecords,
  importJsonLines,
  importNative,
  jsonLines,
  type NativeRow,
  readSafetensors,
  recordsOf,
  safetensorsChunks,
  verifyExport,
  verifySafetensors,
} from "../../../src/trajectory/export/mod.ts";
import type { Turn } from "../../../src/trajectory/turn.ts";
import { fates, leavesOf, nameOf, tokensOf } from "../../support/export_oracle.ts";
import { FOREST } from "../../support/turn_forest.ts";

const RUNS = { numRuns: 600 };
const MAX_TOKENS = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 40 }));

function optionsOf(maxTokens: number | undefined) {
  return maxTokens === undefined ? {} : { maxTokens };
}

function leafOf(row: NativeRow, leaves: readonly Turn[]): Turn {
  const path = row.chain.map(({ id }) => id);
  const leaf = leaves.find((each) => {
    const ids: string[] = [];
    for (let at: Turn | null = each; at !== null; at = at.parent) ids.unshift(at.id);
    const tokens = tokensOf(each);
    // A prompt may have the id that another leaf's path has as a sample in its place.
    return path.every((id, i) => id === ids[i]) &&
      row.tokens.every((id, i) =>
        tokens[i]?.id === id && row.turns[i] === (tokens[i].sampled?.turn.index ?? null)
      );
  });
  assert.ok(leaf, "row of no leaf");
  return leaf;
}

Deno.test("exportSession() gives each sampled token its credit once, or its cause, as the oracle says", () => {
  fc.assert(
    fc.property(FOREST, MAX_TOKENS, (forest, maxTokens) => {
      const native = exportSession(forest, optionsOf(maxTokens));
      const expected = fates(forest, maxTokens);
      const trained = new Map<string, number>();
      const leaves = leavesOf(forest);
      for (const row of native.rows) {
        const path = tokensOf(leafOf(row, leaves));
        row.loss_mask.forEach((mask, i) => {
          const name = nameOf(path[i]!);
          if (mask === 1) trained.set(name!, (trained.get(name!) ?? 0) + 1);
        });
      }
      for (const [name, fate] of expected) {
        assert.equal(trained.get(name) ?? 0, fate === "exported" ? 1 : 0, `${name} ${fate}`);
      }
      const counts = Object.groupBy([...expected.values()], (each) => each);
      const { exported: kept, ...dropped } = counts;
      assert.equal(native.captured, expected.size);
      assert.equal(native.exported, kept?.length ?? 0);
      assert.deepEqual(
        native.dropped,
        Object.fromEntries(Object.entries(dropped).map(([cause, list]) => [cause, list!.length])),
      );
    }),
    RUNS,
  );
});

Deno.test("exportSession() rows tell each token's id, turn, version, letter and logprob as the ledger has them", () => {
  fc.assert(
    fc.property(FOREST, MAX_TOKENS, (forest, maxTokens) => {
      const leaves = leavesOf(forest);
      for (const row of exportSession(forest, optionsOf(maxTokens)).rows) {
        const path = tokensOf(leafOf(row, leaves)).slice(0, maxTokens);
        assert.deepEqual(row.tokens, path.map(({ id }) => id));
        assert.deepEqual(row.turns, path.map(({ sampled }) => sampled?.turn.index ?? null));
        assert.deepEqual(row.versions, path.map(({ version }) => version));
        assert.equal(row.provenance.length, path.length);
        path.forEach(({ sampled, letter }, i) => {
          const isTrained = row.loss_mask[i] === 1;
          assert.equal(row.provenance[i], isTrained ? "s" : letter === "s" ? "p" : letter);
          if (isTrained) assert.equal(row.logprobs[i], sampled!.turn.logprobs[sampled!.at]! + 0);
          else assert.equal(row.logprobs[i], null);
        });
        const unversioned = row.versions.some((version, i) => row.loss_mask[i] === 1 && version === null);
        if (unversioned) assert.equal(row.complete, false);
      }
    }),
    RUNS,
  );
});

Deno.test("exportSession() writes no row that the others make superfluous", () => {
  fc.assert(
    fc.property(FOREST, MAX_TOKENS, (forest, maxTokens) => {
      const { rows } = exportSession(forest, optionsOf(maxTokens));
      const shown = rows.map((row) =>
        new Set(row.turns.flatMap((turn, i) => turn === null ? [] : [`${turn}:${i}`]))
      );
      shown.forEach((own, i) => {
        const others = new Set(shown.flatMap((each, j) => j === i ? [] : [...each]));
        assert.ok([...own].some((token) => !others.has(token)), `row ${i}`);
      });
    }),
    RUNS,
  );
});

Deno.test("export, import, export is the identity: reply, lines, safetensors", () => {
  fc.assert(
    fc.property(FOREST, MAX_TOKENS, (forest, maxTokens) => {
      const options = { ...optionsOf(maxTokens), reward: 0.25, metadata: { seed: 7 } };
      const native = exportSession(forest, options);
      const json = JSON.stringify(native);
      assert.equal(JSON.stringify(importNative(json)), json);

      const records = [...exportRecords(forest, options)];
      assert.deepEqual(records, [...recordsOf(native)]);
      const lines = [...jsonLines(records)];
      const again = [...importJsonLines(lines)];
      assert.deepEqual([...jsonLines(again)], lines);
      if (records.length > 0) assert.deepEqual(groupRecords(again), [native]);

      const bytes = Buffer.concat([...safetensorsChunks(records)]);
      const read = readSafetensors(bytes).records as typeof records;
      assert.deepEqual([...jsonLines(read)], lines);
      assert.deepEqual(Buffer.concat([...safetensorsChunks(read)]), bytes);
    }),
    RUNS,
  );
});

Deno.test("verifyExport() finds nothing in what exportRecords() wrote", async () => {
  await fc.assert(
    fc.asyncProperty(FOREST, MAX_TOKENS, async (forest, maxTokens) => {
      const records = [...exportRecords(forest, optionsOf(maxTokens))];
      const report = await verifyExport(jsonLines(records));
      assert.deepEqual(report.findings, []);
      assert.equal(report.ok, records.length > 0);
      const reply = await verifyExport([JSON.stringify(exportSession(forest, optionsOf(maxTokens)))]);
      assert.deepEqual(reply.findings, []);
      const bytes = Buffer.concat([...safetensorsChunks(records)]);
      assert.deepEqual(verifySafetensors(bytes), report);
    }),
    RUNS,
  );
});

type Mutation = (row: NativeRow, at: number) => void;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "another id": (row, at) => row.tokens[at] = (row.tokens[at]! + 1) % 2 ** 32,
  "mask flipped": (row, at) => row.loss_mask[at] = row.loss_mask[at] === 1 ? 0 : 1,
  "another logprob": (row, at) => row.logprobs[at] = (row.logprobs[at] ?? 0) - 0.125,
  "another version": (row, at) => row.versions[at] = `not ${row.versions[at]}`,
  "another turn": (row, at) => row.turns[at] = (row.turns[at] ?? 0) + 1,
  "another letter": (row, at) => {
    const letter = row.provenance[at] === "f" ? "b" : "f";
    row.provenance = row.provenance.slice(0, at) + letter + row.provenance.slice(at + 1);
  },
  "a token less": (row) => row.tokens.pop(),
  "a logprob more": (row) => row.logprobs.push(null),
  "two tokens swapped": (row, at) => {
    const other = (at + 1) % row.tokens.length;
    [row.tokens[at], row.tokens[other]] = [row.tokens[other]!, row.tokens[at]!];
    if (row.tokens[at] === row.tokens[other]) row.tokens[at]! ^= 1;
    row.tokens[at]! >>>= 0;
  },
  "another hash": (row) => row.chain[0]!.hash = "0".repeat(64),
  "a longer prompt": (row) => row.chain[0]!.posted += 1,
};

for (const [name, mutate] of Object.entries(MUTATIONS)) {
  Deno.test(`verifyExport() notices: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(FOREST, fc.nat(), fc.nat(), async (forest, pick, place) => {
        const records = [...exportRecords(forest)];
        const record = records[pick % Math.max(records.length, 1)];
        if (record === undefined) return;
        mutate(record, place % record.tokens.length);
        const report = await verifyExport(jsonLines(records));
        assert.equal(report.ok, false);
        assert.ok(report.findings.some((each) => each.row === record.row));
      }),
      { numRuns: 100 },
    );
  });
}
