/** XXH64 with seed 0 (Collet 2012): guards snapshots against damage, not against forgery. */

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

/** Checksum of `length` bytes. */
export function xxh64(start: usize, length: u32): u64 {
  const end = start + length;
  let at = start;
  let sum: u64 = P5;
  if (length >= 32) {
    // Four lanes that do not wait for one another.
    let a: u64 = P1 + P2;
    let b: u64 = P2;
    let c: u64 = 0;
    let d: u64 = 0 - P1;
    for (const last = end - 32; at <= last; at += 32) {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
    }
    sum = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    sum = merge(merge(merge(merge(sum, a), b), c), d);
  }
  sum += length;
  for (; at + 8 <= end; at += 8) sum = rotl<u64>(sum ^ round(0, load<u64>(at)), 27) * P1 + P4;
  if (at + 4 <= end) {
    sum = rotl<u64>(sum ^ (<u64> load<u32>(at) * P1), 23) * P2 + P3;
    at += 4;
  }
  for (; at < end; at++) sum = rotl<u64>(sum ^ (<u64> load<u8>(at) * P5), 11) * P1;
  sum = (sum ^ (sum >> 33)) * P2;
  sum = (sum ^ (sum >> 29)) * P3;
  return sum ^ (sum >> 32);
}

// @ts-ignore: decorator
@inline
function round(sum: u64, word: u64): u64 {
  return rotl<u64>(sum + word * P2, 31) * P1;
}

function merge(sum: u64, lane: u64): u64 {
  return (sum ^ round(0, lane)) * P1 + P4;
}
