import assert from "node:assert/strict";
import { closeStages, newCounts, proveOrShrink, proveScript } from "../support/chat_proof/run.ts";

/** Scripts of one run; set `SLIME_ROUTER_TEST_SCRIPTS` for more. */
const SCRIPTS = Number(Deno.env.get("SLIME_ROUTER_TEST_SCRIPTS") ?? 2_000);
/** Scripts that are played a second time, with streams for plain replies. */
const TWICE = Math.ceil(SCRIPTS / 50);

Deno.test("chat: what random agents export is what passed over the wire, token by token", async () => {
  const counts = newCounts();
  try {
    for (let seed = 0; seed < SCRIPTS; seed++) await proveOrShrink(seed, counts);
  } finally {
    await closeStages();
  }
  // A proof that never comes to a place proves nothing of it.
  assert.ok(counts.turns > 2.5 * SCRIPTS, JSON.stringify(counts));
  assert.ok(counts.reattached > 0.7 * counts.attached, JSON.stringify(counts));
  for (const [name, count] of Object.entries(counts)) {
    // A client must leave between the record and the last byte.
    const isDue = SCRIPTS >= (name === "orphans" ? 10_000 : 1_000);
    assert.ok(count > 0 || !isDue, `no ${name}`);
  }
});

Deno.test("chat: streamed or not, a script leaves the same record", async () => {
  try {
    for (let seed = 0; seed < TWICE; seed++) {
      const records = [];
      for (const streams of [false, true]) {
        await closeStages();
        const exports = await proveScript(seed, newCounts(), { streams, isFaulty: false, leaves: false });
        records.push(exports.map(({ rows, captured, exported, dropped }) => ({
          rows: rows.map(({ chain: _, digest: __, ...row }) => row),
          ...{ captured, exported, dropped },
        })));
      }
      assert.deepEqual(records[1], records[0], `script ${seed}`);
    }
  } finally {
    await closeStages();
  }
});
