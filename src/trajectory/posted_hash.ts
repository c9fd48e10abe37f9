/**
 * The chain of hashes that names the ids a turn POSTed.
 *
 * ```text
 * hash(turn) = SHA-256( parent hash, 32 bytes (zeros at a root) ‖ each added id, 4 bytes, little-endian )
 * added ids  = the parent's output less the trim ‖ the turn's prompt delta
 * ```
 *
 * The added ids of a turn and its ancestors, one after another, are exactly the prompt that the worker received for the turn.
 * So whoever holds the row and the length of each prompt can recompute every hash without the ledger; trimmed ids are not
 * needed, because no worker received them after the trim. What the turn itself sampled is hashed by the turn that continues it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Turn } from "./turn.ts";

/** Bytes of a SHA-256 digest; a root chains to this many zeros. */
const DIGEST_BYTES = 32;

const ROOT_HASH = "00".repeat(DIGEST_BYTES);

/**
 * Hash of one more link.
 *
 * @param parentHash the parent's hash in lower-case hex; null at a root
 * @param added runs of ids that this turn's prompt adds to the parent's prompt
 * @returns 64 lower-case hex digits; cost is the added ids, not the history
 * @throws {TypeError} when `parentHash` is not 64 hex digits
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const root = postedHash(null, [Uint32Array.of(1, 2)]);
 * const child = postedHash(root, [Uint32Array.of(3), Uint32Array.of(4, 5)]);
 * assert.equal(child, postedHash(root, [Uint32Array.of(3, 4, 5)]));
 * assert.notEqual(child, postedHash(root, [Uint32Array.of(3, 4)]));
 * ```
 */
export function postedHash(parentHash: string | null, added: readonly Uint32Array[]): string {
  if (parentHash !== null && !/^[0-9a-f]{64}$/.test(parentHash)) {
    throw new TypeError(`Cannot chain a hash: parent must be 64 hex digits, received "${parentHash}"`);
  }
  const hash = createHash("sha256").update(parentHash ?? ROOT_HASH, "hex");
  for (const ids of added) hash.update(littleEndianBytes(ids));
  return hash.digest("hex");
}

/**
 * Hash of a turn, from its parent's hash and what it adds: see {@link postedHash}.
 *
 * @throws {RangeError} when the turn trims more than its parent sampled
 */
export function postedHashOf(turn: Pick<Turn, "parent" | "droppedIds" | "promptIds">): string {
  if (turn.parent === null) return postedHash(null, [turn.promptIds]);
  return postedHash(turn.parent.postedHash, [keptOutput(turn.parent, turn.droppedIds), turn.promptIds]);
}

/**
 * Sampled ids of a turn that a child keeps: a view, not a copy.
 *
 * @throws {RangeError} when `droppedIds` is negative or more than the turn sampled
 */
export function keptOutput(turn: Pick<Turn, "outputIds">, droppedIds: number): Uint32Array {
  const sampled = turn.outputIds.length;
  if (!Number.isInteger(droppedIds) || droppedIds < 0 || droppedIds > sampled) {
    throw new RangeError(`Cannot trim a turn of ${sampled} sampled ids: received ${droppedIds}`);
  }
  return turn.outputIds.subarray(0, sampled - droppedIds);
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Bytes of `ids`, 4 an id, least significant first, whatever the host's order. */
export function littleEndianBytes(ids: Uint32Array): Uint8Array {
  if (HOST_IS_LITTLE_ENDIAN) return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  const bytes = new DataView(new ArrayBuffer(ids.byteLength));
  ids.forEach((id, i) => bytes.setUint32(4 * i, id, true));
  return new Uint8Array(bytes.buffer);
}
