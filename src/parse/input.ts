/**
 * What was pushed and is not consumed yet: plain text that may go on, or the text of one special token.
 *
 * @module
 */
import type { DelimiterSet, Found } from "./delimiters.ts";
import type { JsonScanner } from "./json_scanner.ts";

/** A run of JSON's white space, for {@link Input.takeMatch}. */
export const WHITE_SPACE = /[ \t\n\r]+/y;

/** A cursor over the input. States consume from it; what they leave waits for the next piece. */
export class Input {
  #text = "";
  #at = 0;
  #special = false;
  #closed = false;

  /** Appends plain text. */
  append(text: string): void {
    this.#text = this.remaining > 0 ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
  }

  /** Nothing follows the plain text that is here: what may begin a delimiter begins none. */
  close(): void {
    this.#closed = true;
  }

  /** Plain text may follow again. */
  reopen(): void {
    this.#closed = false;
    this.#special = false;
  }

  /** Sets the text of a special token. The plain text before it has been consumed. */
  setSpecial(text: string): void {
    this.append(text);
    this.#special = true;
  }

  /** Units not consumed yet. */
  get remaining(): number {
    return this.#text.length - this.#at;
  }

  /** The next unit; the empty string when there is none. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** Consumes `units`, or what there is. */
  take(units: number): string {
    const text = this.#text.slice(this.#at, this.#at + units);
    this.#at += text.length;
    return text;
  }

  /** The next of `delimiters`. A special token is one of them or text as a whole. */
  search(delimiters: DelimiterSet): Found {
    if (!this.#special) return delimiters.search(this.#text, this.#at, this.#closed);
    const whole = this.#at === 0 && delimiters.has(this.#text);
    return whole ? { before: 0, delimiter: this.#text } : { before: this.remaining };
  }

  /** The one of `delimiters` that stands right here; `"maybe"` when more input is needed to tell. */
  startsWith(delimiters: DelimiterSet): { delimiter: string } | "maybe" | undefined {
    if (!this.#special) return delimiters.startingAt(this.#text, this.#at, this.#closed);
    return this.atSpecial(delimiters) ? { delimiter: this.#text } : undefined;
  }

  /** Whether the next thing is a special token that is one of `delimiters`. */
  atSpecial(delimiters: DelimiterSet): boolean {
    return this.#special && this.#at === 0 && delimiters.has(this.#text);
  }

  /** Consumes what `pattern` (sticky) matches here, at most `unitsMax` units of it. */
  takeMatch(pattern: RegExp, unitsMax = Infinity): string {
    pattern.lastIndex = this.#at;
    return this.take(Math.min(unitsMax, pattern.exec(this.#text)?.[0].length ?? 0));
  }

  /** Consumes at most `unitsMax` units of a JSON value. */
  feed(scanner: JsonScanner, unitsMax = Infinity): string {
    const end = Math.min(this.#text.length, this.#at + unitsMax);
    return this.take(scanner.feed(this.#text, this.#at, end) - this.#at);
  }
}
