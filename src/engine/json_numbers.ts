/**
 * Reads numbers out of JSON bytes without a string or an object in between.
 *
 * @module
 */

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** Significant digits held in two halves, each of which a double holds exactly. */
const HALF_DIGITS = 9;
/** Powers of ten up to this one are doubles without error. */
const EXACT_POWER_MAX = 22;
const POWERS = Float64Array.from({ length: EXACT_POWER_MAX + 1 }, (_, i) => Number(`1e${i}`));
/** Splits a double into halves of 26 bits (Dekker 1971). */
const SPLITTER = 2 ** 27 + 1;
/** A number's digits on their way to {@link quotient}, high ones first: handed over as arguments they would be objects. */
const halves = new Float64Array(2);
/** Above the relative error of the quotient's second part, which is below 2^-51. */
const QUOTIENT_ERROR = 2 ** -48;

/**
 * A cursor over JSON bytes. Its readers advance {@link JsonBytes.at}; what is not as they expect makes them return false
 * or NaN, and the cursor is then of no use.
 */
export class JsonBytes {
  bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Goes on elsewhere. */
  moveTo(bytes: Uint8Array, at: number): void {
    this.bytes = bytes;
    this.at = at;
  }

  /** The next byte that is no space; NaN at the end. */
  peek(): number {
    const { bytes } = this;
    while (this.at < bytes.length) {
      const byte = bytes[this.at] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.at++;
    }
    return NaN;
  }

  /** Steps over `byte`, and over space before it; false when something else comes. */
  take(byte: number): boolean {
    if (this.bytes[this.at] !== byte && this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  /** A number without sign, fraction and exponent, of at most 15 digits; NaN for anything else. */
  integer(): number {
    const { bytes } = this;
    const { length } = bytes;
    const start = this.at;
    let at = start;
    let value = 0;
    for (; at < length; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = at - start;
    // `01` is no number.
    if (digits === 0 || digits > 15 || (digits > 1 && bytes[start] === ZERO) || isNumberGoingOn(bytes[at])) {
      return NaN;
    }
    this.at = at;
    return value;
  }

  /**
   * Any number, rounded as `JSON.parse` rounds it; false when there is none. Written, not returned: a number returned is an
   * object on the heap.
   *
   * Up to 18 significant digits w over a power of ten up to 10^22: w is the sum of two doubles, and so is its quotient, with
   * an error of some 2^-104. Unless that leaves the last bit open, the sum of the two parts is the nearest double. Else,
   * and for longer numbers, `Number` reads the digits.
   */
  number(into: Float64Array, index: number): boolean {
    const { bytes } = this;
    const { length } = bytes;
    const start = this.at;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let high = 0;
    for (; at < length; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      high = high * 10 + digit;
    }
    const whole = at - first;
    // A digit before the point, no zero before another digit.
    if (whole === 0 || (whole > 1 && bytes[first] === ZERO)) return false;
    let low = 0;
    let lowDigits = 0;
    let scale = 0;
    if (bytes[at] === POINT) {
      const fraction = ++at;
      const highEnd = Math.min(length, fraction + HALF_DIGITS - whole);
      let digit = 0;
      for (; at < highEnd; at++) {
        digit = (bytes[at] as number) - ZERO;
        if (digit < 0 || digit > 9) break;
        high = high * 10 + digit;
      }
      const highAt = at;
      for (; at < length; at++) {
        digit = (bytes[at] as number) - ZERO;
        if (digit < 0 || digit > 9) break;
        low = low * 10 + digit;
      }
      if (at === fraction) return false;
      lowDigits = at - highAt;
      scale = at - fraction;
    }
    let isPlain = whole <= HALF_DIGITS && lowDigits <= HALF_DIGITS;
    if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
      at = endOfExponent(bytes, at + 1);
      if (at < 0) return false;
      isPlain = false;
    }
    this.at = at;
    halves[0] = high;
    halves[1] = low;
    if (!isPlain || !quotient(lowDigits, scale, into, index)) into[index] = Number(latin1(bytes, start, at));
    else if (isNegative) into[index] = -into[index]!;
    return true;
  }
}

/** (high · 10^lowDigits + low) ÷ 10^scale, nearest double; false when the last bit stays open. */
function quotient(lowDigits: number, scale: number, into: Float64Array, index: number): boolean {
  const high = halves[0] as number;
  const low = halves[1] as number;
  // 30 bits times the 21 bits of 5^9: exact.
  const shifted = high * (POWERS[lowDigits] as number);
  const sum = shifted + low;
  const rest = low - (sum - shifted);
  const divisor = POWERS[scale] as number;
  const first = sum / divisor;
  if (rest === 0 && sum <= Number.MAX_SAFE_INTEGER) {
    into[index] = first;
    return true;
  }
  const second = (remainder(sum, first, divisor) + rest) / divisor;
  const error = Math.abs(second) * QUOTIENT_ERROR;
  const value = first + (second - error);
  into[index] = value;
  return value === first + (second + error);
}

/** sum − first · divisor, exactly: the product is had in two parts. */
function remainder(sum: number, first: number, divisor: number): number {
  const product = first * divisor;
  const a = SPLITTER * first;
  const firstHigh = a - (a - first);
  const firstLow = first - firstHigh;
  const b = SPLITTER * divisor;
  const divisorHigh = b - (b - divisor);
  const divisorLow = divisor - divisorHigh;
  const tail = ((firstHigh * divisorHigh - product) + firstHigh * divisorLow + firstLow * divisorHigh) +
    firstLow * divisorLow;
  return (sum - product) - tail;
}

/** Index behind an exponent's digits; -1 when there are none. */
function endOfExponent(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === PLUS || bytes[from] === MINUS ? from + 1 : from;
  const first = at;
  while ((bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
  return at > first ? at : -1;
}

function isNumberGoingOn(byte: number | undefined): boolean {
  return byte === POINT || byte === LOWER_E || byte === UPPER_E;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}
