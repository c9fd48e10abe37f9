/** Random agents against the brute-force oracle. */
import assert from "node:assert/strict";
import { createRandom } from "../../../src/engine/simulated/random.ts";
import { SessionFinishedError } from "../../../src/trajectory/session_errors.ts";
import { planTurn } from "../../../src/trajectory/plan_turn.ts";
import { ScriptedAgent, type Tally } from "./support/agent_script.ts";
import { storeOf, user } from "./support/bench.ts";
import { SplitSampler } from "./support/split_sampler.ts";
import {
  DROPPING_TEMPLATE,
  HEADER_TEMPLATE,
  loadTestTokenizer,
  planParts,
  REASONING_TEMPLATE,
  RETURN_TEMPLATE,
} from "./support/templates.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";

/** Scripts a run; more by `TRAJECTORY_SCRIPTS`. */
const SCRIPTS = Number(Deno.env.get("TRAJECTORY_SCRIPTS") ?? 800);
const FIRST_SEED = Number(Deno.env.get("TRAJECTORY_SEED") ?? 1);

const IM_END = ["<|im_end|>"];
const TEMPLATES = [
  { source: TINY_CHAT_TEMPLATE, reasons: false, mayFork: false, stops: IM_END },
  { source: REASONING_TEMPLATE, reasons: true, mayFork: false, stops: IM_END },
  { source: DROPPING_TEMPLATE, reasons: true, mayFork: true, stops: IM_END },
  { source: HEADER_TEMPLATE, reasons: false, mayFork: false, stops: ["<|user|>", "<|observation|>"] },
  { source: RETURN_TEMPLATE, reasons: false, mayFork: false, stops: ["<|return|>", "<|im_end|>"] },
];

/** What a run must have met. */
const MET = [
  "append user",
  "append tool",
  "retry",
  "edit",
  "rewrite",
  "compaction",
  "truncated",
  "resumed",
  "lost reply",
  "refused reply",
  "cause retry",
  "cause edit",
  "cause template",
  "cause branch key",
  "trimmed",
  "closed",
  "ambiguous",
  "continued",
];

Deno.test(`planTurn() and commitTurn() agree with the oracle over ${SCRIPTS} random agents`, async () => {
  const tokenizer = await loadTestTokenizer();
  const sampler = new SplitSampler(tokenizer);
  const stages = TEMPLATES.map(({ source, ...more }) => ({ parts: planParts(tokenizer, source), ...more }));
  const tally: Tally = {};
  const { store } = storeOf({ sessionsMax: 4 });
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCRIPTS; seed++) {
    const random = createRandom(seed);
    const session = store.open(`session-${seed}`);
    const stage = { ...stages[seed % stages.length]!, session, sampler, random };
    const steps = 4 + Math.floor(random() * 12);
    await new ScriptedAgent(stage, tally).play(steps).catch((error) => {
      throw new Error(`script ${seed} of template ${seed % stages.length}: ${error.message}`, {
        cause: error,
      });
    });
    store.finish(session.id);
    await assert.rejects(planTurn(session, { messages: [user("x")] }, stage.parts), SessionFinishedError);
  }
  assert.ok(store.stats().sizeBytes > 0 && store.stats().sessions <= 4);
  for (const what of MET) {
    assert.ok((tally[what] ?? 0) > 0, `no script met: ${what} of ${JSON.stringify(tally)}`);
  }
});
