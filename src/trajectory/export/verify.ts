/**
 * Checks an export offline: structure, lengths, provenance, masks, the hashes of what was POSTed, credit and counts. Rows in the
 * shapes of trainers have no hashes: of those, structure, lengths and masks.
 *
 * @module
 */
import type { NativeRecord } from "./native.ts";
import { type Problem, quote, recordProblems } from "./read.ts";
import { readSafetensors } from "./safetensors.ts";
import { SessionLedger } from "./verify_session.ts";
import { rowProblems } from "./verify_row.ts";
import { shapeFacts, shapeOf, shapeProblems, type UnhashedShape } from "./verify_shape.ts";

/** Findings that a report quotes; the rest is counted. */
export const FINDINGS_MAX = 100;

/** One thing that is wrong. */
export interface Finding extends Problem {
  /** Line of the file, from 1; null when it is about a session, or in a file that has no lines. */
  readonly line: number | null;
  readonly session: string | null;
  /** Number of the row in its session, or null. */
  readonly row: number | null;
}

/** What a check found. */
export interface VerifyReport {
  /** Nothing is wrong, and there is at least one row. */
  readonly ok: boolean;
  readonly sessions: number;
  readonly rows: number;
  readonly tokens: number;
  /** Tokens with mask 1. */
  readonly trained: number;
  /** Rows in a shape that has no hashes, provenance or counts. */
  readonly unhashedRows: number;
  /** At most {@link FINDINGS_MAX}, in order. */
  readonly findings: readonly Finding[];
  readonly findingsLeftOff: number;
}

/**
 * Checks JSON lines of any shape, or replies of `/samples` one a line. Lines are read once; rows are held one at a time, and of each open
 * session the ids that it sampled.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const report = await verifyExport(['{"tokens": [1, 2]}']);
 * assert.equal(report.ok, false);
 * assert.equal(report.findings[0]?.line, 1);
 * ```
 */
export async function verifyExport(lines: Iterable<string> | AsyncIterable<string>): Promise<VerifyReport> {
  const verifier = new Verifier();
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    try {
      for (const value of unfold(JSON.parse(line))) verifier.add(value, number);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      verifier.addProblem(notJson(line), number);
    }
  }
  return verifier.report();
}

/** Checks a safetensors file of any shape. A file that cannot be read is one finding. */
export function verifySafetensors(bytes: Uint8Array): VerifyReport {
  const verifier = new Verifier();
  try {
    for (const record of readSafetensors(bytes).records) verifier.add(record, null);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const received = error.message;
    verifier.addProblem({
      rule: "structure",
      token: null,
      what: "file",
      expected: "an export",
      received,
    }, null);
  }
  return verifier.report();
}

/** One line a finding, for people. */
export function describeFinding({ line, session, row, rule, what, expected, received }: Finding): string {
  const place = [
    line === null ? null : `line ${line}`,
    session === null ? null : `session ${session}`,
    row === null ? null : `row ${row}`,
  ].filter((each) => each !== null).join(", ");
  return `${place || "file"}: ${rule}: ${what}: expected ${expected}, received ${received}`;
}

/** Checks values one after another. */
class Verifier {
  readonly #findings: Finding[] = [];
  readonly #open = new Map<string, SessionLedger>();
  #findingsLeftOff = 0;
  readonly #unhashedSessions = new Set<string>();
  #unhashedRows = 0;
  #sessions = 0;
  #rows = 0;
  #tokens = 0;
  #trained = 0;

  add(value: unknown, line: number | null): void {
    this.#rows++;
    const shape = shapeOf(value);
    if (shape !== null) return this.#addUnhashed(value as Record<string, unknown>, shape, line);
    const problems = recordProblems(value);
    const place = placeOf(value);
    if (problems.length > 0) return this.#note(problems, line, place);
    const record = value as NativeRecord;
    this.#tokens += record.tokens.length;
    for (const bit of record.loss_mask) this.#trained += bit;
    this.#note(rowProblems(record), line, place);
    this.#note(this.#ledgerOf(record).add(record), line, place);
    this.#closeIfFull(record.session_id);
  }

  #addUnhashed(row: Record<string, unknown>, shape: UnhashedShape, line: number | null): void {
    const { session, tokens, trained } = shapeFacts(row, shape);
    // A file without lines is known by the row's number.
    const index = typeof row.index === "number" ? row.index : line === null ? this.#unhashedRows : null;
    this.#unhashedRows++;
    if (session !== null) this.#unhashedSessions.add(session);
    this.#tokens += tokens;
    this.#trained += trained;
    this.#note(shapeProblems(row, shape), line, { session, row: index });
  }

  addProblem(problem: Problem, line: number | null): void {
    this.#note([problem], line, { session: null, row: null });
  }

  report(): VerifyReport {
    for (const session of [...this.#open.keys()]) this.#close(session);
    const found = this.#findings.length;
    return {
      ok: found === 0 && this.#rows > 0,
      sessions: this.#sessions + this.#unhashedSessions.size,
      rows: this.#rows,
      tokens: this.#tokens,
      trained: this.#trained,
      unhashedRows: this.#unhashedRows,
      findings: this.#findings,
      findingsLeftOff: this.#findingsLeftOff,
    };
  }

  #ledgerOf(record: NativeRecord): SessionLedger {
    const known = this.#open.get(record.session_id);
    if (known !== undefined) return known;
    const ledger = new SessionLedger(record);
    this.#open.set(record.session_id, ledger);
    this.#sessions++;
    return ledger;
  }

  /** A session whose rows are all there needs no memory any more. */
  #closeIfFull(session: string): void {
    if (this.#open.get(session)?.isFull) this.#close(session);
  }

  #close(session: string): void {
    const problems = this.#open.get(session)?.close() ?? [];
    this.#open.delete(session);
    this.#note(problems, null, { session, row: null });
  }

  #note(problems: readonly Problem[], line: number | null, place: Place): void {
    for (const problem of problems) {
      if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ line, ...place, ...problem });
      else this.#findingsLeftOff++;
    }
  }
}

type Place = Pick<Finding, "session" | "row">;

function placeOf(value: unknown): Place {
  const { session_id, row } = (value ?? {}) as Partial<Record<string, unknown>>;
  return {
    session: typeof session_id === "string" ? session_id : null,
    row: typeof row === "number" ? row : null,
  };
}

/** A reply of `/samples` as the records it holds; anything else as it is. */
function unfold(value: unknown): unknown[] {
  const { rows, ...rest } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(rows)) return [value];
  return rows.map((row, i) => ({ ...rest, row: i, row_count: rows.length, ...row }));
}

function notJson(line: string): Problem {
  return { rule: "json", token: null, what: "line", expected: "JSON", received: quote(line) };
}
