/** Random agents, from their messages to a checked export: each sampled token is in one row, or dropped with a cause. */
import assert from "node:assert/strict";
import { createRandom } from "../../src/engine/simulated/random.ts";
import {
  describeFinding,
  exportSession,
  jsonLines,
  recordsOf,
  verifyExport,
} from "../../src/trajectory/export/mod.ts";
import type { Session } from "../../src/trajectory/session.ts";
import { TINY_CHAT_TEMPLATE } from "../support/tiny_tokenizer.ts";
import { ScriptedAgent } from "../unit/trajectory/support/agent_script.ts";
import { storeOf } from "../unit/trajectory/support/bench.ts";
import { SplitSampler } from "../unit/trajectory/support/split_sampler.ts";
import {
  HEADER_TEMPLATE,
  loadTestTokenizer,
  planParts,
  RETURN_TEMPLATE,
} from "../unit/trajectory/support/templates.ts";

const SCRIPTS = 60;

const TEMPLATES = [
  { source: TINY_CHAT_TEMPLATE, stops: ["<|im_end|>"] },
  { source: HEADER_TEMPLATE, stops: ["<|user|>", "<|observation|>"] },
  { source: RETURN_TEMPLATE, stops: ["<|return|>", "<|im_end|>"] },
];

function sampledTokens(session: Session): number {
  return session.turns.reduce((sum, { outputIds }) => sum + outputIds.length, 0);
}

Deno.test("exportSession() accounts for every token that random agents had sampled", async () => {
  const tokenizer = await loadTestTokenizer();
  const sampler = new SplitSampler(tokenizer);
  const stages = TEMPLATES.map(({ source, stops }) => ({ parts: planParts(tokenizer, source), stops }));
  const { store } = storeOf();
  let exported = 0;
  const dropped = new Set<string>();
  for (let seed = 1; seed <= SCRIPTS; seed++) {
    const random = createRandom(seed);
    const session = store.open(`session-${seed}`);
    const stage = {
      ...stages[seed % stages.length]!,
      session,
      sampler,
      random,
      reasons: false,
      mayFork: false,
    };
    await new ScriptedAgent(stage, {}).play(8);
    const native = exportSession(session);
    assert.equal(native.captured, sampledTokens(session));
    const lost = Object.values(native.dropped).reduce((sum: number, tokens) => sum + (tokens ?? 0), 0);
    assert.equal(native.captured, native.exported + lost);
    const trained = native.rows.flatMap((row) => row.loss_mask).filter((mask) => mask === 1).length;
    assert.equal(trained, native.exported, "each token trains once");
    if (native.rows.length > 0) {
      const report = await verifyExport(jsonLines(recordsOf(native)));
      assert.ok(report.ok, report.findings.map(describeFinding).join("\n"));
    }
    exported += native.exported;
    for (const [cause, tokens] of Object.entries(native.dropped)) if (tokens) dropped.add(cause);
  }
  assert.ok(exported > 0 && dropped.size > 0, [...dropped].join());
});
