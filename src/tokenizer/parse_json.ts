/**
 * Reads JSON as Python's `json.loads` does, where a chat template could tell the difference.
 *
 * @module
 */
import { type JsonObject, type JsonValue } from "../types.ts";
import { FIELD_ORDER, JsonNumber } from "./json_number.ts";

/** How deep arrays and objects may nest: Python's recursion has a bound too. */
const DEPTH_MAX = 990;

/** Text without any of these reads the same with `JSON.parse`: `1.`, `1e5`, `-0`, 16 digits, a name that is a number. */
const NEEDS_CARE = /\d[.eE]|-0|\d{16}|"\d+"\s*:|\\u003\d|__proto__/;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Strings up to this length are copied by `slice`; of longer ones it makes a view of the whole text. */
const SHORT_UNITS = 12;
/** A string without escapes, and without what must be one. */
// deno-lint-ignore no-control-regex -- control characters are meant
const PLAIN = /^[^\\\x00-\x1f]*$/;
const INTEGER_NAME = /^(?:0|[1-9]\d*)$/;

/**
 * Parses JSON and keeps what JavaScript's numbers and objects lose: a {@link JsonNumber} stands for a number whose
 * literal matters (`1.0`, `1e3`, integers beyond 2^53), and an object keeps the order of its fields, names like `"10"`
 * included. Everything else is as `JSON.parse` gives it. Of fields with one name the last value counts, in the place of
 * the first. Time is linear in the text.
 *
 * @example
 * ```ts
 * import { parseJson } from "./parse_json.ts";
 *
 * const text = '{"temperature":1.0,"id":12345678901234567890}';
 * if (JSON.stringify(parseJson(text)) !== text) throw new Error("a literal is lost");
 * ```
 *
 * @throws {SyntaxError} when the text is not JSON
 */
export function parseJson(text: string): JsonValue {
  return NEEDS_CARE.test(text) ? new JsonReader(text).read() : JSON.parse(text);
}

class JsonReader {
  readonly #text: string;
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#position < this.#text.length) throw this.#error();
    return value;
  }

  #value(): JsonValue {
    this.#skipSpace();
    switch (this.#text[this.#position]) {
      case '"':
        return this.#string();
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#array());
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > DEPTH_MAX) throw new SyntaxError("Cannot parse JSON: it is nested too deep");
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): JsonObject {
    const object: Record<string, JsonValue> = {};
    const names: string[] = [];
    let hasIntegerName = false;
    this.#items("}", () => {
      this.#skipSpace();
      if (this.#text[this.#position] !== '"') throw this.#error();
      const name = this.#string();
      this.#skipSpace();
      if (this.#text[this.#position++] !== ":") throw this.#error(-1);
      hasIntegerName ||= INTEGER_NAME.test(name);
      names.push(name);
      setField(object, name, this.#value());
    });
    if (hasIntegerName) Object.assign(object, { [FIELD_ORDER]: names });
    return object;
  }

  #array(): JsonValue[] {
    const items: JsonValue[] = [];
    this.#items("]", () => items.push(this.#value()));
    return items;
  }

  /** What stands between brackets, with commas between. */
  #items(closer: string, item: () => void): void {
    this.#position++;
    this.#skipSpace();
    if (this.#text[this.#position] === closer) {
      this.#position++;
      return;
    }
    for (;;) {
      item();
      this.#skipSpace();
      const next = this.#text[this.#position++];
      if (next === closer) return;
      if (next !== ",") throw this.#error(-1);
    }
  }

  #string(): string {
    const start = this.#position + 1;
    let end = start;
    for (;;) {
      end = this.#text.indexOf('"', end);
      if (end < 0) throw this.#error();
      let backslashes = 0;
      while (this.#text[end - 1 - backslashes] === "\\") backslashes++;
      if (backslashes % 2 === 0) break;
      end++;
    }
    this.#position = end + 1;
    // `JSON.parse` copies. A slice would keep the whole text in memory for as long as the string lives.
    if (end - start > SHORT_UNITS) return JSON.parse(this.#text.slice(start - 1, end + 1));
    const raw = this.#text.slice(start, end);
    return PLAIN.test(raw) ? raw : JSON.parse(`"${raw}"`);
  }

  #number(): JsonValue {
    NUMBER.lastIndex = this.#position;
    const literal = NUMBER.exec(this.#text)?.[0];
    if (literal === undefined) throw this.#error();
    this.#position += literal.length;
    const value = Number(literal);
    const isInteger = Number.isInteger(value);
    if (/[.eE]/.test(literal) ? isInteger || !Number.isFinite(value) : !Number.isSafeInteger(value)) {
      return new JsonNumber(literal) as unknown as JsonValue;
    }
    return value === 0 ? 0 : value;
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) throw this.#error();
    this.#position += word.length;
    return value;
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#position;
    SPACE.test(this.#text);
    this.#position = SPACE.lastIndex;
  }

  #error(offset = 0): SyntaxError {
    const at = this.#position + offset;
    const found = at < this.#text.length ? JSON.stringify(this.#text[at]) : "its end";
    return new SyntaxError(`Cannot parse JSON: found ${found} at position ${at}`);
  }
}

/** A field of any name: `__proto__` too is one like others. */
function setField(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
