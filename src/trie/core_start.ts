/**
 * What a core is started with.
 *
 * @module
 */
import type { TrieLimits } from "./input.ts";

const UINT32_MAX = 0xffff_ffff;
const INT32_MAX = 0x7fff_ffff;
/**
 * Below lies a handle's generation, above the number of the trie: so that a handle is stale in the wrong trie, and after
 * `clear` and `load`. Together they are an exact number.
 */
const GENERATIONS = 2 ** 32;
const TRIES_APART = 2 ** 21 - 1;
let triesMade = 0;

/** Bounds in the core's 32 bits. */
export function coreLimits(limits: TrieLimits): [maxTokens: number, maxBytes: number, gcThresholdK: number] {
  return [
    Math.min(limits.maxCacheSize, UINT32_MAX),
    Math.min(limits.maxCacheBytes, UINT32_MAX),
    Math.min(limits.gcThresholdK, INT32_MAX),
  ];
}

/** The serial of the next trie's handles, without their generation. */
export function nextSerial(): number {
  return (1 + triesMade++ % TRIES_APART) * GENERATIONS;
}
