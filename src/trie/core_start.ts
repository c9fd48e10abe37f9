/**
 * What a core is started with.
 *
 * @module
 */
import type { TrieLimits } from "./input.ts";

const UINT32_MAX = 0xffff_ffff;
const INT32_MAX = 0x7fff_ffff;
/** Serials of one trie's handles; another trie's begin above, so that a handle in the wrong trie is stale. */
const SERIALS_PER_TRIE = 2 ** 40;
const TRIES_APART = 4_096;
let triesMade = 0;

/** Bounds in the core's 32 bits. */
export function coreLimits(limits: TrieLimits): [maxTokens: number, maxBytes: number, gcThresholdK: number] {
  return [
    Math.min(limits.maxCacheSize, UINT32_MAX),
    Math.min(limits.maxCacheBytes, UINT32_MAX),
    Math.min(limits.gcThresholdK, INT32_MAX),
  ];
}

/** Where the serials of the next trie begin. */
export function nextSerial(): number {
  return (triesMade++ % TRIES_APART) * SERIALS_PER_TRIE;
}
