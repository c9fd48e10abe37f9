/**
 * Finding the earliest of several delimiters in text that may end in the middle of one.
 *
 * @module
 */

/** Where a search stopped. */
export interface Found {
  /** Units before the delimiter, or before what may be the beginning of one: certainly text. */
  readonly before: number;
  /** The delimiter that follows them; absent when none does, or not yet. */
  readonly delimiter?: string;
}

/** A set of delimiters, some of which may come as special tokens only. */
export class DelimiterSet {
  readonly #all: ReadonlySet<string>;
  readonly #inText: readonly string[];
  readonly #pattern: RegExp | undefined;
  readonly #firstUnits: string;
  readonly #longest: number;

  /** `inText` are those of `all` that plain text may contain. */
  constructor(all: readonly string[], inText: readonly string[]) {
    this.#all = new Set(all);
    this.#inText = inText;
    this.#firstUnits = inText.map((delimiter) => delimiter[0]).join("");
    this.#longest = Math.max(0, ...inText.map((delimiter) => delimiter.length));
    this.#pattern = inText.length > 0 ? new RegExp(inText.map(escapePattern).join("|"), "g") : undefined;
  }

  /** Whether `text`, the text of a special token, is one of them. */
  has(text: string): boolean {
    return this.#all.has(text);
  }

  /**
   * Searches plain `text` from `from`; time is linear in what it passes. With `closed`, no more text follows: a
   * beginning of a delimiter is text.
   */
  search(text: string, from: number, closed: boolean): Found {
    if (this.#pattern === undefined) return { before: text.length - from };
    this.#pattern.lastIndex = from;
    const match = this.#pattern.exec(text);
    if (match !== null) return { before: match.index - from, delimiter: match[0] };
    return { before: (closed ? text.length : this.#tail(text, from)) - from };
  }

  /**
   * The delimiter that plain `text` has right at `at`; `undefined` when it has none there, `"maybe"` when more text is
   * needed to tell. Time does not depend on the length of `text`.
   */
  startingAt(text: string, at: number, closed: boolean): { delimiter: string } | "maybe" | undefined {
    const delimiter = this.#inText.find((each) => text.startsWith(each, at));
    if (delimiter !== undefined) return { delimiter };
    if (closed || text.length - at >= this.#longest) return undefined;
    const tail = text.slice(at);
    return this.#inText.some((each) => each.startsWith(tail)) ? "maybe" : undefined;
  }

  /** Where the longest end of `text` starts that is the beginning of a delimiter. */
  #tail(text: string, from: number): number {
    for (let at = Math.max(from, text.length - this.#longest + 1); at < text.length; at++) {
      if (!this.#firstUnits.includes(text[at]!)) continue;
      const tail = text.slice(at);
      if (this.#inText.some((delimiter) => delimiter.startsWith(tail))) return at;
    }
    return text.length;
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
