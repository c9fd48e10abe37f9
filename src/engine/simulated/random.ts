/**
 * Randomness that a seed determines: the same seed gives the same replies on every machine.
 *
 * @module
 */
import type { Random } from "../../types.ts";

const UINT32_RANGE = 4_294_967_296;
/** Odd constant of the golden ratio: consecutive states land far from one another. */
const STEP = 0x9e3779b9;

/** Spreads every bit of `value` over all 32 (the finaliser of MurmurHash3). */
export function mix32(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hash of two words; the order counts. */
export function hashPair(left: number, right: number): number {
  return mix32(Math.imul(mix32(left) ^ STEP, 31) + right);
}

/** Hash of a sequence of token ids under `seed`. O(n). */
export function hashIds(ids: ArrayLike<number>, seed: number): number {
  let hash = mix32(seed ^ ids.length);
  for (let index = 0; index < ids.length; index++) hash = Math.imul(hash ^ (ids[index] ?? 0), 0x01000193);
  return mix32(hash);
}

/** A stream of numbers in [0, 1) that `seed` determines. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return function seededRandom() {
    state = (state + STEP) >>> 0;
    return mix32(state) / UINT32_RANGE;
  };
}

/**
 * The simulated log-probability of token `id` at `position` under `seed`: an exact float32 value in (-8, 0), most of
 * them near 0 as a trained model's are, and never 0, so that no default can be mistaken for one.
 */
export function logprobAt(seed: number, position: number, id: number): number {
  const unit = (hashPair(hashPair(seed, position), id) + 1) / (UINT32_RANGE + 1);
  return Math.fround(-8 * unit * unit * unit - 1e-6);
}
