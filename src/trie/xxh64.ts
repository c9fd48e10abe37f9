/**
 * XXH64 with seed 0 (Collet 2012) in plain TypeScript: for the model trie, and to check the core's. Some MB a second.
 *
 * @module
 */

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const STRIPE_BYTES = 32;

/** The sum of bytes, in [0, 2^64). */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length;
  let at = 0;
  let sum = P5;
  if (length >= STRIPE_BYTES) {
    const lanes = [u64(P1 + P2), P2, 0n, u64(-P1)];
    for (; at + STRIPE_BYTES <= length; at += STRIPE_BYTES) {
      for (const i of lanes.keys()) lanes[i] = round(lanes[i]!, view.getBigUint64(at + 8 * i, true));
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint];
    sum = u64(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n));
    for (const lane of lanes) sum = u64((sum ^ round(0n, lane)) * P1 + P4);
  }
  sum = u64(sum + BigInt(length));
  for (; at + 8 <= length; at += 8) {
    sum = u64(rotate(sum ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  }
  if (at + 4 <= length) {
    sum = u64(rotate(sum ^ u64(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < length; at++) sum = u64(rotate(sum ^ u64(BigInt(bytes[at]!) * P5), 11n) * P1);
  sum = u64((sum ^ (sum >> 33n)) * P2);
  sum = u64((sum ^ (sum >> 29n)) * P3);
  return sum ^ (sum >> 32n);
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, bits: bigint): bigint {
  return u64(value << bits) | (value >> (64n - bits));
}

function round(sum: bigint, word: bigint): bigint {
  return u64(rotate(u64(sum + word * P2), 31n) * P1);
}
