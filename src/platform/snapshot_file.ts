/**
 * A snapshot in a file.
 *
 * @module
 */
import type { SnapshotStore } from "../cache/cache_snapshots.ts";

/** Bytes handed to the system at a time: the copy that a write makes must not hold the event loop up. */
const WRITE_BYTES_MAX = 2 ** 22;
/** What a cache has seen is not for everybody. */
const OWNER_ONLY = 0o600;

/**
 * Keeps a snapshot at `path`. A write goes to `path.tmp` and takes the place of the file when all of it is on the disk,
 * so that the file is whole whenever the process ends.
 */
export function snapshotFile(path: string): SnapshotStore {
  const temporary = `${path}.tmp`;
  return {
    place: path,
    async read() {
      try {
        return await Deno.readFile(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
    async write(snapshot) {
      try {
        await writeSynced(temporary, snapshot);
        await Deno.rename(temporary, path);
      } catch (error) {
        await Deno.remove(temporary).catch(() => {});
        throw error;
      }
    },
  };
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: OWNER_ONLY });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at, at + WRITE_BYTES_MAX));
  await file.syncData();
}
