/**
 * Turns and forests for tests of what reads them: made by hand, or at random with `fast-check`.
 *
 * @module
 */
import fc from "fast-check";
import { postedHashAfter } from "../../src/trajectory/posted_hash.ts";
import type { ForkCause, PromptRun, SampledRun, SessionView, Turn } from "../../src/trajectory/turn.ts";
import type { WeightVersion } from "../../src/types.ts";

/** A turn in short. */
export interface TurnSpec {
  readonly parent?: Turn | null;
  readonly prompt: readonly number[];
  readonly output: readonly number[];
  /** Default -0.5 a token. */
  readonly logprobs?: readonly number[];
  /** Default one run of `p`. */
  readonly promptRuns?: readonly PromptRun[];
  /** Default one run of version 1. */
  readonly sampledRuns?: readonly SampledRun[];
  readonly dropped?: number;
  readonly cause?: ForkCause | null;
  readonly status?: Turn["status"];
  readonly isDelivered?: boolean;
  readonly isSuperseded?: boolean;
}

/** A session that a test fills turn by turn. */
export class TestForest implements SessionView {
  readonly id: string;
  readonly turns: Turn[] = [];
  readonly isFinished = false;
  readonly createdMs = 0;
  readonly metadata = { task: "sum" };

  constructor(id = "s1") {
    this.id = id;
  }

  add(spec: TurnSpec): Turn {
    const parent = spec.parent ?? null;
    const index = this.turns.length;
    const promptIds = Uint32Array.from(spec.prompt);
    const sampled = spec.output.length;
    const turn: Turn = {
      id: `${this.id}-${index}`,
      index,
      parent,
      droppedIds: spec.dropped ?? 0,
      promptIds,
      promptRuns: spec.promptRuns ?? [{ tokens: promptIds.length, provenance: "p" }],
      openingTokens: 0,
      reopensParent: false,
      outputIds: Uint32Array.from(spec.output),
      logprobs: Float64Array.from(spec.logprobs ?? spec.output.map(() => -0.5)),
      sampledRuns: spec.sampledRuns ?? [{ tokens: sampled, version: 1 }],
      cause: spec.cause ?? null,
      status: spec.status ?? "completed",
      branchKey: "b",
      messages: [],
      reply: {},
      postedHash: postedHashAfter(parent, spec.dropped ?? 0, promptIds),
      committedMs: index,
      isDelivered: spec.isDelivered ?? true,
      isSuperseded: spec.isSuperseded ?? false,
    };
    this.turns.push(turn);
    return turn;
  }
}

const LOGPROB = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -30, max: 0, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, -Infinity, -0, -1e-7) },
);
const VERSION = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("1", "default", "v\n2", null));
const ID = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

const SAMPLED = fc.array(
  fc.record({
    tokens: fc.integer({ min: 1, max: 4 }),
    version: VERSION as fc.Arbitrary<WeightVersion | null>,
  }),
  { maxLength: 3 },
);
const PROMPT = fc.array(
  fc.record({
    tokens: fc.integer({ min: 1, max: 4 }),
    provenance: fc.constantFrom<PromptRun["provenance"]>("p", "b", "c", "f"),
  }),
  { maxLength: 3 },
);

const TURN = fc.record({
  /** Which earlier turn it continues; past the last one: a root. */
  parent: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(6)),
  promptRuns: PROMPT,
  sampledRuns: SAMPLED,
  ids: fc.array(ID, { minLength: 24, maxLength: 24 }),
  logprobs: fc.array(LOGPROB, { minLength: 12, maxLength: 12 }),
  dropped: fc.constantFrom(0, 0, 0, 1, 2),
  cause: fc.constantFrom<ForkCause | null>(null, "retry", "edit", "template", "best of n"),
  status: fc.constantFrom<Turn["status"]>("completed", "truncated", "aborted"),
  isDelivered: fc.constantFrom(true, true, true, false),
  isSuperseded: fc.constantFrom(false, false, false, true),
});

/** Random forests of up to 12 turns: forks, retries, several roots, trims, empty turns, missing logprobs, runs of versions. */
export const FOREST: fc.Arbitrary<TestForest> = fc.array(TURN, { maxLength: 12 }).map((specs) => {
  const forest = new TestForest("random");
  for (const { parent, ids, logprobs, dropped, ...spec } of specs) {
    const above = forest.turns.at(-1 - parent) ?? null;
    const prompt = ids.slice(0, length(spec.promptRuns));
    const output = ids.slice(12, 12 + length(spec.sampledRuns));
    forest.add({
      ...spec,
      parent: above,
      prompt,
      output,
      logprobs: logprobs.slice(0, output.length),
      dropped: Math.min(dropped, above?.outputIds.length ?? 0),
    });
  }
  return forest;
});

function length(runs: readonly { readonly tokens: number }[]): number {
  return runs.reduce((sum, { tokens }) => sum + tokens, 0);
}
