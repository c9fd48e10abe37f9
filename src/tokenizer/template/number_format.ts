/**
 * Numbers as Python's `%` and `format` write them.
 *
 * @module
 */
import { exponentDigits, exponentOf, fixedDigits, nonFinite, placePoint } from "../python_float.ts";

/** The digits of `abs(value)` under `e`, `f` or `g`, upper case for `E`, `F`, `G`. `alternate` is the flag `#`. */
export function formatDouble(value: number, kind: string, precision: number, alternate = false): string {
  if (!Number.isFinite(value)) return cased(nonFinite(value).replace("-", ""), kind);
  const magnitude = Math.abs(value);
  switch (kind.toLowerCase()) {
    case "f":
      return fixedDigits(magnitude, precision) + (alternate && precision === 0 ? "." : "");
    case "e":
      return cased(exponential(magnitude, precision, alternate), kind);
    default:
      return cased(general(magnitude, precision || 1, alternate), kind);
  }
}

function cased(text: string, kind: string): string {
  return kind === kind.toUpperCase() ? text.toUpperCase() : text;
}

function exponential(value: number, precision: number, alternate: boolean): string {
  const { digits, exponent } = exponentDigits(value, precision);
  const point = precision > 0 || alternate ? "." : "";
  return `${digits[0]}${point}${digits.slice(1)}e${exponentOf(exponent)}`;
}

/** As few digits as say it: fixed in the middle of the scale, exponential at its ends. */
function general(value: number, precision: number, alternate: boolean): string {
  const { digits, exponent } = exponentDigits(value, precision - 1);
  const isExponential = exponent < -4 || exponent >= precision;
  const kept = alternate ? digits : digits.replace(/(?!^)0+$/, "");
  if (!isExponential) {
    const text = placePoint(kept, exponent);
    return alternate && !text.includes(".") ? text + "." : text;
  }
  const fraction = kept.length > 1 || alternate ? "." + kept.slice(1) : "";
  return `${kept[0]}${fraction}e${exponentOf(exponent)}`;
}

/** Whether a sign goes before a double. */
export function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** Text with `fill` around it up to `width` code points. */
export function align(
  text: string,
  length: number,
  width: number,
  how: "<" | ">" | "^",
  fill: string,
): string {
  const missing = width - length;
  if (missing <= 0) return text;
  if (how === "<") return text + fill.repeat(missing);
  if (how === ">") return fill.repeat(missing) + text;
  const left = Math.floor(missing / 2);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
