/**
 * The form of a snapshot: what a trie was, in one piece of bytes. Numbers are little-endian.
 *
 *   0       8        12      16        48       56      64          72                      +8
 *   +-------+--------+-------+---------+--------+-------+-----------+-----------------------+----------+
 *   | magic | format | chunk | layout  | tables | image | sum of    | sum of each chunk of  | sum of   |
 *   |       |        | bytes | id      | bytes  | bytes | the tables| the image             | the head |
 *   +-------+--------+-------+---------+--------+-------+-----------+-----------------------+----------+
 *   | tables: JSON in UTF-8, zeros up to a multiple of 8                                               |
 *   +--------------------------------------------------------------------------------------------------+
 *   | image                                                                                            |
 *   +--------------------------------------------------------------------------------------------------+
 *
 * Sums are XXH64 with seed 0. The layout id names what the image means: an image is read only by the build that wrote it.
 * Every byte is under a sum, so damage anywhere is found; forgery is not: a snapshot is trusted as the program is.
 *
 * @module
 */
import type { TrieLimits } from "./input.ts";
import type { LookupCounts } from "./match.ts";

/** A snapshot cannot be loaded: it is none, of another build, damaged or cut, or does not fit. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
  /** Why, without the action. */
  readonly reason: string;

  constructor(reason: string) {
    super(`Cannot load snapshot: ${reason}`);
    this.reason = reason;
  }
}

/** Newest form of snapshots, and the only one that is read. */
export const SNAPSHOT_FORMAT_VERSION = 2;
/** Bytes of image under one sum: what a sliced save does in one slice, under 1 ms. */
export const SNAPSHOT_CHUNK_BYTES = 2 ** 20;

const MAGIC = new TextEncoder().encode("SLIMTRIE");
const FORMAT_AT = 8;
const CHUNK_BYTES_AT = 12;
const LAYOUT_ID_AT = 16;
const LAYOUT_ID_BYTES = 32;
const TABLES_BYTES_AT = 48;
const IMAGE_BYTES_AT = 56;
const SUMS_AT = 64;
const SUM_BYTES = 8;

/** What of a trie does not lie in its image. */
export interface SnapshotTables {
  /** What the token ids mean, in a word of who saved. */
  readonly tag: string;
  /** Version labels in order of their codes, from -2 down. */
  readonly labels: readonly string[];
  /** Scopes with their ids; empty where the image has the names. */
  readonly scopes: readonly (readonly [scope: string, id: number])[];
  readonly freeScopeIds: readonly number[];
  readonly lookups: LookupCounts;
  /** Bounds of the trie that wrote the snapshot: for who reads it. The bounds of the trie that loads it apply. */
  readonly limits: TrieLimits;
}

/** XXH64 of bytes. */
export type Checksum = (bytes: Uint8Array) => bigint;

