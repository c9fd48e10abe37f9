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

/** Vectors behind the orders of DIGIT_ORDERS: engines make a constant anew each time that it is used in a loop. */
const CONSTANTS: usize = DIGIT_ORDERS + 1024;
const LIMIT: usize = 0;
const BY_10000: usize = 16;
const LESS_10000: usize = 32;
const BY_100: usize = 48;
const LESS_100: usize = 64;
const BY_10: usize = 80;
const LESS_10: usize = 96;
const ASCII: usize = 112;
/** A number of 16 bits twice in 32. */
const PAIR: u32 = 0x10001;
/** The numbers of a vector's bytes. */
const FIRST_EIGHT: u64 = 0x0706050403020100;
const LAST_EIGHT: u64 = 0x0f0e0d0c0b0a0908;

/** Writes `count` ids as decimal digits, a comma between two. Returns the number of bytes. */
export function writeDigits(ids: usize, count: u32, out: usize): u32 {
  if (load<u32>(CONSTANTS + LIMIT) == 0) makeTables();
  const limit = v128.load(CONSTANTS, LIMIT);
  const by10000 = v128.load(CONSTANTS, BY_10000);
  const less10000 = v128.load(CONSTANTS, LESS_10000);
  const by100 = v128.load(CONSTANTS, BY_100);
  const less100 = v128.load(CONSTANTS, LESS_100);
  const by10 = v128.load(CONSTANTS, BY_10);
  const less10 = v128.load(CONSTANTS, LESS_10);
  const ascii = v128.load(CONSTANTS, ASCII);
  let at = out;
  const end = ids + (<usize> count << 2);
  let id = ids;
  for (; id + 16 <= end; id += 16) {
    const four = v128.load(id);
    if (v128.any_true(i32x4.ge_u(four, limit))) {
      for (let one = id; one < id + 16; one += 4) at = writeOne(load<u32>(one), at);
      continue;
    }
    // x / 10000 is x / 16 / 625; x / 100 is 64 * x / 100, rounded, / 64: exact for these, as are the other factors.
    const high = i32x4.shr_u(i32x4.mul(i32x4.shr_u(four, 4), by10000), 22);
    // Quotient and remainder side by side, in one step: what the shifted number has too much of is taken away.
    const fours = i32x4.sub(i32x4.shl(four, 16), i32x4.mul(high, less10000));
    const hundreds = i16x8.shr_u(i16x8.q15mulr_sat_s(fours, by100), 6);
    const pairs = i16x8.sub(fours, i16x8.mul(hundreds, less100));
    const lower = i16x8.shuffle(hundreds, pairs, 0, 8, 1, 9, 2, 10, 3, 11);
    const upper = i16x8.shuffle(hundreds, pairs, 4, 12, 5, 13, 6, 14, 7, 15);
    at = writeTwo(digitsOfPairs(lower, by10, less10), ascii, at);
    at = writeTwo(digitsOfPairs(upper, by10, less10), ascii, at);
  }
  for (; id < end; id += 4) at = writeOne(load<u32>(id), at);
  return count == 0 ? 0 : (at - out) as u32 - 1;
}

/** Numbers below 100 in lanes of 16 bits, as two digits each. */
// @ts-ignore: decorator
@inline
function digitsOfPairs(pairs: v128, by10: v128, less10: v128): v128 {
  const tens = i16x8.shr_u(i16x8.mul(pairs, by10), 10);
  return i16x8.sub(i16x8.shl(pairs, 8), i16x8.mul(tens, less10));
}

/** Two ids of at most six digits, each in the upper six of eight bytes, with their commas. */
// @ts-ignore: decorator
@inline
function writeTwo(digits: v128, ascii: v128, at: usize): usize {
  const given = ~i8x16.bitmask(i8x16.eq(digits, i8x16.splat(0))) | 0x8080;
  const zeros = ctz<i32>(given);
  const more = ctz<i32>(given >> 8);
  const order = v128.load(DIGIT_ORDERS + (((zeros << 3) + more) << 4));
  v128.store(at, i8x16.swizzle(v128.or(digits, ascii), order));
  return at + 18 - (zeros + more);
}

/** The constants; and for each two numbers of leading zeros, which bytes `writeTwo` puts one behind another. */
function makeTables(): void {
  store<u32>(CONSTANTS, VECTOR_IDS_MAX, LIMIT);
  store<u32>(CONSTANTS, 6711, BY_10000);
  store<u32>(CONSTANTS, (10000 << 16) - 1, LESS_10000);
  store<u32>(CONSTANTS, 20971 * PAIR, BY_100);
  store<u32>(CONSTANTS, 100 * PAIR, LESS_100);
  store<u32>(CONSTANTS, 103 * PAIR, BY_10);
  store<u32>(CONSTANTS, ((10 << 8) - 1) * PAIR, LESS_10);
  store<u32>(CONSTANTS, 0x30303030, ASCII);
  for (let at = CONSTANTS; at <= CONSTANTS + ASCII; at += 16) v128.store(at, i32x4.splat(load<u32>(at)));
  // The first byte is never a digit: it serves as the comma.
  store<u8>(CONSTANTS, COMMA as u8, ASCII);
  for (let zeros: u32 = 2; zeros < 8; zeros++) {
    for (let more: u32 = 2; more < 8; more++) {
      const at = DIGIT_ORDERS + (((zeros << 3) + more) << 4);
      store<u64>(at, FIRST_EIGHT >> (zeros << 3));
      store<u64>(at - zeros, LAST_EIGHT >> (more << 3), 9);
    }
  }
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
