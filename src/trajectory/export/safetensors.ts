/**
 * Exports as a safetensors file: the rows of each per-token member one after another in one tensor, beside a tensor of offsets.
 *
 * ```text
 * 8 bytes  length of the header, u64
 * header   JSON, padded with spaces to a multiple of 8:
 *            __metadata__  {format, shape, versions: JSON list, rows: JSON list of the members that are no tensors}
 *            NAME.offsets  I64 [rows + 1]: row i is NAME[offsets[i] : offsets[i + 1]]
 *            NAME          [elements of all rows]
 * tensors  in the order of the header, widest elements first, so each is aligned
 * ```
 *
 * @module
 */
import type { WeightVersion } from "../../types.ts";
import { type ColumnKind, COLUMNS, DTYPES, packColumn, unpackColumn, VersionTable } from "./columns.ts";
import type { NativeRecord } from "./native.ts";
import { type Bytes, packLongs, unpackLongs } from "./pack.ts";
import { quote, readRecord } from "./read.ts";
import { EXPORT_SHAPES, type ExportShape, type RecordOfShape, toShape } from "./shapes.ts";

const FORMAT = "slime-router export";
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;

/** Longest header that readers of the format accept. */
const HEADER_BYTES_MAX = 100_000_000;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly [number];
  readonly data_offsets: readonly [number, number];
}

interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly parts: Bytes[];
  /** In elements. */
  readonly offsets: number[];
}

/**
 * The file's bytes in pieces. Records are read once and packed as they come; what is held is the file, not the records.
 *
 * @throws {RangeError} when the header grows past what readers accept (some hundred thousand rows): split the export
 */
export function* safetensorsChunks(
  records: Iterable<NativeRecord>,
  shape: ExportShape = "native",
): Generator<Bytes> {
  const versions = new VersionTable();
  const columns = Object.entries(COLUMNS[shape]).map(([name, kind]): Column => ({
    name,
    kind,
    parts: [],
    offsets: [0],
  }));
  const rows: unknown[] = [];
  for (const record of records) rows.push(takeRow(toShape(record, shape), columns, versions));
  const tensors = tensorsOf(columns);
  yield headerOf(tensors, {
    format: FORMAT,
    shape,
    versions: JSON.stringify(versions.list),
    rows: JSON.stringify(rows),
  });
  for (const { parts } of tensors) yield* parts;
}

/** Packs the tensor members of one row; returns the others. */
function takeRow(record: object, columns: readonly Column[], versions: VersionTable): unknown {
  const rest = { ...record } as Record<string, unknown>;
  for (const { name, kind, parts, offsets } of columns) {
    const bytes = packColumn(kind, rest[name], versions);
    parts.push(bytes);
    offsets.push(offsets.at(-1)! + bytes.length / DTYPES[kind].bytes);
    rest[name] = null; // keeps the member's place, so that reading restores the order
  }
  return rest;
}

interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly width: number;
  readonly length: number;
  readonly parts: readonly Bytes[];
}

function tensorsOf(columns: readonly Column[]): Tensor[] {
  const tensors = columns.flatMap(({ name, kind, parts, offsets }): Tensor[] => [
    { name: `${name}.offsets`, dtype: "I64", width: 8, length: offsets.length, parts: [packLongs(offsets)] },
    { name, dtype: DTYPES[kind].name, width: DTYPES[kind].bytes, length: offsets.at(-1)!, parts },
  ]);
  return tensors.sort((a, b) => b.width - a.width);
}

function headerOf(tensors: readonly Tensor[], metadata: Readonly<Record<string, string>>): Bytes {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const { name, dtype, width, length } of tensors) {
    header[name] = { dtype, shape: [length], data_offsets: [at, at + length * width] };
    at += length * width;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  if (padded > HEADER_BYTES_MAX) {
    throw new RangeError(`Cannot write safetensors: header of ${padded} bytes, at most ${HEADER_BYTES_MAX}`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  bytes.set(packLongs([padded]));
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/** A file that was read: its shape, and its rows in that shape. */
export interface SafetensorsExport<S extends ExportShape = ExportShape> {
  readonly shape: S;
  readonly records: RecordOfShape[S][];
}

/**
 * Reads a file that {@link safetensorsChunks} wrote. Writing native records again gives the same bytes.
 *
 * @throws {TypeError} when the bytes are no such file; the message says where they are not
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsExport {
  const { header, data } = splitFile(bytes);
  const metadata = header.__metadata__ as Record<string, unknown> | undefined;
  const shape = EXPORT_SHAPES.find((each) => each === metadata?.shape);
  if (metadata?.format !== FORMAT || shape === undefined) {
    return fail(`__metadata__ of a ${FORMAT}`, metadata);
  }
  const rows = parseList(metadata.rows, "rows", isObject);
  const versions = new VersionTable(parseList(metadata.versions, "versions", isVersion));
  for (const [name, kind] of Object.entries(COLUMNS[shape])) {
    const offsets = unpackLongs(tensorBytes(header, data, `${name}.offsets`, "I64", 8));
    const { name: dtype, bytes: width } = DTYPES[kind];
    const column = tensorBytes(header, data, name, dtype, width);
    checkOffsets(name, offsets, rows.length, column.length / width);
    rows.forEach((row, i) => {
      row[name] = unpackColumn(kind, column.subarray(offsets[i]! * width, offsets[i + 1]! * width), versions);
    });
  }
  if (shape === "native") rows.forEach((row, i) => readRecord(row, `row ${i} of safetensors`));
  return { shape, records: rows as unknown as RecordOfShape[typeof shape][] };
}

function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  const [length = 0] = unpackLongs(bytes.subarray(0, LENGTH_BYTES));
  const end = LENGTH_BYTES + length;
  if (bytes.length < LENGTH_BYTES || length > HEADER_BYTES_MAX || end > bytes.length) {
    return fail(`a header within ${bytes.length} bytes`, length);
  }
  const header = parseJson(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, end)), "header");
  if (!isObject(header)) return fail("a header that is an object", header);
  return { header, data: bytes.subarray(end) };
}

function tensorBytes(
  header: Record<string, unknown>,
  data: Uint8Array,
  name: string,
  dtype: string,
  width: number,
): Uint8Array {
  const entry = header[name] as Entry | undefined;
  const [from, to] = entry?.data_offsets ?? [0, -1];
  const length = entry?.shape[0] ?? -1;
  if (entry?.dtype !== dtype || from < 0 || to - from !== length * width || to > data.length) {
    return fail(`tensor ${name} of ${dtype} within ${data.length} bytes`, entry);
  }
  return data.subarray(from, to);
}

function checkOffsets(name: string, offsets: readonly number[], rows: number, elements: number): void {
  const isAscending = offsets.every((offset, i) => offset >= (offsets[i - 1] ?? 0));
  if (offsets.length === rows + 1 && offsets[0] === 0 && isAscending && offsets.at(-1) === elements) return;
  fail(`${name}.offsets that rise from 0 to ${elements} in ${rows + 1} steps`, offsets);
}

function parseList<T>(json: unknown, what: string, holds: (value: unknown) => value is T): T[] {
  const list = parseJson(String(json), what);
  return Array.isArray(list) && list.every(holds) ? list : fail(`a list of ${what}`, list);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isVersion(value: unknown): value is WeightVersion {
  return typeof value === "string" || typeof value === "number";
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError(`Cannot read safetensors: ${what} must be JSON, received ${quote(text)}`, {
      cause: error,
    });
  }
}

function fail(expected: string, received: unknown): never {
  throw new TypeError(`Cannot read safetensors: must have ${expected}, received ${quote(received)}`);
}
