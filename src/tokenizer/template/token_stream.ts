/**
 * A template's tokens as the parser takes them.
 *
 * @module
 */
import { PythonError } from "./errors.ts";
import type { Token, TokenType } from "./lexer.ts";

/** Reads tokens one by one, with a look at the next one. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #position = 0;

  /** `tokens` end with `eof`. */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#position]!;
  }

  get next(): Token {
    return this.#tokens[Math.min(this.#position + 1, this.#tokens.length - 1)]!;
  }

  /** Goes one token ahead and gives the one it leaves. */
  take(): Token {
    const token = this.current;
    if (token.type !== "eof") this.#position++;
    return token;
  }

  /** Whether the current token is of this type and, where given, has this text. */
  at(type: TokenType, text?: string): boolean {
    const token = this.current;
    return token.type === type && (text === undefined || token.text === text);
  }

  isName(text: string): boolean {
    return this.at("name", text);
  }

  isOperator(text: string): boolean {
    return this.at("operator", text);
  }

  skipName(text: string): boolean {
    return this.isName(text) && this.take() !== undefined;
  }

  skipOperator(text: string): boolean {
    return this.isOperator(text) && this.take() !== undefined;
  }

  /** Takes a token that must be there. @throws {PythonError} when another is */
  expect(type: TokenType, text?: string): Token {
    if (this.at(type, text)) return this.take();
    const expected = describe({ type, text: text ?? "" });
    throw this.error(
      this.current.type === "eof"
        ? `unexpected end of template, expected '${expected}'.`
        : `expected token '${expected}', got '${describe(this.current)}'`,
    );
  }

  error(message: string, line = this.current.line): PythonError {
    return new PythonError("TemplateSyntaxError", `${message} (line ${line})`);
  }
}

const DESCRIPTIONS: Partial<Record<TokenType, string>> = {
  block_begin: "begin of statement block",
  block_end: "end of statement block",
  variable_begin: "begin of print statement",
  variable_end: "end of print statement",
  data: "template data / text",
  eof: "end of template",
};

/** A token in an error message. */
export function describe({ type, text }: Pick<Token, "type" | "text">): string {
  return DESCRIPTIONS[type] ?? (type === "name" || type === "operator" ? text || type : type);
}
