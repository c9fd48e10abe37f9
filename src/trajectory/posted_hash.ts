/**
 * The chain of hashes that names the ids a turn POSTed.
 *
 * ```text
 * hash(turn) = SHA-256( parent's hash, 32 bytes; nothing at a root
 *                       ‖ ids of the parent's output that the turn keeps, u32 each
 *                       ‖ ids of the turn's prompt delta, u32 each )            all little-endian
 * ```
 *
 * What a turn and its ancestors add is, one after another, exactly the prompt that the worker received for the turn. So whoever
 * holds the row and the length of each prompt recomputes every hash without the ledger; dropped ids are not needed, because
 * no worker received them after the junction. What the turn itself sampled is hashed by the turn that continues it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Turn } from "./turn.ts";

/**
 * Hash of the ids that were POSTed for a turn. Cost: the delta, not the history.
 *
 * @param parentHash the parent's hash; null at a root
 * @param keptOutputIds the parent's output less what the turn drops; empty at a root
 * @returns 64 lower-case hex digits
 * @throws {TypeError} when `parentHash` is not 64 hex digits
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const none = new Uint32Array();
 * const root = postedHash(null, none, Uint32Array.of(1, 2));
 * const child = postedHash(root, Uint32Array.of(3), Uint32Array.of(4, 5));
 * assert.equal(child, postedHash(root, none, Uint32Array.of(3, 4, 5)));
 * assert.notEqual(child, postedHash(root, Uint32Array.of(3), Uint32Array.of(4)));
 * ```
 */
export function postedHash(
  parentHash: string | null,
  keptOutputIds: Uint32Array,
  promptIds: Uint32Array,
): string {
  const hash = createHash("sha256");
  if (parentHash !== null) {
    if (!/^[0-9a-f]{64}$/.test(parentHash)) {
      throw new TypeError(`Cannot chain a hash: parent must be 64 hex digits, received "${parentHash}"`);
    }
    hash.update(parentHash, "hex");
  }
  return hash.update(littleEndian(keptOutputIds)).update(littleEndian(promptIds)).digest("hex");
}

/**
 * The hash of a turn that continues `parent` less `droppedIds`.
 *
 * @throws {RangeError} when `droppedIds` is not within what the parent sampled
 */
export function postedHashAfter(parent: Turn | null, droppedIds: number, promptIds: Uint32Array): string {
  const outputIds = parent?.outputIds ?? new Uint32Array();
  const sampled = outputIds.length;
  if (!Number.isInteger(droppedIds) || droppedIds < 0 || droppedIds > sampled) {
    throw new RangeError(`Cannot drop ${droppedIds} ids of a turn that sampled ${sampled}`);
  }
  if (parent === null) return postedHash(null, new Uint32Array(), promptIds);
  return postedHash(parent.postedHash, outputIds.subarray(0, sampled - droppedIds), promptIds);
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function littleEndian(ids: Uint32Array): Uint8Array {
  if (HOST_IS_LITTLE_ENDIAN) return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  const view = new DataView(new ArrayBuffer(ids.byteLength));
  ids.forEach((id, i) => view.setUint32(4 * i, id, true));
  return new Uint8Array(view.buffer);
}
