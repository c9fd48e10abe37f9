/**
 * How Python writes and rounds floats. Digits are exact: they come from the fraction that the double is.
 *
 * @module
 */

/** Exponents at and beyond which `repr` writes `e`. */
const REPR_EXPONENT_MIN = -4;
const REPR_EXPONENT_MAX = 16;

/** `repr(float)`: the fewest digits that give the same double, `1.0`, `1e+16`, `nan`, `inf`. */
export function floatRepr(value: number): string {
  if (!Number.isFinite(value)) return nonFinite(value);
  const [mantissa, exponentText] = value.toExponential().split("e") as [string, string];
  const exponent = Number(exponentText);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent >= REPR_EXPONENT_MIN && exponent < REPR_EXPONENT_MAX) {
    return sign + placePoint(digits, exponent, 1);
  }
  const fraction = digits.length > 1 ? "." + digits.slice(1) : "";
  return `${sign}${digits[0]}${fraction}e${exponentOf(exponent)}`;
}

/** `nan`, `inf` or `-inf`. */
export function nonFinite(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return value < 0 ? "-inf" : "inf";
}

/** An exponent as Python has it: a sign and two digits at least. */
export function exponentOf(exponent: number): string {
  return (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}

/** Digits with the point after the digit of 10^0, and `fractionMin` digits after it at least. */
export function placePoint(digits: string, exponent: number, fractionMin = 0): string {
  if (exponent < 0) return "0." + "0".repeat(-exponent - 1) + digits;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1).padEnd(fractionMin, "0");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** `abs(value) * 10^power`, rounded to an integer, half to even. `value` is finite. */
export function scaledRound(value: number, power: number): bigint {
  let [numerator, denominator] = fractionOf(Math.abs(value));
  if (power >= 0) numerator *= 10n ** BigInt(power);
  else denominator *= 10n ** BigInt(-power);
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const roundsUp = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return roundsUp ? quotient + 1n : quotient;
}

/** The fraction that a finite double is, exactly. */
export function fractionOf(value: number): [bigint, bigint] {
  let denominator = 1n;
  let numerator = value;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    denominator *= 2n;
  }
  return [BigInt(numerator), denominator];
}

/** `round(value, digits)` of a finite float. */
export function roundFloat(value: number, digits: number): number {
  // Beyond these a double has no digits to round, or none left.
  if (digits > 323 || value === 0) return value;
  const sign = value < 0 ? "-" : "";
  if (digits < -308) return Number(sign + "0");
  return Number(`${sign}${scaledRound(value, digits)}e${-digits}`);
}

/** `abs(value)` in the form of `%f`. */
export function fixedDigits(value: number, precision: number): string {
  const digits = scaledRound(value, precision).toString().padStart(precision + 1, "0");
  return precision === 0 ? digits : `${digits.slice(0, -precision)}.${digits.slice(-precision)}`;
}

/** `abs(value)` as `precision + 1` digits and the exponent of the first: what `%e` and `%g` write. */
export function exponentDigits(value: number, precision: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: "0".repeat(precision + 1), exponent: 0 };
  const exponent = Number(value.toExponential().split("e")[1]);
  const digits = scaledRound(value, precision - exponent).toString();
  // Rounding 9.99 up gives a digit more.
  if (digits.length > precision + 1) return { digits: digits.slice(0, -1), exponent: exponent + 1 };
  return { digits, exponent };
}
