/**
 * What the rows of one session must say together: each sampled token is trained at most once, and the counts add up.
 *
 * @module
 */
import type { ExportCounts, NativeRecord } from "./native.ts";
import { type Problem, quote } from "./read.ts";

/** A problem of a session, at the row that shows it; null when only all rows together do. */
export interface SessionProblem extends Problem {
  readonly row: number | null;
}

/** What is known of the tokens that one turn sampled. All rows show them at the same positions. */
interface SampledTokens {
  readonly start: number;
  ids: number[];
  /** 1 where some row trains the token. */
  trained: number[];
}

/** Gathers the rows of a session. Memory: three numbers a sampled token, until {@link SessionLedger.close}. */
export class SessionLedger {
  readonly #turns = new Map<number, SampledTokens>();
  readonly #rows = new Set<number>();
  readonly #rowCount: number;
  readonly #counts: ExportCounts;

  /** @param first the row that is seen first; it is not added */
  constructor(first: NativeRecord) {
    const { captured, exported, dropped } = first;
    this.#rowCount = first.row_count;
    this.#counts = { captured, exported, dropped };
  }

  /** All rows were added. */
  get isFull(): boolean {
    return this.#rows.size >= this.#rowCount;
  }

  /** Adds a row; tells what contradicts the rows before it, at most one problem a rule. */
  add(record: NativeRecord): SessionProblem[] {
    const found = new Map<string, SessionProblem>();
    const report = (problem: Problem) => {
      if (!found.has(problem.rule)) found.set(problem.rule, { ...problem, row: record.row });
    };
    this.#addNumber(record, report);
    for (let i = 0; i < record.tokens.length; i++) {
      if (record.turns[i] !== null) this.#addToken(record, i, report);
    }
    return [...found.values()];
  }

  /** What the rows do not make up together. */
  close(): SessionProblem[] {
    const { captured, exported, dropped } = this.#counts;
    const expect = (rule: string, what: string, expected: number, received: number): SessionProblem[] =>
      expected === received
        ? []
        : [{ rule, what, token: null, row: null, expected: `${expected}`, received: `${received}` }];
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const sum = expect("counts", "captured, as exported + sum(dropped)", exported + lost, captured);
    const rows = expect("rows", "rows of the session", this.#rowCount, this.#rows.size);
    if (rows.length > 0) return [...sum, ...rows]; // the other counts are about all rows
    const [trained, idle] = this.#tally();
    return [
      ...sum,
      ...expect("counts", "exported, as trained tokens", trained, exported),
      ...expect(
        "counts",
        'dropped["no logprob"], as sampled tokens that no row trains',
        idle,
        dropped["no logprob"] ?? 0,
      ),
    ];
  }

  #addNumber(record: NativeRecord, report: (problem: Problem) => void): void {
    const { row, row_count, captured, exported, dropped } = record;
    if (this.#rows.has(row) || row >= this.#rowCount) {
      const expected = `a number below ${this.#rowCount} that no other row has`;
      report({ rule: "rows", token: null, what: "row", expected, received: `${row}` });
    }
    this.#rows.add(row);
    const expected = countsLabel(this.#rowCount, this.#counts);
    const received = countsLabel(row_count, { captured, exported, dropped });
    if (expected !== received) {
      report({
        rule: "counts",
        token: null,
        what: "counts, as in the session's first row",
        expected,
        received,
      });
    }
  }

  #addToken(record: NativeRecord, i: number, report: (problem: Problem) => void): void {
    const turn = record.turns[i]!;
    let known = this.#turns.get(turn);
    if (known === undefined) this.#turns.set(turn, known = { start: i, ids: [], trained: [] });
    const at = i - known.start;
    const id = record.tokens[i]!;
    const isTrained = record.loss_mask[i] === 1;
    if (at < 0 || at > known.ids.length) {
      const what = `position of turn ${turn}`;
      report({ rule: "credit", token: i, what, expected: `${known.start}`, received: `${i}` });
    } else if (at === known.ids.length) {
      known.ids.push(id);
      known.trained.push(isTrained ? 1 : 0);
    } else if (known.ids[at] !== id) {
      const what = `tokens[${i}], sampled by turn ${turn}`;
      report({ rule: "credit", token: i, what, expected: `${known.ids[at]}`, received: `${id}` });
    } else if (isTrained && known.trained[at] === 1) {
      const expected = "0, as an earlier row trains it";
      report({ rule: "credit", token: i, what: `loss_mask[${i}]`, expected, received: "1" });
    } else if (isTrained) known.trained[at] = 1;
  }

  #tally(): [trained: number, idle: number] {
    let trained = 0;
    let all = 0;
    for (const turn of this.#turns.values()) {
      all += turn.trained.length;
      for (const bit of turn.trained) trained += bit;
    }
    return [trained, all - trained];
  }
}

function countsLabel(rowCount: number, { captured, exported, dropped }: ExportCounts): string {
  const causes = Object.entries(dropped).sort(([a], [b]) => a < b ? -1 : 1);
  return quote([rowCount, captured, exported, ...causes]);
}
