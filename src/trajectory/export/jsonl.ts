/**
 * Exports as JSON lines: one row a line.
 *
 * @module
 */
import type { NativeExport, NativeRecord } from "./native.ts";
import { type ExportShape, toShape } from "./shapes.ts";
import { readExport, readRecord } from "./read.ts";

/** One line a record, each with its line feed. Lines are made as they are asked for. */
export function* jsonLines(
  records: Iterable<NativeRecord>,
  shape: ExportShape = "native",
): Generator<string> {
  for (const record of records) yield `${JSON.stringify(toShape(record, shape))}\n`;
}

/**
 * Reads what `POST /sessions/{id}/samples` answered. Writing the result with `JSON.stringify` gives the same text again.
 *
 * @throws {SyntaxError} when `json` is none
 * @throws {TypeError} when it is no native export; the message names row, token and what was received
 */
export function importNative(json: string): NativeExport {
  return readExport(JSON.parse(json));
}

/**
 * Reads native JSON lines; blank lines are skipped. {@link jsonLines} of the result gives the same lines again.
 *
 * @throws {SyntaxError} when a line is no JSON
 * @throws {TypeError} when a line is no native record; the message names line, token and what was received
 */
export function* importJsonLines(lines: Iterable<string>): Generator<NativeRecord> {
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() !== "") yield readRecord(JSON.parse(line), `line ${number}`);
  }
}

/** Puts records of sessions together again, in order of first appearance. Sessions without a row are not among them. */
export function groupRecords(records: Iterable<NativeRecord>): NativeExport[] {
  const sessions = new Map<string, NativeExport>();
  for (const record of records) {
    const { session_id, row: _row, row_count: _count, captured, exported, dropped, ...row } = record;
    const known = sessions.get(session_id);
    if (known === undefined) {
      sessions.set(session_id, { session_id, rows: [row], captured, exported, dropped });
    } else known.rows.push(row);
  }
  return [...sessions.values()];
}
