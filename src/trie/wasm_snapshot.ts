/**
 * Snapshots of the WebAssembly trie: all its state lies in linear memory, so the memory is the image.
 *
 * @module
 */
import {
  openSnapshot,
  refuse,
  requireSum,
  runToEnd,
  SNAPSHOT_CHUNK_BYTES,
  type SnapshotTables,
  SnapshotWriter,
} from "./snapshot.ts";
import { SOURCE_HASH } from "./trie_wasm.generated.ts";
import { PAGE_BYTES, RECORDS_BYTES, WasmCore } from "./wasm_core.ts";

/** The sources of the core say what its memory means. */
const LAYOUT_ID = Uint8Array.from(SOURCE_HASH.match(/../g) ?? [], (hex) => parseInt(hex, 16));

/**
 * Copies the memory, a chunk a slice. When the trie was used between slices the copy would be torn: it is then made
 * anew in one slice.
 */
export function* saveImage(
  module: WebAssembly.Module,
  core: WasmCore,
  tables: () => SnapshotTables,
): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const before = core.records();
  const snapshot = yield* copyImage(module, core, tables());
  if (sameWords(before, core.records())) return snapshot;
  return runToEnd(copyImage(module, core, tables()));
}

/** In a loop: thousands of calls that nothing has compiled yet would take longer than the slice before. */
function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

function* copyImage(
  module: WebAssembly.Module,
  core: WasmCore,
  tables: SnapshotTables,
): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const checksum = checksumOf(module);
  const imageBytes = core.memoryBytes;
  const writer = new SnapshotWriter(LAYOUT_ID, tables, imageBytes, checksum);
  for (let i = 0, at = 0; at < imageBytes; i++, at += SNAPSHOT_CHUNK_BYTES) {
    if (i > 0) yield;
    core.refresh();
    const bytes = core.u8.subarray(at, Math.min(at + SNAPSHOT_CHUNK_BYTES, imageBytes));
    writer.put(i, bytes, core.checksum(at, bytes.length));
  }
  return writer.finish(checksum);
}

/**
 * A core with the memory of a snapshot, not adopted yet.
 *
 * @throws SnapshotError
 */
export function loadImage(
  module: WebAssembly.Module,
  snapshot: Uint8Array,
): { core: WasmCore; tables: SnapshotTables } {
  const { tables, imageBytes, chunks } = openSnapshot(snapshot, LAYOUT_ID, checksumOf(module));
  const core = coreWithMemory(module, imageBytes);
  for (const chunk of chunks) {
    core.u8.set(chunk.bytes, chunk.at);
    requireSum(chunk, core.checksum(chunk.at, chunk.bytes.length));
  }
  return { core, tables };
}

function coreWithMemory(module: WebAssembly.Module, bytes: number): WasmCore {
  try {
    return new WasmCore(module, bytes);
  } catch (error) {
    return refuse(`there is no memory for its ${bytes} bytes (${(error as Error).message})`);
  }
}

/** Sums up bytes that lie outside of a core, in a core of their own: they must not move the trie's windows. */
function checksumOf(module: WebAssembly.Module): (bytes: Uint8Array) => bigint {
  return function xxh64(bytes) {
    const core = new WasmCore(module, RECORDS_BYTES + bytes.length + PAGE_BYTES);
    core.u8.set(bytes, RECORDS_BYTES);
    return core.checksum(RECORDS_BYTES, bytes.length);
  };
}
