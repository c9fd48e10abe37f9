/**
 * Splits a template into tokens, with the whitespace control that `transformers` sets: a block's line end goes, and so
 * does what indents a block.
 *
 * @module
 */
import { PythonError } from "./errors.ts";
import { unescapeString } from "./string_literal.ts";
import { PyFloat, toInt, type Value } from "./values.ts";
import { isSpace, SPACE, stripEnd } from "./whitespace.ts";

export type TokenType =
  | "data"
  | "variable_begin"
  | "variable_end"
  | "block_begin"
  | "block_end"
  | "name"
  | "string"
  | "number"
  | "operator"
  | "eof";

/** `text` is the name, the operator, the unescaped string or the template's text; `value` the number. */
export interface Token {
  readonly type: TokenType;
  readonly text: string;
  readonly value: Value;
  readonly line: number;
}

const OPENERS = /\{[%{#]/g;
const RAW_BEGIN = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y");
const RAW_END = new RegExp(
  `\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`,
  "g",
);
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g");
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y");
const VARIABLE_END = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y");
const BLANK = new RegExp(`[${SPACE}]+`, "y");
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{ID_Continue}]+/uy;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[+\-/*%~[\](){}><=.:|,;]/y;
const CLOSERS: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

/** The tokens of a template, up to and with `eof`. @throws {PythonError} on a character that begins none */
export function tokenize(source: string): Token[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;
  /** Whether what stands before the position ended a line: then a block may be indented. */
  #lineStarting = true;

  constructor(source: string) {
    const text = source.replace(/\r\n?/g, "\n");
    this.#source = text.endsWith("\n") ? text.slice(0, -1) : text;
  }

  run(): Token[] {
    while (this.#position < this.#source.length) this.#root();
    this.#push("eof", "");
    return this.#tokens;
  }

  #root(): void {
    OPENERS.lastIndex = this.#position;
    const opener = OPENERS.exec(this.#source);
    if (opener === null) {
      this.#data(this.#source.slice(this.#position));
      this.#position = this.#source.length;
      return;
    }
    const at = opener.index;
    const raw = matchAt(RAW_BEGIN, this.#source, at);
    const sign = this.#source[at + 2] ?? "";
    const text = this.#source.slice(this.#position, at);
    this.#data(this.#stripped(text, sign, opener[0] !== "{{"), text);
    if (raw !== null) return this.#raw(at + raw.length);
    this.#position = at + (sign === "-" || sign === "+" ? 3 : 2);
    if (opener[0] === "{#") return this.#comment();
    const kind = opener[0] === "{{" ? "variable" : "block";
    this.#push(`${kind}_begin`, opener[0]);
    this.#tag(kind);
  }

  /** Template text before a tag, less what the tag's sign or its indentation takes off. */
  #stripped(text: string, sign: string, isBlock: boolean): string {
    if (sign === "-") return stripEnd(text);
    if (sign === "+" || !isBlock) return text;
    const start = text.lastIndexOf("\n") + 1;
    if (start === 0 && !this.#lineStarting) return text;
    const indentation = text.slice(start);
    return indentation !== "" && [...indentation].every(isSpace) ? text.slice(0, start) : text;
  }

  #raw(start: number): void {
    this.#advance(start);
    RAW_END.lastIndex = start;
    const end = RAW_END.exec(this.#source);
    if (end === null) return this.#unclosed("Missing end of raw directive");
    const text = this.#source.slice(start, end.index);
    this.#data(this.#stripped(text, end[1]!, true), text);
    this.#advance(end.index + end[0].length);
  }

  #comment(): void {
    COMMENT_END.lastIndex = this.#position;
    const end = COMMENT_END.exec(this.#source);
    if (end === null) return this.#unclosed("Missing end of comment tag");
    this.#advance(end.index + end[0].length);
  }

  /** As in Jinja, what is opened by the very last characters need not be closed. */
  #unclosed(message: string): void {
    if (this.#position < this.#source.length) throw this.#error(message);
  }

  #tag(kind: "variable" | "block"): void {
    const closers: string[] = [];
    while (this.#position < this.#source.length) {
      const end = closers.length > 0
        ? null
        : matchAt(kind === "block" ? BLOCK_END : VARIABLE_END, this.#source, this.#position);
      if (end !== null) {
        this.#push(`${kind}_end`, end);
        return this.#advance(this.#position + end.length);
      }
      this.#word(closers);
    }
  }

  #word(closers: string[]): void {
    const match = (pattern: RegExp) => matchAt(pattern, this.#source, this.#position);
    let text: string | null;
    if ((text = match(BLANK)) !== null) return this.#advance(this.#position + text.length);
    if ((text = match(FLOAT)) !== null) {
      this.#push("number", text, new PyFloat(Number(text.replaceAll("_", ""))));
    } else if ((text = match(INTEGER)) !== null) {
      this.#push("number", text, toInt(BigInt(text.replaceAll("_", ""))));
    } else if ((text = match(NAME)) !== null) {
      if (!/^[\p{ID_Start}_]/u.test(text)) throw this.#error("Invalid character in identifier");
      this.#push("name", text);
    } else if ((text = match(STRING)) !== null) {
      this.#push("string", this.#unescaped(text.slice(1, -1)));
    } else if ((text = match(OPERATOR)) !== null) {
      this.#balance(text, closers);
      this.#push("operator", text);
    } else {
      const char = String.fromCodePoint(this.#source.codePointAt(this.#position)!);
      throw this.#error(`unexpected char '${char}' at ${this.#position}`);
    }
    this.#advance(this.#position + text.length);
  }

  #unescaped(text: string): string {
    try {
      return unescapeString(text);
    } catch (error) {
      throw this.#error((error as Error).message);
    }
  }

  #balance(operator: string, closers: string[]): void {
    const closer = CLOSERS[operator];
    if (closer !== undefined) closers.push(closer);
    if (operator !== "}" && operator !== ")" && operator !== "]") return;
    const expected = closers.pop();
    if (expected === undefined) throw this.#error(`unexpected '${operator}'`);
    if (expected !== operator) throw this.#error(`unexpected '${operator}', expected '${expected}'`);
  }

  #advance(position: number): void {
    const passed = this.#source.slice(this.#position, position);
    this.#line += newlines(passed);
    this.#lineStarting = passed.endsWith("\n");
    this.#position = position;
  }

  /** `whole` is the text before anything was stripped off it. */
  #data(text: string, whole = text): void {
    if (text !== "") this.#push("data", text);
    this.#line += newlines(whole);
    this.#position += whole.length;
    this.#lineStarting = false;
  }

  #push(type: TokenType, text: string, value: Value = null): void {
    this.#tokens.push({ type, text, value, line: this.#line });
  }

  #error(message: string): PythonError {
    return new PythonError("TemplateSyntaxError", `${message} (line ${this.#line})`);
  }
}

function matchAt(pattern: RegExp, source: string, position: number): string | null {
  pattern.lastIndex = position;
  return pattern.exec(source)?.[0] ?? null;
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
