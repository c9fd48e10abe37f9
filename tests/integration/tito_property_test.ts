import assert from "node:assert/strict";
import { runAgentScript, type ScriptCounts } from "../support/agent_script.ts";

/** Scripts of one run; set `SLIME_ROUTER_TEST_SCRIPTS` for more. */
const SCRIPTS = Number(Deno.env.get("SLIME_ROUTER_TEST_SCRIPTS") ?? 320);

Deno.test("token exactness holds over random agent scripts, by the engines' own ledgers", async () => {
  const counts: ScriptCounts = { turns: 0, delivered: 0, continued: 0, retrieved: 0 };
  for (let seed = 0; seed < SCRIPTS; seed++) {
    try {
      await runAgentScript(seed, counts);
    } catch (error) {
      throw new Error(`Script ${seed} broke a promise`, { cause: error });
    }
  }
  assert.ok(counts.delivered > SCRIPTS * 3, `delivered ${counts.delivered}`);
  assert.ok(counts.continued > SCRIPTS / 2, `continued ${counts.continued}`);
  assert.ok(counts.retrieved > SCRIPTS * 2, `retrieved ${counts.retrieved}`);
});
