/**
 * Python's `format(value, specification)`: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
 *
 * @module
 */
import { codePointLength } from "./code_points.ts";
import { typeError, valueError } from "./errors.ts";
import { align, formatDouble, isNegative } from "./number_format.ts";
import { toBig, toDouble } from "./numbers.ts";
import { str } from "./text.ts";
import { isInt, isNumber, isStr, PyFloat, textOf, typeName, Undefined, type Value } from "./values.ts";

interface Spec {
  readonly fill: string;
  readonly how: "<" | ">" | "^" | "=" | "";
  readonly sign: string;
  /** `z`: a zero has no minus. */
  readonly plainZero: boolean;
  readonly alternate: boolean;
  readonly zero: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | null;
  readonly kind: string;
}

const SPEC = /^(?:([\s\S])?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([\s\S]?)$/u;
/** Digits after the point where none are asked for. */
const PRECISION_DEFAULT = 6;

/** `format(value, specification)`. */
export function formatValue(value: Value, specification: string): string {
  if (specification === "") return str(value);
  const spec = parse(specification, value);
  if (isStr(value)) return formatText(textOf(value), spec);
  if (typeof value === "boolean" && spec.kind === "") return formatInteger(BigInt(value), spec);
  if (value instanceof PyFloat || (isInt(value) && "eEfFgG%".includes(spec.kind) && spec.kind !== "")) {
    return formatFloat(toDouble(value), spec, value instanceof PyFloat);
  }
  if (isInt(value)) return formatInteger(toBig(value), spec);
  throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
}

function parse(specification: string, value: Value): Spec {
  const match = SPEC.exec(specification);
  if (match === null) {
    if (!isNumber(value) && !isStr(value) || value instanceof Undefined) {
      throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
    }
    throw valueError(`Invalid format specifier '${specification}' for object of type '${typeName(value)}'`);
  }
  const [, fill, how, sign, plainZero, alternate, zero, width, grouping, precision, kind] = match;
  return {
    fill: fill ?? (zero === "0" && how === undefined ? "0" : " "),
    how: (how ?? "") as Spec["how"],
    sign: sign!,
    plainZero: plainZero === "z",
    alternate: alternate === "#",
    zero: zero === "0",
    width: Number(width || 0),
    grouping: grouping!,
    precision: precision === undefined ? null : Number(precision),
    kind: kind!,
  };
}

function formatText(text: string, spec: Spec): string {
  const { kind, how, precision, zero } = spec;
  if (kind !== "" && kind !== "s") throw unknownKind(kind, "str");
  if (spec.grouping !== "") throw valueError(`Cannot specify '${spec.grouping}' with 's'.`);
  if (spec.plainZero) throw valueError("Negative zero coercion (z) not allowed in string format specifier");
  if (spec.sign !== "") throw valueError("Sign not allowed in string format specifier");
  if (how === "=") throw valueError("'=' alignment not allowed in string format specifier");
  const cut = precision === null ? text : Array.from(text).slice(0, precision).join("");
  return align(
    cut,
    codePointLength(cut),
    spec.width,
    how === "" ? "<" : how,
    zero && how === "" ? "0" : spec.fill,
  );
}

function formatInteger(value: bigint, spec: Spec): string {
  const { kind } = spec;
  if (spec.plainZero) throw valueError("Negative zero coercion (z) not allowed in integer format specifier");
  if (spec.precision !== null) throw valueError("Precision not allowed in integer format specifier");
  if (kind === "c") return padded("", String.fromCodePoint(Number(value)), spec, "<");
  const base = { "": 10, d: 10, n: 10, b: 2, o: 8, x: 16, X: 16 }[kind];
  if (base === undefined) throw unknownKind(kind, "int");
  const digits = (value < 0n ? -value : value).toString(base);
  const prefix = spec.alternate && base !== 10 ? `0${kind}` : "";
  const sign = signOf(value < 0n, spec) + prefix;
  return padded(
    sign,
    grouped(kind === "X" ? digits.toUpperCase() : digits, spec, base === 10 ? 3 : 4, sign),
    spec,
  );
}

function formatFloat(value: number, spec: Spec, isFloat: boolean): string {
  const { kind, precision, alternate } = spec;
  let digits: string;
  if (kind === "%") digits = formatDouble(value * 100, "f", precision ?? PRECISION_DEFAULT, alternate) + "%";
  else if (kind === "" && precision === null && isFloat) {
    digits = str(new PyFloat(Math.abs(value)));
  } else if (kind === "") digits = plain(value, precision!);
  else if ("eEfFgGn".includes(kind)) {
    digits = formatDouble(value, kind === "n" ? "g" : kind, precision ?? PRECISION_DEFAULT, alternate);
  } else throw unknownKind(kind, "float");
  const isZero = spec.plainZero && !/[1-9]/.test(digits.split(/e/i)[0]!);
  const sign = signOf(isNegative(value) && !isZero, spec);
  return padded(sign, grouped(digits, spec, 3, sign), spec);
}

/** Without a type: as `g`, but with a digit after the point. */
function plain(value: number, precision: number): string {
  const text = formatDouble(value, "g", precision);
  const exponent = Number(text.split("e")[1] ?? NaN);
  if (Number.isFinite(value) && Number.isNaN(exponent) && !text.includes(".")) {
    return text.length < Math.max(precision, 1) || precision === 0
      ? text + ".0"
      : exponentForm(value, precision);
  }
  return text;
}

function exponentForm(value: number, precision: number): string {
  return formatDouble(value, "e", precision - 1).replace(/\.?0+e/, "e");
}

function signOf(isBelowZero: boolean, { sign }: Spec): string {
  if (isBelowZero) return "-";
  return sign === "+" || sign === " " ? sign : "";
}

/** Digits in groups; zeros that fill the width are grouped too. */
function grouped(digits: string, spec: Spec, size: number, sign: string): string {
  if (spec.grouping === "") return digits;
  const [, whole, rest] = /^([\da-fA-F]*)([\s\S]*)$/.exec(digits)!;
  const group = (text: string) => text.replace(new RegExp(`(?!^)(?=(?:.{${size}})+$)`, "g"), spec.grouping);
  let text = group(whole!);
  if (spec.fill === "0" && (spec.how === "" || spec.how === "=")) {
    let padded = whole!;
    while (text.length + rest!.length + sign.length < spec.width) text = group(padded = "0" + padded);
  }
  return text + rest;
}

function padded(sign: string, digits: string, spec: Spec, otherwise: "<" | ">" = ">"): string {
  const how = spec.how === "" ? (spec.zero ? "=" : otherwise) : spec.how;
  if (how === "=") return sign + align(digits, digits.length + sign.length, spec.width, ">", spec.fill);
  return align(sign + digits, sign.length + codePointLength(digits), spec.width, how, spec.fill);
}

function unknownKind(kind: string, type: string): Error {
  return valueError(`Unknown format code '${kind}' for object of type '${type}'`);
}
