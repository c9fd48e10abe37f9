/**
 * The brute-force oracle: keeps every turn as a whole list of ids and of letters, and checks plans and turns against it.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pathIds, pathLength } from "../../../../src/trajectory/path.ts";
import { canonicalJson } from "../../../../src/trajectory/canonical.ts";
import type { PlanParts, TurnPlan } from "../../../../src/trajectory/plan.ts";
import type { Session } from "../../../../src/trajectory/session.ts";
import { pathOf, type Turn } from "../../../../src/trajectory/turn.ts";
import type { SampledOutput } from "../../../../src/engine/engine.ts";
import type { JsonObject } from "../../../../src/types.ts";

/** A turn as whole lists. */
interface Row {
  readonly ids: readonly number[];
  /** One letter an id. */
  readonly provenance: string;
  readonly logprobs: readonly (number | null)[];
  /** What was POSTed for each turn of the path, hashed as a chain. */
  readonly hash: string;
  readonly postedTokens: number;
}

/** What the script knows of a request. */
export interface Expectation {
  /** The turn that it continues; null: none. */
  readonly parent: Turn | null;
  /** Turns that no message tells from that one. */
  readonly alternatives: readonly Turn[];
  /** Its messages with the router's own copies. */
  readonly own: readonly JsonObject[];
  /** Words that the client put into assistant turns behind the parent. */
  readonly foreign: readonly string[];
  /** There are such turns, with words or without. */
  readonly hasForeign: boolean;
  /** The template may render earlier turns anew. */
  readonly mayFork: boolean;
  readonly isRepeated: boolean;
}

/** Whole lists of one session. */
export class Oracle {
  readonly #rows = new Map<Turn, Row>();
  readonly #parts: PlanParts;

  constructor(parts: PlanParts) {
    this.#parts = parts;
  }

