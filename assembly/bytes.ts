/** Bytes compared and counted, 16 at a time: the last 16 may begin with the last byte (see arena.ts). */

/** Number of leading bytes that `a` and `b` share, at most `length`. */
export function commonPrefix(a: usize, b: usize, length: u32): u32 {
  let i: u32 = 0;
  while (i + 64 <= length) {
    const d0 = v128.xor(v128.load(a + i), v128.load(b + i));
    const d1 = v128.xor(v128.load(a + i, 16), v128.load(b + i, 16));
    const d2 = v128.xor(v128.load(a + i, 32), v128.load(b + i, 32));
    const d3 = v128.xor(v128.load(a + i, 48), v128.load(b + i, 48));
    if (v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))) break;
    i += 64;
  }
  for (; i < length; i += 16) {
    const differ = i8x16.bitmask(i8x16.eq(v128.load(a + i), v128.load(b + i))) ^ 0xffff;
    if (differ) return min<u32>(length, i + ctz<i32>(differ));
  }
  return length;
}

/** Whether the byte at `at` continues a UTF-8 sequence. */
// @ts-ignore: decorator
@inline
export function continuesSequence(at: usize): bool {
  return (load<u8>(at) & 0xc0) == 0x80;
}

/** UTF-16 length of `length` bytes of UTF-8: one unit a lead byte, two for a sequence of four. */
export function utf16Length(at: usize, length: u32): u32 {
  let units: u32 = 0;
  let i: u32 = 0;
  while (i + 16 <= length) {
    const chunk = v128.load(at + i);
    // As signed bytes, continuations are below -64; leads of four are -16 and up to -1.
    const leads = i8x16.bitmask(i8x16.gt_s(chunk, i8x16.splat(-65)));
    const fours = i8x16.bitmask(i8x16.gt_u(chunk, i8x16.splat(<i8> 0xef)));
    units += popcnt<i32>(leads) + popcnt<i32>(fours);
    i += 16;
  }
  for (; i < length; i++) {
    const byte = load<u8>(at + i);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

/** Number of leading bytes that equal `byte`, at most `length`. */
export function runLength(at: usize, length: u32, byte: u32): u32 {
  let i: u32 = 0;
  const wanted = i8x16.splat(byte as i8);
  for (; i < length; i += 16) {
    const differ = i8x16.bitmask(i8x16.eq(v128.load(at + i), wanted)) ^ 0xffff;
    if (differ) return min<u32>(length, i + ctz<i32>(differ));
  }
  return length;
}
