/**
 * Python's arithmetic: integers of any size, floats, and rounding towards minus infinity.
 *
 * @module
 */
import { PythonError } from "./errors.ts";
import { integer } from "./dict.ts";
import { isInt, PyFloat, toInt, type Value } from "./values.ts";

/** An `int`, `bool` or `float`. */
export type Num = number | bigint | boolean | PyFloat;

/** Bits that the result of a power may have: a template cannot eat the memory. */
const POWER_BITS_MAX = 1 << 20;

/** The double of a number. @throws {PythonError} when an integer has none */
export function toDouble(value: Num): number {
  if (value instanceof PyFloat) return value.value;
  const double = Number(value);
  if (!Number.isFinite(double)) throw new PythonError("OverflowError", "int too large to convert to float");
  return double;
}

/** A number that is not a float, of any size. */
export function toBig(value: number | bigint | boolean): bigint {
  return BigInt(value);
}

/** `a <operator> b` of two numbers. */
export function arithmetic(operator: string, a: Num, b: Num): Value {
  if (a instanceof PyFloat || b instanceof PyFloat) return ofFloats(operator, toDouble(a), toDouble(b));
  return ofInts(operator, a, b);
}

function ofInts(operator: string, a: number | bigint | boolean, b: number | bigint | boolean): Value {
  if (typeof a === "number" && typeof b === "number") {
    const result = ofSmall(operator, a, b);
    if (Number.isSafeInteger(result)) return result + 0; // a product may be -0
  }
  const left = toBig(a);
  const right = toBig(b);
  switch (operator) {
    case "+":
      return toInt(left + right);
    case "-":
      return toInt(left - right);
    case "*":
      return toInt(left * right);
    case "/":
      return divide(left, right);
    case "//":
      if (right === 0n) throw zeroDivision("integer division or modulo by zero");
      return toInt((left - floorMod(left, right)) / right);
    case "%":
      if (right === 0n) throw zeroDivision("integer modulo by zero");
      return toInt(floorMod(left, right));
    default:
      return power(left, right);
  }
}

/** The result where doubles give it exactly when it is safe, else NaN. */
function ofSmall(operator: string, a: number, b: number): number {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  return operator === "*" ? a * b : NaN;
}

function floorMod(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return rest !== 0n && (rest < 0n) !== (b < 0n) ? rest + b : rest;
}

function divide(a: bigint, b: bigint): Value {
  if (b === 0n) throw zeroDivision("division by zero");
  return new PyFloat(quotientOf(a, b));
}

/** The double nearest to `a / b`. */
function quotientOf(a: bigint, b: bigint): number {
  const left = toInt(a);
  const right = toInt(b);
  if (typeof left === "number" && typeof right === "number") return left / right;
  // Big operands: enough bits for a double and one that says whether anything is left.
  const shift = BigInt(Math.max(0, 66 - (bitLength(a) - bitLength(b))));
  const scaled = (abs(a) << shift) / abs(b);
  const isExact = (abs(a) << shift) % abs(b) === 0n;
  const quotient = Number((scaled << 1n) | (isExact ? 0n : 1n)) / 2 ** (Number(shift) + 1);
  if (!Number.isFinite(quotient)) {
    throw new PythonError("OverflowError", "integer division result too large for a float");
  }
  return (a < 0n) === (b < 0n) ? quotient : -quotient;
}

function power(base: bigint, exponent: bigint): Value {
  if (exponent < 0n) return floatPower(toDouble(toInt(base)), toDouble(toInt(exponent)));
  if (abs(base) > 1n && exponent * BigInt(bitLength(base)) > BigInt(POWER_BITS_MAX)) {
    throw new PythonError("OverflowError", `Cannot raise to the power ${exponent}: the result is too big`);
  }
  return toInt(base ** exponent);
}

function bitLength(value: bigint): number {
  return abs(value).toString(2).length;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function ofFloats(operator: string, a: number, b: number): Value {
  switch (operator) {
    case "+":
      return new PyFloat(a + b);
    case "-":
      return new PyFloat(a - b);
    case "*":
      return new PyFloat(a * b);
    case "/":
      if (b === 0) throw zeroDivision("float division by zero");
      return new PyFloat(a / b);
    case "//":
      if (b === 0) throw zeroDivision("float floor division by zero");
      return new PyFloat(floatDivMod(a, b)[0]);
    case "%":
      if (b === 0) throw zeroDivision("float modulo");
      return new PyFloat(floatDivMod(a, b)[1]);
    default:
      return floatPower(a, b);
  }
}

/** Python's `divmod` of floats: the rest has the divisor's sign. */
function floatDivMod(a: number, b: number): [number, number] {
  let rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0) {
    if ((b < 0) !== (rest < 0)) {
      rest += b;
      quotient -= 1;
    }
  } else rest = b < 0 ? -0 : 0;
  if (quotient === 0) return [a / b < 0 || Object.is(a / b, -0) ? -0 : 0, rest];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, rest];
}

