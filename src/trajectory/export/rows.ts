/**
 * Builds planned rows.
 *
 * @module
 */
import type { WeightVersion } from "../../types.ts";
import type { SessionView, Turn } from "../turn.ts";
import { rowDigest } from "./digest.ts";
import type { ExportOptions, NativeRow } from "./native.ts";
import type { RowPlan, RowSpan } from "./plan.ts";

/** The row of a plan. Linear in its tokens. */
export function buildRow(view: SessionView, plan: RowPlan, options: ExportOptions = {}): NativeRow {
  const row: NativeRow = {
    tokens: [],
    loss_mask: [],
    logprobs: [],
    versions: [],
    turns: [],
    provenance: "",
    status: plan.isCut ? "truncated" : plan.leaf.status,
    reward: options.reward ?? null,
    metadata: { ...view.metadata, ...options.metadata },
    complete: true,
    chain: [],
    digest: "",
  };
  const letters: string[] = [];
  for (const span of plan.spans) {
    appendPrompt(row, letters, span);
    appendOutput(row, letters, span);
  }
  row.provenance = letters.join("");
  row.digest = rowDigest(row);
  return row;
}

function appendPrompt(row: NativeRow, letters: string[], { turn, promptTokens }: RowSpan): void {
  for (let i = 0; i < promptTokens; i++) {
    row.tokens.push(turn.promptIds[i]!);
    row.loss_mask.push(0);
    row.logprobs.push(null);
    row.versions.push(null);
    row.turns.push(null);
  }
  let left = promptTokens;
  for (const { tokens, provenance } of turn.promptRuns) {
    letters.push(provenance.repeat(Math.min(tokens, left)));
    left -= Math.min(tokens, left);
  }
  if (promptTokens < turn.promptIds.length) return; // cut: what is left of the row is not what was POSTed
  const { index, id, postedHash, cause } = turn;
  row.chain.push({ turn: index, id, posted: row.tokens.length, hash: postedHash, cause });
}

function appendOutput(row: NativeRow, letters: string[], span: RowSpan): void {
  const { turn, outputTokens, creditFrom } = span;
  const versions = expandVersions(turn);
  for (let i = 0; i < outputTokens; i++) {
    const logprob = turn.logprobs[i]!;
    const version = versions[i] ?? null;
    const isTrained = i >= creditFrom && Number.isFinite(logprob);
    row.tokens.push(turn.outputIds[i]!);
    row.loss_mask.push(isTrained ? 1 : 0);
    row.logprobs.push(isTrained ? logprob + 0 : null); // -0 becomes 0: JSON has no -0
    row.versions.push(version);
    row.turns.push(turn.index);
    letters.push(isTrained ? "s" : "p");
    if (i >= creditFrom && (!isTrained || version === null)) row.complete = false;
  }
}

function expandVersions(turn: Turn): (WeightVersion | null)[] {
  return turn.sampledRuns.flatMap(({ tokens, version }) =>
    new Array<WeightVersion | null>(tokens).fill(version)
  );
}
