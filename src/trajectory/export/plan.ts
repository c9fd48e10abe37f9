/**
 * Decides which rows cover a forest and which row trains which sampled token, before any row is built: it touches turns and
 * log-probabilities, never prompt ids, so the counts are known when the first row is written.
 *
 * @module
 */
import type { SessionView, Turn } from "../turn.ts";
import { pathOf } from "../turn.ts";
import type { DropCause, ExportCounts, ExportOptions } from "./native.ts";

/** What a row shows of one turn. */
export interface RowSpan {
  readonly turn: Turn;
  /** Leading ids of the prompt delta that the row shows. */
  readonly promptTokens: number;
  /** Leading sampled ids that the row shows. */
  readonly outputTokens: number;
  /** Sampled ids before this one have their credit in an earlier row. */
  readonly creditFrom: number;
}

/** One row to build. */
export interface RowPlan {
  readonly leaf: Turn;
  /** From the root to the leaf. */
  readonly spans: readonly RowSpan[];
  /** The row ends before its leaf does. */
  readonly isCut: boolean;
}

/** All rows of a session, and its counts. */
export interface ExportPlan extends ExportCounts {
  readonly rows: readonly RowPlan[];
}

/**
 * Plans the rows of a session: one a leaf of the exportable forest, less the rows that would train nothing new.
 *
 * A turn is exportable when it has a child (whoever continues a reply has received it), or when it was delivered and not
 * superseded. Credit goes to the first row that shows the token: leaves that sampled something come first, in order of
 * commit, then those that show ancestors no other row shows. Each row shows a token that no other one shows. Cost: turns times their depth in leaves, plus the sampled tokens.
 *
 * @throws {RangeError} when a turn contradicts the contract of `turn.ts`, or `maxTokens` is not a positive integer
 */
export function planExport(view: SessionView, options: ExportOptions = {}): ExportPlan {
  const maxTokens = options.maxTokens ?? Infinity;
  if (!(maxTokens >= 1) || (maxTokens !== Infinity && !Number.isInteger(maxTokens))) {
    throw new RangeError(`Cannot export: maxTokens must be a positive integer, received ${maxTokens}`);
  }
  for (const turn of view.turns) checkTurn(view, turn);
  const forest = readForest(view);
  const shown = new Map<Turn, number>();
  const paths = forest.leaves.map((leaf) => visiblePath(leaf, maxTokens));
  const samplesItself = ({ spans, leaf }: Path) => {
    const last = spans.at(-1);
    return last?.turn === leaf && last.outputTokens > 0;
  };
  const others = paths.filter((path) => !samplesItself(path))
    .sort((a, b) => b.sampledEnd - a.sampledEnd); // the one that shows most comes first: it may make the rest superfluous
  const rows: RowPlan[] = [];
  for (const path of [...paths.filter(samplesItself), ...others]) {
    const row = claimCredit(path, shown);
    if (row !== null) rows.push(row);
  }
  return { rows, ...countTokens(view, forest.exportable, paths, shown) };
}

interface Path {
  readonly leaf: Turn;
  readonly spans: readonly Omit<RowSpan, "creditFrom">[];
  readonly isCut: boolean;
  /** Position after the last sampled id that the row would show; 0 when it shows none. */
  readonly sampledEnd: number;
  /** Sampled ids of each turn that the row would show without a limit. */
  readonly kept: ReadonlyMap<Turn, number>;
}

/** Takes the credit that earlier rows left; null when there is none to take. */
function claimCredit({ leaf, spans, isCut }: Path, shown: Map<Turn, number>): RowPlan | null {
  const claimed = spans.map((span) => ({ ...span, creditFrom: shown.get(span.turn) ?? 0 }));
  const fresh = claimed.filter(({ outputTokens, creditFrom }) => outputTokens > creditFrom);
  for (const { turn, outputTokens } of fresh) shown.set(turn, outputTokens);
  return fresh.length === 0 ? null : { leaf, spans: claimed, isCut };
}