function floatPower(base: number, exponent: number): Value {
  if (base === 0 && exponent < 0) throw zeroDivision("0.0 cannot be raised to a negative power");
  if (base === 1 || exponent === 0) return new PyFloat(1);
  if (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent)) return new PyFloat(1);
  const result = base ** exponent;
  if (Number.isNaN(result) && !Number.isNaN(base) && !Number.isNaN(exponent)) {
    throw new PythonError(
      "TypeError",
      "Cannot raise a negative number to a fraction: complex numbers are not supported",
    );
  }
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)) {
    throw new PythonError("OverflowError", "(34, 'Numerical result out of range')");
  }
  return new PyFloat(result);
}

function zeroDivision(message: string): PythonError {
  return new PythonError("ZeroDivisionError", message);
}

/** `-value`. */
export function negate(value: Num): Value {
  if (value instanceof PyFloat) return new PyFloat(-value.value);
  return toInt(-toBig(value));
}

/** `abs(value)`. */
export function absolute(value: Num): Value {
  if (value instanceof PyFloat) return new PyFloat(Math.abs(value.value));
  return toInt(abs(toBig(value)));
}

/** -1, 0 or 1; NaN when one is not a number. */
export function compareNumbers(a: Num, b: Num): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const left = a instanceof PyFloat ? a.value : typeof a === "boolean" ? Number(a) : a;
  const right = b instanceof PyFloat ? b.value : typeof b === "boolean" ? Number(b) : b;
  if (left < right) return -1;
  if (left > right) return 1;
  return left <= right ? 0 : NaN;
}

/** `int(value)` of a number: towards zero. @throws {PythonError} when it is infinite or not a number */
export function truncate(value: Num): number | bigint {
  if (isInt(value)) return toInt(toBig(value));
  if (Number.isNaN(value.value)) throw new PythonError("ValueError", "cannot convert float NaN to integer");
  if (!Number.isFinite(value.value)) {
    throw new PythonError("OverflowError", "cannot convert float infinity to integer");
  }
  return integer(Math.trunc(value.value));
}

/** What Python's `int(str, base)` reads, or null when it reads none. */
export function parseInteger(digits: string, base = 10): number | bigint | null {
  const text = asciiDigits(digits);
  const match = /^([+-]?)(?:0([box])_?)?([\da-z]+(?:_[\da-z]+)*)$/i.exec(text);
  if (match === null) return parsePlain(text, base);
  const prefixBase = { b: 2, o: 8, x: 16 }[match[2]?.toLowerCase() ?? ""];
  if (prefixBase === undefined || (base !== 0 && base !== prefixBase)) return parsePlain(text, base);
  return digitsToInt(match[1]!, match[3]!, prefixBase);
}

function parsePlain(text: string, base: number): number | bigint | null {
  const match = /^([+-]?)([\da-z]+(?:_[\da-z]+)*)$/i.exec(text);
  if (match === null) return null;
  if (base === 0 && /^0+[1-9]/.test(match[2]!.replaceAll("_", ""))) return null;
  return digitsToInt(match[1]!, match[2]!, base === 0 ? 10 : base);
}

function digitsToInt(sign: string, text: string, base: number): number | bigint | null {
  let result = 0n;
  for (const char of text.replaceAll("_", "").toLowerCase()) {
    const digit = parseInt(char, 36);
    if (digit >= base) return null;
    result = result * BigInt(base) + BigInt(digit);
  }
  return toInt(sign === "-" ? -result : result);
}

/** What Python's `float(str)` reads, or null when it reads none. `text` is stripped. */
export function parseDouble(digits: string): number | null {
  const text = asciiDigits(digits);
  const match =
    /^([+-]?)(?:(inf|infinity)|(nan)|((?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?))$/i
      .exec(text);
  if (match === null) return null;
  if (match[2] !== undefined) return match[1] === "-" ? -Infinity : Infinity;
  if (match[3] !== undefined) return NaN;
  if (!/^\.?\d/.test(match[4]!)) return null;
  return Number(match[1] + match[4]!.replaceAll("_", ""));
}

/** Decimal digits of any script as those of ASCII. */
function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0)!;
    let first = code;
    while (DECIMAL.test(String.fromCodePoint(first - 1))) first--;
    // Digits come in runs of tens that begin with a zero.
    return String((code - first) % 10);
  });
}
const DECIMAL = /^\p{Nd}$/u;
