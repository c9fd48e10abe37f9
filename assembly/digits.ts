/** Token ids written as JSON digits. */

/** Most bytes that one id takes: ten digits and a comma. */
export const DIGITS_MAX: u32 = 11;

/** Writes `count` ids as decimal digits, a comma between two. Returns the number of bytes. */
export function writeDigits(ids: usize, count: u32, out: usize): u32 {
  let at = out;
  for (let i: u32 = 0; i < count; i++) {
    let id = load<u32>(ids + (<usize> i << 2));
    const end = at + digitCount(id);
    let place = end;
    while (id >= 100) {
      const rest = id / 100;
      const pair = id - rest * 100;
      place -= 2;
      store<u16>(place, asciiPair(pair));
      id = rest;
    }
    if (id >= 10) store<u16>(place - 2, asciiPair(id));
    else store<u8>(place - 1, 48 + id);
    store<u8>(end, 44);
    at = end + 1;
  }
  return count == 0 ? 0 : (at - out) as u32 - 1;
}

/** Two digits, the higher first in memory. */
// @ts-ignore: decorator
@inline
function asciiPair(pair: u32): u16 {
  const tens = (pair * 103) >> 10;
  return (0x3030 | tens | ((pair - tens * 10) << 8)) as u16;
}

// @ts-ignore: decorator
@inline
function digitCount(id: u32): u32 {
  if (id < 1000) return id < 10 ? 1 : id < 100 ? 2 : 3;
  if (id < 1000000) return id < 10000 ? 4 : id < 100000 ? 5 : 6;
  if (id < 100000000) return id < 10000000 ? 7 : 8;
  return id < 1000000000 ? 9 : 10;
}
