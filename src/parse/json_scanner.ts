/**
 * One JSON value, checked as it arrives: where it ends, and whether it is JSON at all. Nothing is decoded or kept.
 *
 * @module
 */

/** Deepest nesting that counts as JSON here. Python's reader stops near it too. */
export const JSON_DEPTH_MAX = 1000;

/** What the scanner waits for. */
type Expectation =
  | "value"
  | "first_element"
  | "first_key"
  | "key"
  | "colon"
  | "comma"
  | "string"
  | "escape"
  | "hex"
  | "number"
  | "literal"
  | "done"
  | "failed";

/** After which part of a number a unit may stand, and where it leads. Capital letters end a number properly. */
const NUMBER_STEPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sign: { "0": "ZERO", d: "INT" },
  ZERO: { ".": "point", e: "exponent" },
  INT: { "0": "INT", d: "INT", ".": "point", e: "exponent" },
  point: { "0": "FRACTION", d: "FRACTION" },
  FRACTION: { "0": "FRACTION", d: "FRACTION", e: "exponent" },
  exponent: { "0": "EXPONENT", d: "EXPONENT", s: "exponent_sign" },
  exponent_sign: { "0": "EXPONENT", d: "EXPONENT" },
  EXPONENT: { "0": "EXPONENT", d: "EXPONENT" },
};

/** The column of `NUMBER_STEPS` that a unit belongs to; "" for one that no number has. */
function numberUnitKind(unit: string): string {
  if (unit >= "1" && unit <= "9") return "d";
  if (unit === "E") return "e";
  if (unit === "+" || unit === "-") return "s";
  return unit === "0" || unit === "." || unit === "e" ? unit : "";
}