/** A snapshot in the making: put every chunk, then `finish`. */
export class SnapshotWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #imageAt: number;
  readonly #chunks: number;

  constructor(layoutId: Uint8Array, tables: SnapshotTables, imageBytes: number, checksum: Checksum) {
    const json = new TextEncoder().encode(JSON.stringify(tables));
    this.#chunks = chunkCount(imageBytes, SNAPSHOT_CHUNK_BYTES);
    const head = headBytes(this.#chunks);
    this.#imageAt = head + padded(json.length);
    this.#bytes = new Uint8Array(this.#imageAt + imageBytes);
    this.#bytes.set(MAGIC);
    this.#bytes.set(layoutId, LAYOUT_ID_AT);
    this.#bytes.set(json, head);
    const view = this.#view = new DataView(this.#bytes.buffer);
    view.setUint32(FORMAT_AT, SNAPSHOT_FORMAT_VERSION, true);
    view.setUint32(CHUNK_BYTES_AT, SNAPSHOT_CHUNK_BYTES, true);
    view.setBigUint64(TABLES_BYTES_AT, BigInt(json.length), true);
    view.setBigUint64(IMAGE_BYTES_AT, BigInt(imageBytes), true);
    view.setBigUint64(SUMS_AT, checksum(this.#bytes.subarray(head, this.#imageAt)), true);
  }

  /** Puts chunk `i` of the image, with its sum. */
  put(i: number, chunk: Uint8Array, sum: bigint): void {
    this.#bytes.set(chunk, this.#imageAt + i * SNAPSHOT_CHUNK_BYTES);
    this.#view.setBigUint64(SUMS_AT + SUM_BYTES * (1 + i), sum, true);
  }

  /** The snapshot. */
  finish(checksum: Checksum): Uint8Array<ArrayBuffer> {
    const end = headBytes(this.#chunks) - SUM_BYTES;
    this.#view.setBigUint64(end, checksum(this.#bytes.subarray(0, end)), true);
    return this.#bytes;
  }
}

/** A snapshot whose head and tables are sound; the chunks are for the caller to check. */
export interface OpenSnapshot {
  readonly tables: SnapshotTables;
  readonly imageBytes: number;
  /** Parts of the image in order, each with the sum it must have. Views, not copies. */
  readonly chunks: readonly SnapshotChunk[];
}

/** One part of an image. */
export interface SnapshotChunk {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly sum: bigint;
}

/**
 * Reads head and tables.
 *
 * @throws SnapshotError when it is no snapshot of this form and layout, or not whole
 */
export function openSnapshot(bytes: Uint8Array, layoutId: Uint8Array, checksum: Checksum): OpenSnapshot {
  if (bytes.length < SUMS_AT) refuse(`${bytes.length} bytes are too few`);
  if (!sameBytes(bytes.subarray(0, MAGIC.length), MAGIC)) refuse("it does not begin like one");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = view.getUint32(FORMAT_AT, true);
  if (format !== SNAPSHOT_FORMAT_VERSION) {
    refuse(`its format version is ${format}, this build reads ${SNAPSHOT_FORMAT_VERSION}`);
  }
  const chunkBytes = view.getUint32(CHUNK_BYTES_AT, true);
  const tablesBytes = Number(view.getBigUint64(TABLES_BYTES_AT, true));
  const imageBytes = Number(view.getBigUint64(IMAGE_BYTES_AT, true));
  const head = headBytes(chunkCount(imageBytes, chunkBytes));
  if (!(head <= bytes.length)) refuse("its head is cut or damaged");
  const sumAt = head - SUM_BYTES;
  if (checksum(bytes.subarray(0, sumAt)) !== view.getBigUint64(sumAt, true)) refuse("its head is damaged");
  const writtenBy = bytes.subarray(LAYOUT_ID_AT, LAYOUT_ID_AT + LAYOUT_ID_BYTES);
  if (!sameBytes(writtenBy, layoutId)) {
    refuse(`another build wrote it, of layout ${shortHex(writtenBy)}; this one has ${shortHex(layoutId)}`);
  }
  const imageAt = head + padded(tablesBytes);
  if (imageAt + imageBytes !== bytes.length) {
    refuse(`it has ${bytes.length} bytes, its head says ${imageAt + imageBytes}`);
  }
  if (checksum(bytes.subarray(head, imageAt)) !== view.getBigUint64(SUMS_AT, true)) {
    refuse("its tables are damaged");
  }
  const tables: SnapshotTables = JSON.parse(
    new TextDecoder().decode(bytes.subarray(head, head + tablesBytes)),
  );
  const chunks: SnapshotChunk[] = [];
  for (let at = 0; at < imageBytes; at += chunkBytes) {
    chunks.push({
      at,
      bytes: bytes.subarray(imageAt + at, imageAt + Math.min(at + chunkBytes, imageBytes)),
      sum: view.getBigUint64(SUMS_AT + SUM_BYTES * (1 + chunks.length), true),
    });
  }
  return { tables, imageBytes, chunks };
}

/** Throws the error that says why. */
export function refuse(reason: string): never {
  throw new SnapshotError(reason);
}

/** Throws unless the snapshot has this tag. */
export function requireTag(tables: SnapshotTables, tag: string): void {
  if (tables.tag === tag) return;
  refuse(`its tag is ${JSON.stringify(tables.tag)}, asked for is ${JSON.stringify(tag)}`);
}

/** Throws unless a chunk has the sum it must have. */
export function requireSum(chunk: SnapshotChunk, sum: bigint): void {
  if (sum === chunk.sum) return;
  refuse(`its image is damaged in bytes ${chunk.at} to ${chunk.at + chunk.bytes.length - 1}`);
}

/** Runs a sliced save to its end. */
export function runToEnd<T>(slices: Generator<undefined, T>): T {
  while (true) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}

function chunkCount(imageBytes: number, chunkBytes: number): number {
  return Math.ceil(imageBytes / chunkBytes);
}

function headBytes(chunks: number): number {
  return SUMS_AT + SUM_BYTES * (1 + chunks + 1);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function shortHex(id: Uint8Array): string {
  return Array.from(id.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
