/**
 * Exports a session: as one value, or record by record.
 *
 * @module
 */
import type { SessionView } from "../turn.ts";
import type { ExportOptions, NativeExport, NativeRecord } from "./native.ts";
import { planExport } from "./plan.ts";
import { buildRow } from "./rows.ts";

/**
 * A session as rows for a trainer: as few rows as show all exportable turns, each sampled token trained in exactly one of them
 * or counted under the cause that kept it out.
 *
 * @throws {RangeError} when a turn contradicts the contract of `turn.ts`, or `maxTokens` is not a positive integer
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const native = exportSession({ id: "s1", turns: [], isFinished: true, createdMs: 0, metadata: {} });
 * assert.deepEqual(native, { session_id: "s1", rows: [], captured: 0, exported: 0, dropped: {} });
 * ```
 */
export function exportSession(view: SessionView, options: ExportOptions = {}): NativeExport {
  const { rows, captured, exported, dropped } = planExport(view, options);
  return {
    session_id: view.id,
    rows: rows.map((plan) => buildRow(view, plan, options)),
    captured,
    exported,
    dropped,
  };
}

/**
 * The same rows one by one, each with its session's counts: one row is in memory at a time. A session that has no row yields
 * nothing.
 *
 * @throws {RangeError} as {@link exportSession}, before the first row
 */
export function* exportRecords(view: SessionView, options: ExportOptions = {}): Generator<NativeRecord> {
  const { rows, captured, exported, dropped } = planExport(view, options);
  for (const [row, plan] of rows.entries()) {
    const counts = { captured, exported, dropped: { ...dropped } };
    yield {
      session_id: view.id,
      row,
      row_count: rows.length,
      ...counts,
      ...buildRow(view, plan, options),
    };
  }
}

/** The records of an export that is already in memory. */
export function* recordsOf(native: NativeExport): Generator<NativeRecord> {
  const { session_id, rows, captured, exported, dropped } = native;
  for (const [row, each] of rows.entries()) {
    yield { session_id, row, row_count: rows.length, captured, exported, dropped, ...each };
  }
}