function visiblePath(leaf: Turn, maxTokens: number): Path {
  const path = pathOf(leaf);
  const spans: Omit<RowSpan, "creditFrom">[] = [];
  const kept = new Map<Turn, number>();
  let room = maxTokens;
  let isCut = false;
  let [end, sampledEnd] = [0, 0];
  path.forEach((turn, i) => {
    const output = turn.outputIds.length - (path[i + 1]?.droppedIds ?? 0);
    const prompt = turn.promptIds.length;
    kept.set(turn, output);
    if (isCut) return;
    const promptTokens = Math.min(prompt, room);
    const outputTokens = Math.min(output, room - promptTokens);
    isCut = promptTokens + outputTokens < prompt + output;
    room -= promptTokens + outputTokens;
    spans.push({ turn, promptTokens, outputTokens });
    end += promptTokens + outputTokens;
    if (outputTokens > 0) sampledEnd = end;
  });
  return { leaf, spans, isCut, sampledEnd, kept };
}

interface Forest {
  readonly exportable: ReadonlySet<Turn>;
  /** Exportable turns without exportable children, in order of commit. */
  readonly leaves: readonly Turn[];
}

function readForest({ turns }: SessionView): Forest {
  const parents = new Set(turns.map((turn) => turn.parent));
  const exportable = new Set(
    turns.filter((turn) => parents.has(turn) || (turn.isDelivered && !turn.isSuperseded)),
  );
  const inner = new Set([...exportable].map((turn) => turn.parent));
  return { exportable, leaves: [...exportable].filter((turn) => !inner.has(turn)) };
}

function countTokens(
  view: SessionView,
  exportable: ReadonlySet<Turn>,
  paths: readonly Path[],
  shown: ReadonlyMap<Turn, number>,
): ExportCounts {
  const kept = new Map<Turn, number>();
  for (const path of paths) {
    for (const [turn, tokens] of path.kept) kept.set(turn, Math.max(tokens, kept.get(turn) ?? 0));
  }
  const counts: ExportCounts = { captured: 0, exported: 0, dropped: {} };
  const drop = (cause: DropCause, tokens: number) => {
    if (tokens > 0) counts.dropped[cause] = (counts.dropped[cause] ?? 0) + tokens;
  };
  for (const turn of view.turns) {
    const sampled = turn.outputIds.length;
    counts.captured += sampled;
    if (!exportable.has(turn)) {
      drop(turn.isDelivered ? "superseded" : "undelivered", sampled);
      continue;
    }
    const keptTokens = kept.get(turn) ?? 0;
    const shownTokens = shown.get(turn) ?? 0;
    const missing = countMissing(turn.logprobs, shownTokens);
    drop("trimmed", sampled - keptTokens);
    drop("over length", keptTokens - shownTokens);
    drop("no logprob", missing);
    counts.exported += shownTokens - missing;
  }
  return counts;
}

function countMissing(logprobs: Float64Array, tokens: number): number {
  let missing = 0;
  for (let i = 0; i < tokens; i++) if (!Number.isFinite(logprobs[i])) missing++;
  return missing;
}

function checkTurn(view: SessionView, turn: Turn): void {
  const fail = (what: string): never => {
    throw new RangeError(`Cannot export turn ${turn.index} of session "${view.id}": ${what}`);
  };
  const sampled = turn.outputIds.length;
  if (turn.logprobs.length !== sampled) fail(`${sampled} sampled ids, ${turn.logprobs.length} logprobs`);
  const versioned = sum(turn.sampledRuns);
  if (turn.sampledRuns.length > 0 && versioned !== sampled) {
    fail(`${sampled} sampled ids, runs of ${versioned}`);
  }
  const run = sum(turn.promptRuns);
  if (run !== turn.promptIds.length) fail(`${turn.promptIds.length} prompt ids, runs of ${run}`);
  const above = turn.parent?.outputIds.length ?? 0;
  if (turn.droppedIds < 0 || turn.droppedIds > above) {
    fail(`trims ${turn.droppedIds} of ${above} ids that its parent sampled`);
  }
}

function sum(runs: readonly { readonly tokens: number }[]): number {
  return runs.reduce((total, { tokens }) => total + tokens, 0);
}
