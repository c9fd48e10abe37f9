/**
 * From sampled ids to text, as they come: characters whole, delimiters apart, other special tokens left out.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** A run of text, or the text of one delimiter token. */
export interface Piece {
  readonly text: string;
  /** The whole text of one token that the parser's format knows as a delimiter. */
  readonly special: boolean;
}

/** Settings of {@link TokenText}. */
export interface TokenTextOptions {
  readonly tokenizer: Tokenizer;
  /** Texts of the format's delimiters by token id. */
  readonly delimiters: ReadonlyMap<number, string>;
  /** Other special tokens are text. Default false: they are left out, as engines do. */
  readonly keepsSpecialTokens?: boolean;
  /** Each token is a piece of its own, as `StopFilter` needs it. Default false: neighbours are one. */
  readonly isPiecePerToken?: boolean;
}

/** The text of one sample. */
export class TokenText {
  readonly #options: TokenTextOptions;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(options: TokenTextOptions) {
    this.#options = options;
  }

  /** A character cut by a token's end is held until it is whole. */
  push(ids: Iterable<number>): Piece[] {
    const pieces: Piece[] = [];
    let run: number[] = [];
    for (const id of ids) {
      const delimiter = this.#options.delimiters.get(id);
      if (delimiter === undefined) {
        if (this.#isText(id)) run.push(id);
        if (!this.#options.isPiecePerToken) continue;
      }
      pieces.push(...this.#decode(run));
      run = [];
      if (delimiter !== undefined) pieces.push(...this.end(), { text: delimiter, special: true });
    }
    return [...pieces, ...this.#decode(run)];
  }

  /** What was held: half a character becomes U+FFFD. */
  end(): Piece[] {
    return plain(this.#decoder.decode());
  }

  #isText(id: number): boolean {
    return this.#options.keepsSpecialTokens === true || !this.#options.tokenizer.isSpecial(id);
  }

  #decode(ids: readonly number[]): Piece[] {
    if (ids.length === 0) return [];
    return plain(this.#decoder.decode(this.#options.tokenizer.decodeBytes(ids), { stream: true }));
  }
}

function plain(text: string): Piece[] {
  return text === "" ? [] : [{ text, special: false }];
}