const WHITE_SPACE = /[ \t\n\r]*/y;
// deno-lint-ignore no-control-regex
const STRING_RUN = /[^"\\\u0000-\u001f]*/y;

/**
 * Scans one value of RFC 8259, white space before it included.
 *
 * @example
 * ```ts
 * import { JsonScanner } from "./json_scanner.ts";
 *
 * const scanner = new JsonScanner();
 * const text = '{"a": "}"} and more';
 * if (scanner.feed(text, 0, text.length) !== 10 || !scanner.done) throw new Error();
 * ```
 */
export class JsonScanner {
  #expects: Expectation = "value";
  readonly #nesting: ("object" | "array")[] = [];
  #stringIsKey = false;
  #hexDigits = 0;
  #number = "";
  #literal = "";

  /** The value is whole. A number at the top is whole when something else follows it, or by `end()`. */
  get done(): boolean {
    return this.#expects === "done";
  }

  /** What was fed is no beginning of a JSON value. */
  get failed(): boolean {
    return this.#expects === "failed";
  }

  /** Scans `text` from `from` to `to`; the first position not consumed: the end of the value, or what breaks it. */
  feed(text: string, from: number, to: number): number {
    let at = from;
    while (at < to && !this.done && !this.failed) {
      const run = this.#run(text, at, to);
      if (run > at) at = run;
      else if (this.#accepts(text[at]!)) at++;
    }
    return at;
  }

  /** Nothing follows. Whether the value is whole. */
  end(): boolean {
    if (this.#expects === "number" && this.#nesting.length === 0 && this.#numberIsWhole()) {
      this.#expects = "done";
    }
    return this.done;
  }

  /** The end of a run that changes nothing: white space between parts, plain units inside a string. */
  #run(text: string, at: number, to: number): number {
    const inString = this.#expects === "string";
    if (!inString && ["escape", "hex", "number", "literal"].includes(this.#expects)) return at;
    const pattern = inString ? STRING_RUN : WHITE_SPACE;
    pattern.lastIndex = at;
    return Math.min(to, at + (pattern.exec(text)?.[0].length ?? 0));
  }

  /** Consumes one unit; false when it stays for whoever comes next. */
  #accepts(unit: string): boolean {
    switch (this.#expects) {
      case "first_element":
        return unit === "]" ? this.#close() : this.#begin(unit);
      case "value":
        return this.#begin(unit);
      case "first_key":
        return unit === "}" ? this.#close() : this.#beginKey(unit);
      case "key":
        return this.#beginKey(unit);
      case "colon":
        return unit === ":" ? this.#expect("value") : this.#fail();
      case "comma":
        return this.#separate(unit);
      case "string":
        return this.#inString(unit);
      case "escape":
        return this.#inEscape(unit);
      case "hex":
        return this.#inHex(unit);
      case "number":
        return this.#inNumber(unit);
      case "literal":
        return this.#inLiteral(unit);
      default:
        return false;
    }
  }

  #expect(next: Expectation): true {
    this.#expects = next;
    return true;
  }

  #fail(): false {
    this.#expects = "failed";
    return false;
  }

  #begin(unit: string): boolean {
    if (unit === "{" || unit === "[") return this.#open(unit);
    if (unit === '"') return this.#beginString(false);
    if (unit === "-" || (unit >= "0" && unit <= "9")) {
      this.#number = unit === "-" ? "sign" : unit === "0" ? "ZERO" : "INT";
      return this.#expect("number");
    }
    const literal = ["true", "false", "null"].find((word) => word[0] === unit);
    if (literal === undefined) return this.#fail();
    this.#literal = literal.slice(1);
    return this.#expect("literal");
  }

  #open(unit: string): boolean {
    if (this.#nesting.length >= JSON_DEPTH_MAX) return this.#fail();
    this.#nesting.push(unit === "{" ? "object" : "array");
    return this.#expect(unit === "{" ? "first_key" : "first_element");
  }

  #close(): true {
    this.#nesting.pop();
    return this.#valueEnds();
  }

  #valueEnds(): true {
    return this.#expect(this.#nesting.length === 0 ? "done" : "comma");
  }

  #beginKey(unit: string): boolean {
    return unit === '"' ? this.#beginString(true) : this.#fail();
  }

  #beginString(isKey: boolean): true {
    this.#stringIsKey = isKey;
    return this.#expect("string");
  }

  #separate(unit: string): boolean {
    const inObject = this.#nesting.at(-1) === "object";
    if (unit === ",") return this.#expect(inObject ? "key" : "value");
    return unit === (inObject ? "}" : "]") ? this.#close() : this.#fail();
  }

  #inString(unit: string): boolean {
    if (unit === "\\") return this.#expect("escape");
    if (unit !== '"') return this.#fail();
    return this.#stringIsKey ? this.#expect("colon") : this.#valueEnds();
  }

  #inEscape(unit: string): boolean {
    if (unit === "u") {
      this.#hexDigits = 0;
      return this.#expect("hex");
    }
    return '"\\/bfnrt'.includes(unit) ? this.#expect("string") : this.#fail();
  }

  #inHex(unit: string): boolean {
    if (!/[0-9a-fA-F]/.test(unit)) return this.#fail();
    this.#hexDigits++;
    return this.#hexDigits === 4 ? this.#expect("string") : true;
  }

  #inNumber(unit: string): boolean {
    const next = NUMBER_STEPS[this.#number]?.[numberUnitKind(unit)];
    if (next !== undefined) {
      this.#number = next;
      return true;
    }
    if (!this.#numberIsWhole()) return this.#fail();
    this.#valueEnds();
    return false;
  }

  #numberIsWhole(): boolean {
    return this.#number === this.#number.toUpperCase();
  }

  #inLiteral(unit: string): boolean {
    if (unit !== this.#literal[0]) return this.#fail();
    this.#literal = this.#literal.slice(1);
    return this.#literal === "" ? this.#valueEnds() : true;
  }
}

/** What kind of JSON value `text` is as a whole; undefined when it is none. */
export function jsonKind(
  text: string,
): "object" | "array" | "string" | "number" | "boolean" | "null" | undefined {
  const scanner = new JsonScanner();
  const end = scanner.feed(text, 0, text.length);
  if (!scanner.end() || /[^ \t\n\r]/.test(text.slice(end))) return undefined;
  const first = text.trimStart()[0]!;
  const kinds = {
    "{": "object",
    "[": "array",
    '"': "string",
    t: "boolean",
    f: "boolean",
    n: "null",
  } as const;
  return kinds[first as keyof typeof kinds] ?? "number";
}
