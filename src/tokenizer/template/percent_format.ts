/**
 * Python's `text % values`.
 *
 * @module
 */
import { stringRepr } from "../python_repr.ts";
import { codePointLength } from "./code_points.ts";
import { PyDict } from "./dict.ts";
import { typeError, valueError } from "./errors.ts";
import { formatDouble, isNegative } from "./number_format.ts";
import { toBig, toDouble, truncate } from "./numbers.ts";
import { repr, str } from "./text.ts";
import {
  isInt,
  isNumber,
  isStr,
  PyFloat,
  PyTuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

const DIRECTIVE = /%(?:\(((?:[^()]|\([^()]*\))*)\))?([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?([\s\S]?)/gu;

interface Directive {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | null;
  readonly kind: string;
}

/** Digits after the point where none are asked for. */
const PRECISION_DEFAULT = 6;

/** Fills `values`, a tuple or one value, into `template`. */
export function percentFormat(template: string, values: Value): string {
  const args = new PercentArguments(values);
  let isEmpty = true;
  const text = template.replace(DIRECTIVE, (whole, key, flags, width, precision, kind) => {
    if (whole === "%%") return "%";
    isEmpty = false;
    const directive = readDirective(args, flags, width, precision, kind);
    const text = convert(key === undefined ? args.next() : args.named(key), directive);
    return text;
  });
  args.finish(isEmpty);
  return text;
}

function readDirective(
  args: PercentArguments,
  flags: string,
  width: string | undefined,
  precision: string | undefined,
  kind: string,
): Directive {
  const size = width === "*" ? args.nextCount() : Number(width || 0);
  return {
    flags: size < 0 ? flags + "-" : flags,
    width: Math.abs(size),
    precision: precision === undefined
      ? null
      : precision === "*"
      ? Math.max(0, args.nextCount())
      : Number(precision),
    kind,
  };
}

class PercentArguments {
  readonly #items: readonly Value[];
  readonly #values: Value;
  #next = 0;

  constructor(values: Value) {
    this.#values = values;
    this.#items = values instanceof PyTuple ? values.items : [values];
  }

  next(): Value {
    if (this.#next >= this.#items.length) throw typeError("not enough arguments for format string");
    return this.#items[this.#next++]!;
  }

  nextCount(): number {
    const value = this.next();
    if (!isInt(value)) throw typeError("* wants int");
    return Number(value);
  }

  named(key: string): Value {
    if (!(this.#values instanceof PyDict)) throw typeError("format requires a mapping");
    const value = this.#values.getText(key);
    if (value === undefined) throw valueError(stringRepr(key));
    this.#next = this.#items.length;
    return value;
  }

  /** Values that nothing asked for are an error, except those that have names or indices. */
  finish(_isEmpty: boolean): void {
    if (this.#next >= this.#items.length || this.#hasItems()) return;
    throw typeError("not all arguments converted during string formatting");
  }

  #hasItems(): boolean {
    const values = this.#values;
    return values instanceof PyDict || Array.isArray(values) || values instanceof Undefined ||
      typeName(values) === "range";
  }
}

function convert(value: Value, directive: Directive): string {
  const { kind, precision } = directive;
  if (kind === "s" || kind === "r" || kind === "a") {
    const text = kind === "s" ? str(value) : kind === "r" ? repr(value) : asciiRepr(value);
    return padText(precision === null ? text : Array.from(text).slice(0, precision).join(""), directive);
  }
  if (kind === "c") return padText(charOf(value), directive);
  if ("diuoxX".includes(kind) && kind !== "") return integerText(value, directive);
  if ("eEfFgG".includes(kind) && kind !== "") return doubleText(value, directive);
  if (kind === "") throw valueError("incomplete format");
  throw valueError(`unsupported format character '${kind}' (0x${kind.codePointAt(0)!.toString(16)})`);
}

/** `ascii(value)`. */
export function asciiRepr(value: Value): string {
  // deno-lint-ignore no-control-regex -- control characters are meant
  return repr(value).replace(/[^\x00-\x7f]/gu, (char) => {
    const code = char.codePointAt(0)!;
    if (code <= 0xff) return "\\x" + code.toString(16);
    return code <= 0xffff
      ? "\\u" + code.toString(16).padStart(4, "0")
      : "\\U" + code.toString(16).padStart(8, "0");
  });
}

function charOf(value: Value): string {
  if (isInt(value)) return String.fromCodePoint(Number(value));
  if (isStr(value) && codePointLength(textOf(value)) === 1) return textOf(value);
  throw typeError("%c requires int or char");
}

function integerText(value: Value, directive: Directive): string {
  const { kind, flags, precision } = directive;
  if (!isNumber(value) || (value instanceof PyFloat && "oxX".includes(kind))) {
    if (value instanceof Undefined && !"oxX".includes(kind)) throw value.error();
    const needed = "oxX".includes(kind) ? "an integer is" : "a real number is";
    throw typeError(`%${kind} format: ${needed} required, not ${typeName(value)}`);
  }
  const number = toBig(truncate(value));
  const base = kind === "o" ? 8 : kind === "x" || kind === "X" ? 16 : 10;
  const digits = (number < 0n ? -number : number).toString(base).padStart(precision ?? 0, "0");
  const prefix = flags.includes("#") && base !== 10 ? `0${kind}` : "";
  return padNumber(number < 0n, prefix, kind === "X" ? digits.toUpperCase() : digits, directive);
}

function doubleText(value: Value, directive: Directive): string {
  if (value instanceof Undefined) throw value.error();
  if (!isNumber(value)) throw typeError(`must be real number, not ${typeName(value)}`);
  const number = toDouble(value);
  const { kind, flags, precision } = directive;
  const digits = formatDouble(number, kind, precision ?? PRECISION_DEFAULT, flags.includes("#"));
  return padNumber(isNegative(number), "", digits, directive);
}

function padNumber(
  isBelowZero: boolean,
  prefix: string,
  digits: string,
  { flags, width }: Directive,
): string {
  const sign = isBelowZero ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const zeros = flags.includes("0") && !flags.includes("-") ? width - sign.length - prefix.length : 0;
  const text = sign + prefix + digits.padStart(zeros, "0");
  return flags.includes("-") ? text.padEnd(width) : text.padStart(width);
}

function padText(text: string, { flags, width }: Directive): string {
  const padding = " ".repeat(Math.max(0, width - codePointLength(text)));
  return flags.includes("-") ? text + padding : padding + text;
}