  checkPlan(
    plan: TurnPlan,
    session: Session,
    expected: Expectation,
    settings: Parameters<PlanParts["renderer"]["render"]>[1],
  ): void {
    const { tokenizer, renderer } = this.#parts;
    const parent = plan.parent === null ? [] : this.#rows.get(plan.parent)!.ids;
    const kept = parent.slice(0, parent.length - plan.droppedIds);
    assert.deepEqual([...plan.fullIds], [...kept, ...plan.promptIds], "what is POSTed");
    assert.ok(
      parent.slice(kept.length).every((id) => tokenizer.isSpecial(id)),
      "only a stop token is trimmed",
    );
    assert.ok(plan.droppedIds <= 1);
    assert.equal(sum(plan.promptRuns), plan.promptIds.length, "runs partition the delta");
    if (!expected.isRepeated) assert.equal(plan.encodedTokens, plan.promptIds.length);

    const text = renderer.render(expected.own, settings, true);
    const shown = tokenizer.decode(plan.fullIds);
    assert.equal(normal(shown), normal(text), "what the model reads is what the template writes");
    const meant = [expected.parent, ...expected.alternatives];
    if (plan.parent !== null || !expected.mayFork) {
      assert.ok(meant.includes(plan.parent), `parent ${plan.parent?.id} is not ${expected.parent?.id}`);
    } else if (expected.parent !== null) {
      const before = tokenizer.decode(this.#rows.get(plan.matched!)!.ids);
      assert.ok(!text.startsWith(before), "a prompt that goes on word for word never forks");
      assert.equal(plan.cause, expected.isRepeated ? "retry" : "template");
    }
    if (meant.length > 1 && plan.parent !== null && plan.repeats === null && plan.candidates > 1) {
      assert.equal(plan.ambiguity, "lineage");
    }
    if (plan.parent === expected.parent && plan.parent !== null) this.#checkForeign(plan, expected);
    assert.equal(plan.sessionId, session.id);
  }

  #checkForeign(plan: TurnPlan, { foreign: words, hasForeign }: Expectation): void {
    let at = 0;
    const found = plan.promptRuns.flatMap(({ tokens, provenance }) => {
      const ids = plan.promptIds.subarray(at, at += tokens);
      return provenance === "f" ? [this.#parts.tokenizer.decode(ids)] : [];
    });
    // A turn of reasoning or calls alone has a run and no words; one of nothing at all has no run.
    let from = 0;
    for (const word of words) {
      from = found.findIndex((text, index) => index >= from && text.includes(word)) + 1;
      assert.ok(from > 0, `no run for the foreign words ${JSON.stringify(word)}`);
    }
    if (!hasForeign) assert.equal(found.length, 0, "no foreign words, no run");
  }

  /** Takes a committed turn in and checks its record. */
  take(turn: Turn, plan: TurnPlan, output: SampledOutput): void {
    const parent = turn.parent === null ? null : this.#rows.get(turn.parent)!;
    const keep = (parent?.ids.length ?? 0) - turn.droppedIds;
    const letters = turn.promptRuns.map(({ tokens, provenance }) => provenance.repeat(tokens)).join("");
    const posted = [...plan.fullIds];
    const added = Uint8Array.from(Uint32Array.from(posted.slice(parent?.postedTokens ?? 0)), (id) => id);
    assert.equal(added.length, posted.length - (parent?.postedTokens ?? 0));
    const row: Row = {
      ids: [...posted, ...output.tokenIds],
      provenance: (parent?.provenance.slice(0, keep) ?? "") + letters + "s".repeat(output.tokenIds.length),
      logprobs: [
        ...(parent?.logprobs.slice(0, keep) ?? []),
        ...turn.promptIds.length > 0 ? Array(turn.promptIds.length).fill(null) : [],
        ...output.logprobs,
      ],
      hash: chained(parent?.hash ?? null, posted.slice(parent?.postedTokens ?? 0)),
      postedTokens: posted.length,
    };
    this.#rows.set(turn, row);
    this.check(turn);
    assert.deepEqual([...turn.outputIds], [...output.tokenIds], "sampled ids are the engine's");
    assert.deepEqual([...turn.logprobs], [...output.logprobs], "so are the logprobs");
    assert.equal(sum(turn.sampledRuns), turn.outputIds.length, "versions partition the output");
  }

  /** A turn's record against its lists: nothing that came later has touched it. */
  check(turn: Turn): void {
    const row = this.#rows.get(turn)!;
    assert.deepEqual([...pathIds(turn)], row.ids);
    assert.equal(pathLength(turn), row.ids.length);
    assert.equal(turn.postedHash, row.hash);
    let letters = "";
    const logprobs: (number | null)[] = [];
    for (const at of pathOf(turn)) {
      letters = letters.slice(0, letters.length - at.droppedIds);
      logprobs.length -= at.droppedIds;
      letters += at.promptRuns.map(({ tokens, provenance }) => provenance.repeat(tokens)).join("") +
        "s".repeat(at.outputIds.length);
      logprobs.push(...Array(at.promptIds.length).fill(null), ...at.logprobs);
    }
    assert.equal(letters, row.provenance, "each id has one provenance");
    assert.deepEqual(logprobs, row.logprobs);
    assert.ok([...letters].every((letter, index) => (letter === "s") === (logprobs[index] !== null)));
  }

  /** Everything again. */
  checkAll(session: Session): void {
    assert.equal(session.turns.length, this.#rows.size);
    session.turns.forEach((turn, index) => {
      assert.equal(turn.index, index);
      this.check(turn);
    });
  }
}

/** Arguments of calls in one form: a template may write them anew. Reasoning that was cut before a word is closed, not dropped. */
function normal(text: string): string {
  return text.replace(/<think>\s*<\/think>\n\n/g, "").replace(
    /\n*<tool_call>(\{(?:(?!<tool_call>).)*?\})<\/tool_call>/gs,
    (whole, json) => {
      try {
        return `<tool_call>${canonicalJson(JSON.parse(json))}</tool_call>`;
      } catch {
        return whole;
      }
    },
  );
}

function sum(runs: readonly { tokens: number }[]): number {
  return runs.reduce((total, { tokens }) => total + tokens, 0);
}

function chained(parent: string | null, ids: readonly number[]): string {
  const bytes = new Uint8Array(Uint32Array.from(ids).buffer);
  return createHash("sha256").update(parent ?? "", "hex").update(bytes).digest("hex");
}
