/**
 * Snapshots of the model trie: the same form as the core's, with its records as JSON for an image.
 *
 * @module
 */
import type { ModelImage } from "./model_store.ts";
import {
  openSnapshot,
  requireSum,
  SNAPSHOT_CHUNK_BYTES,
  type SnapshotTables,
  SnapshotWriter,
} from "./snapshot.ts";
import { xxh64 } from "./xxh64.ts";

const LAYOUT_ID = new Uint8Array(32);
new TextEncoder().encodeInto("model trie, records as JSON, 2", LAYOUT_ID);

/** What the model keeps beside its records. */
export interface ModelState extends ModelImage {
  readonly newestVersion: number;
  readonly collectedLimit: number;
}

/** A snapshot of the records, a chunk a slice. */
export function* saveModel(
  tables: SnapshotTables,
  state: ModelState,
): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const image = new TextEncoder().encode(JSON.stringify(state));
  const writer = new SnapshotWriter(LAYOUT_ID, tables, image.length, xxh64);
  for (let i = 0, at = 0; at < image.length; i++, at += SNAPSHOT_CHUNK_BYTES) {
    if (i > 0) yield;
    const chunk = image.subarray(at, at + SNAPSHOT_CHUNK_BYTES);
    writer.put(i, chunk, xxh64(chunk));
  }
  return writer.finish(xxh64);
}

/**
 * What `saveModel` was given.
 *
 * @throws SnapshotError
 */
export function loadModel(snapshot: Uint8Array): { tables: SnapshotTables; state: ModelState } {
  const { tables, imageBytes, chunks } = openSnapshot(snapshot, LAYOUT_ID, xxh64);
  const image = new Uint8Array(imageBytes);
  for (const chunk of chunks) {
    requireSum(chunk, xxh64(chunk.bytes));
    image.set(chunk.bytes, chunk.at);
  }
  return { tables, state: JSON.parse(new TextDecoder().decode(image)) };
}
