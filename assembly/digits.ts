/** Token ids written as JSON digits, eight at a time and without branches: ids are random, so branches mispredict. */

/** Most bytes that one id takes: ten digits and a comma. */
export const DIGITS_MAX: u32 = 11;
/** Bytes behind the last digit that may be written over. */
export const DIGITS_SLACK: u32 = 16;

/** Least numbers of more than seven and of more than eight digits. */
const SEVEN_DIGITS: u32 = 10000000;
const EIGHT_DIGITS: u32 = 100000000;
const COMMA: u64 = 44;
/** A bit in the byte of the last digit, which stays also when it is 0. */
const LAST_DIGIT: u64 = 0x0100000000000000;
const ASCII_ZEROS: u64 = 0x3030303030303030;

/** Writes `count` ids as decimal digits, a comma between two. Returns the number of bytes. */
export function writeDigits(ids: usize, count: u32, out: usize): u32 {
  let at = out;
  const end = ids + (<usize> count << 2);
  for (let id = ids; id < end; id += 4) {
    const value = load<u32>(id);
    if (value >= SEVEN_DIGITS) {
      at = writeLong(value, at);
      continue;
    }
    // The first digit is a zero, and leading zeros are the low bytes: shifted out, they make place for the comma.
    const digits = eightDigits(value);
    const zeros = ctz<u64>(digits | LAST_DIGIT) & 0x38;
    store<u64>(at, ((digits | ASCII_ZEROS) >> zeros) | (COMMA << (64 - zeros)));
    at += 9 - (zeros >> 3) as usize;
  }
  return count == 0 ? 0 : (at - out) as u32 - 1;
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
