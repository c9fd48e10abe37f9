/** Token ids written as JSON digits, four ids at a time and without branches: ids are random, so branches mispredict. */

import { DIGIT_ORDERS } from "./layout";

/** Most bytes that one id takes: ten digits and a comma. */
export const DIGITS_MAX: u32 = 11;
/** Bytes behind the last digit that may be written over. */
export const DIGITS_SLACK: u32 = 16;

/** Least numbers of more than seven and of more than eight digits. */
const SEVEN_DIGITS: u32 = 10000000;
const EIGHT_DIGITS: u32 = 100000000;
/** Ids below go four at a time; the multiplication that divides by 625 errs from 949,984 on. No vocabulary is so large. */
const VECTOR_IDS_MAX: u32 = 900000;
const COMMA: u64 = 44;
/** A bit in the byte of the last digit, which stays also when it is 0. */
const LAST_DIGIT: u64 = 0x0100000000000000;
const ASCII_ZEROS: u64 = 0x3030303030303030;

/** Writes `count` ids as decimal digits, a comma between two. Returns the number of bytes. */
export function writeDigits(ids: usize, count: u32, out: usize): u32 {
  let at = out;
  const end = ids + (<usize> count << 2);
  if (load<u8>(DIGIT_ORDERS + ((2 << 3) + 2 << 4)) == 0) makeOrders();
  let id = ids;
  for (; id + 16 <= end; id += 16) {
    const four = v128.load(id);
    if (v128.any_true(i32x4.ge_u(four, i32x4.splat(VECTOR_IDS_MAX)))) {
      for (let one = id; one < id + 16; one += 4) at = writeOne(load<u32>(one), at);
    } else {
      at = writeFour(four, at);
    }
  }
  for (; id < end; id += 4) at = writeOne(load<u32>(id), at);
  return count == 0 ? 0 : (at - out) as u32 - 1;
}

/** Four ids below VECTOR_IDS_MAX, with their commas: the steps of `eightDigits`, in the lanes of a vector. */
// @ts-ignore: decorator
@inline
function writeFour(ids: v128, start: usize): usize {
  // x / 10000 is x / 16 / 625; x / 100 is 64 * x / 100, rounded, / 64: exact for these, as are the other factors.
  const high = i32x4.shr_u(i32x4.mul(i32x4.shr_u(ids, 4), i32x4.splat(6711)), 22);
  // Quotient and remainder side by side, in one step: what the shifted number has too much of is taken away.
  const fours = i32x4.sub(i32x4.shl(ids, 16), i32x4.mul(high, i32x4.splat((10000 << 16) - 1)));
  const hundreds = i16x8.shr_u(i16x8.q15mulr_sat_s(fours, i16x8.splat(20971)), 6);
  const pairs = i16x8.sub(fours, i16x8.mul(hundreds, i16x8.splat(100)));
  const lower = digitsOfPairs(i16x8.shuffle(hundreds, pairs, 0, 8, 1, 9, 2, 10, 3, 11));
  const upper = digitsOfPairs(i16x8.shuffle(hundreds, pairs, 4, 12, 5, 13, 6, 14, 7, 15));
  return writeTwo(upper, writeTwo(lower, start));
}

/** Two ids of at most six digits, each in the upper six of eight bytes, with their commas. */
// @ts-ignore: decorator
@inline
function writeTwo(digits: v128, at: usize): usize {
  const given = ~i8x16.bitmask(i8x16.eq(digits, i8x16.splat(0))) | 0x8080;
  const zeros = ctz<i32>(given);
  const more = ctz<i32>(given >> 8);
  const order = v128.load(DIGIT_ORDERS + (((zeros << 3) + more) << 4));
  // The first byte is no digit: it serves as the comma.
  const ascii = v128.or(digits, i8x16(44, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48));
  v128.store(at, i8x16.swizzle(ascii, order));
  return at + 18 - (zeros + more);
}

/** For each two numbers of leading zeros, which bytes `writeTwo` puts one behind another. */
function makeOrders(): void {
  for (let zeros: u32 = 2; zeros < 8; zeros++) {
    for (let more: u32 = 2; more < 8; more++) {
      let at = DIGIT_ORDERS + (((zeros << 3) + more) << 4);
      for (let digit = zeros; digit < 8; digit++) store<u8>(at++, digit);
      store<u8>(at++, 0);
      for (let digit = more; digit < 8; digit++) store<u8>(at++, digit + 8);
      store<u8>(at, 0);
    }
  }
}

/** Numbers below 100 in lanes of 16 bits, as two digits each. */
// @ts-ignore: decorator
@inline
function digitsOfPairs(pairs: v128): v128 {
  const tens = i16x8.shr_u(i16x8.mul(pairs, i16x8.splat(103)), 10);
  return i16x8.sub(i16x8.shl(pairs, 8), i16x8.mul(tens, i16x8.splat((10 << 8) - 1)));
}

function writeOne(id: u32, at: usize): usize {
  return id < SEVEN_DIGITS ? writeEight(eightDigits(id), at) : writeLong(id, at);
}

/** Eight digits of which the first is a zero, without leading zeros, with a comma. Returns the address behind it. */
// @ts-ignore: decorator
@inline
function writeEight(digits: u64, at: usize): usize {
  // Leading zeros are the low bytes: shifted out, they make place for the comma.
  const zeros = ctz<u64>(digits | LAST_DIGIT) & 0x38;
  store<u64>(at, ((digits | ASCII_ZEROS) >> zeros) | (COMMA << (64 - zeros)));
  return at + 9 - (zeros >> 3) as usize;
}

/** An id of eight digits or more, with its comma. Returns the address behind it. */
function writeLong(value: u32, start: usize): usize {
  let at = start;
  if (value >= EIGHT_DIGITS) at = writeHead(value / EIGHT_DIGITS, at);
  store<u64>(at, eightDigits(value % EIGHT_DIGITS) | ASCII_ZEROS);
  store<u8>(at, COMMA as u8, 8);
  return at + 9;
}

/** The digits before the last eight: at most two. */
function writeHead(head: u32, at: usize): usize {
  if (head < 10) {
    store<u8>(at, 48 + head);
    return at + 1;
  }
  store<u8>(at, 48 + head / 10);
  store<u8>(at, 48 + head % 10, 1);
  return at + 2;
}

/** A number below 10^8 as eight bytes of one digit each, the first digit in the lowest byte. */
// @ts-ignore: decorator
@inline
function eightDigits(value: u32): u64 {
  const high = value / 10000;
  const fours = <u64> high | (<u64> (value - high * 10000) << 32);
  // Divisions by multiplication, in two lanes of 32 bits, then four of 16: exact for what fits into them.
  const hundreds = ((fours * 5243) >> 19) & 0x0000007f0000007f;
  const pairs = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((pairs * 103) >> 10) & 0x000f000f000f000f;
  return tens | ((pairs - tens * 10) << 8);
}
