/**
 * Builds planned rows.
 *
 * @module
 */
import type { SessionView, Turn } from "../turn.ts";
import { rowDigest } from "./digest.ts";
import type { ExportOptions, NativeRow } from "./native.ts";
import type { RowPlan, RowSpan } from "./plan.ts";

/** The row of a plan. Linear in its tokens. */
export function buildRow(view: SessionView, plan: RowPlan, options: ExportOptions = {}): NativeRow {
  const length = plan.spans.reduce((sum, span) => sum + span.promptTokens + span.outputTokens, 0);
  const row: NativeRow = {
    tokens: new Array(length),
    loss_mask: new Array(length).fill(0),
    logprobs: new Array(length).fill(null),
    versions: new Array(length).fill(null),
    turns: new Array(length).fill(null),
    provenance: "",
    status: plan.isCut ? "truncated" : plan.leaf.status,
    reward: options.reward ?? null,
    metadata: { ...view.metadata, ...options.metadata },
    complete: true,
    chain: [],
    digest: "",
  };
  let at = 0;
  for (const span of plan.spans) {
    writePrompt(row, at, span);
    writeOutput(row, at + span.promptTokens, span);
    at += span.promptTokens + span.outputTokens;
  }
  row.digest = rowDigest(row);
  return row;
}

function writePrompt(row: NativeRow, start: number, { turn, promptTokens }: RowSpan): void {
  const { promptIds } = turn;
  for (let i = 0; i < promptTokens; i++) row.tokens[start + i] = promptIds[i]!;
  let left = promptTokens;
  for (const { tokens, provenance } of turn.promptRuns) {
    row.provenance += provenance.repeat(Math.min(tokens, left));
    left -= Math.min(tokens, left);
  }
  if (promptTokens < promptIds.length) return; // cut: what is left of the row is not what was POSTed
  const { index, id, postedHash, cause } = turn;
  row.chain.push({ turn: index, id, posted: start + promptTokens, hash: postedHash, cause });
}

function writeOutput(row: NativeRow, start: number, { turn, outputTokens, creditFrom }: RowSpan): void {
  writeVersions(row, start, turn, outputTokens);
  const { outputIds, logprobs, index } = turn;
  for (let i = 0; i < outputTokens; i++) {
    const logprob = logprobs[i]!;
    const isTrained = i >= creditFrom && Number.isFinite(logprob);
    row.tokens[start + i] = outputIds[i]!;
    row.turns[start + i] = index;
    if (isTrained) {
      row.loss_mask[start + i] = 1;
      row.logprobs[start + i] = logprob + 0; // -0 becomes 0: JSON has no -0
    }
    row.provenance += isTrained ? "s" : "p";
    if (i >= creditFrom && (!isTrained || row.versions[start + i] === null)) row.complete = false;
  }
}

function writeVersions(row: NativeRow, start: number, turn: Turn, outputTokens: number): void {
  let from = 0;
  for (const { tokens, version } of turn.sampledRuns) {
    row.versions.fill(version, start + from, start + Math.min(from + tokens, outputTokens));
    from += tokens;
    if (from >= outputTokens) return;
  }
}
