/**
 * Coverage by room of the house, and the least that each kind of test must reach. Pure: `coverage_report.ts` collects.
 *
 * @module
 */

/** Executed and executable lines by path: `src/…` with forward slashes. */
export type LineHits = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Kinds of tests, and all of them together. */
export const KINDS = ["unit", "integration", "e2e", "whole"] as const;
export type Kind = typeof KINDS[number];

/** The least share of lines that tests of one kind execute in these rooms together. */
export interface Threshold {
  readonly kind: Kind;
  /** Rooms as in `check_layers.ts`; null: all. */
  readonly rooms: readonly string[] | null;
  readonly minPercent: number;
}

/** What the project asks of itself. */
export const THRESHOLDS: readonly Threshold[] = [
  {
    kind: "unit",
    rooms: [
      "sync",
      "registry",
      "config",
      "errors",
      "observability",
      "parse",
      "trajectory",
      "trie",
      "policy",
      "worker",
    ],
    minPercent: 90,
  },
  // Tokenizers and templates are proved against the reference libraries on real files: integration.
  {
    kind: "integration",
    rooms: ["app", "api", "middleware", "proxy", "cache", "engine", "tokenizer"],
    minPercent: 80,
  },
  { kind: "e2e", rooms: ["app", "api", "middleware", "proxy", "cli", "platform"], minPercent: 60 },
  { kind: "whole", rooms: null, minPercent: 80 },
];

/** A row of the table: percent by kind, or null where there is nothing to execute. */
export interface CoverageRow {
  readonly room: string;
  readonly lines: number;
  readonly percent: Readonly<Record<Kind, number | null>>;
}

/** Reads an lcov report. Paths are cut to begin at `src/`; other files and generated ones are left out. */
export function parseLcov(lcov: string): LineHits {
  const files = new Map<string, Map<number, number>>();
  let lines: Map<number, number> | undefined;
  for (const record of lcov.split("\n")) {
    if (record.startsWith("SF:")) {
      const path = /(?:^|\/)(src\/.+)$/.exec(record.slice(3).replaceAll("\\", "/"))?.[1];
      lines = path === undefined || path.endsWith(".generated.ts") ? undefined : new Map();
      if (lines && path) files.set(path, lines);
    } else if (record.startsWith("DA:")) {
      const [line = 0, hits = 0] = record.slice(3).split(",").map(Number);
      lines?.set(line, hits);
    }
  }
  return files;
}

/** The union: a line is executed if any report says so. */
export function mergeHits(reports: readonly LineHits[]): LineHits {
  const merged = new Map<string, Map<number, number>>();
  for (const report of reports) {
    for (const [path, lines] of report) {
      const into = merged.get(path) ?? new Map<number, number>();
      for (const [line, hits] of lines) into.set(line, (into.get(line) ?? 0) + hits);
      merged.set(path, into);
    }
  }
  return merged;
}

/** Whether a source has anything to execute: files of types alone never appear in a report. */
export function isExecutable(source: string): boolean {
  return /^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|var|function|class|enum)\b/m
    .test(source);
}

/** Lines of a source that no report knows: not empty, no comment. All count as not executed. */
export function unexecuted(source: string): ReadonlyMap<number, number> {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""));
  const lines = code.split("\n").flatMap((line, index) => /^\s*(?:\/\/.*)?$/.test(line) ? [] : [index + 1]);
  return new Map(lines.map((line) => [line, 0]));
}

/** One row a room, by name. */
export function coverageRows(reports: Readonly<Record<Kind, LineHits>>): CoverageRow[] {
  const rooms = new Set([...reports.whole.keys()].map(roomOf));
  return [...rooms].sort().map((room) => ({
    room,
    lines: countLines(reports.whole, reports.whole, [room]).found,
    percent: Object.fromEntries(
      KINDS.map((kind) => [kind, percentOf(reports[kind], reports.whole, [room])]),
    ) as Record<Kind, number | null>,
  }));
}

/** A threshold with what was reached. */
export interface Judgement extends Threshold {
  readonly percent: number;
  readonly reached: boolean;
}

/** Judges every threshold; rooms without executable lines count for nothing. */
export function judgeCoverage(
  reports: Readonly<Record<Kind, LineHits>>,
  thresholds: readonly Threshold[] = THRESHOLDS,
): Judgement[] {
  return thresholds.map((threshold) => {
    const percent = percentOf(reports[threshold.kind], reports.whole, threshold.rooms) ?? 100;
    return { ...threshold, percent, reached: percent >= threshold.minPercent };
  });
}

/** The table as text: one line a room, then one a threshold. */
export function renderCoverage(rows: readonly CoverageRow[], judgements: readonly Judgement[]): string {
  const percent = (value: number | null) => (value === null ? "–" : value.toFixed(1)).padStart(14);
  const head = "room".padEnd(14) + "lines".padStart(7) +
    KINDS.map((kind) => `${kind} %`.padStart(14)).join("");
  const body = rows.map(({ room, lines, percent: by }) =>
    room.padEnd(14) + String(lines).padStart(7) + KINDS.map((kind) => percent(by[kind])).join("")
  );
  const verdicts = judgements.map(({ kind, rooms, minPercent, percent, reached }) =>
    `${reached ? "✔" : "✘"} ${kind} tests execute ${percent.toFixed(1)} % of ${
      rooms?.join(", ") ?? "all rooms"
    }` +
    ` (at least ${minPercent} %)`
  );
  return [head, "-".repeat(head.length), ...body, "", ...verdicts].join("\n");
}

function roomOf(path: string): string {
  return /^src\/([^/.]+)/.exec(path)?.[1] ?? path;
}

/** Executed lines of one kind among those that exist: a file that this kind never loads counts with all its lines. */
function countLines(report: LineHits, whole: LineHits, rooms: readonly string[] | null) {
  let found = 0;
  let hit = 0;
  for (const [path, lines] of whole) {
    if (rooms && !rooms.includes(roomOf(path))) continue;
    found += lines.size;
    for (const line of lines.keys()) if ((report.get(path)?.get(line) ?? 0) > 0) hit++;
  }
  return { found, hit };
}

function percentOf(report: LineHits, whole: LineHits, rooms: readonly string[] | null): number | null {
  const { found, hit } = countLines(report, whole, rooms);
  return found === 0 ? null : 100 * hit / found;
}
