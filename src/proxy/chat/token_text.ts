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
}

/** The text of one sample. */
export class TokenText {
  readonly #options: TokenTextOptions;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(options: TokenTextOptions) {
    this.#options = options;
  }

  /** One piece an id that brings text. A character cut by a token's end is held until it is whole. */
  push(ids: Iterable<number>): Piece[] {
    const pieces: Piece[] = [];
    for (const id of ids) this.#pushOne(id, pieces);
    return pieces;
  }

  /** What was held: half a character becomes U+FFFD. */
  end(): Piece[] {
    return plain(this.#decoder.decode());
  }

  #pushOne(id: number, pieces: Piece[]): void {
    const { tokenizer, delimiters, keepsSpecialTokens = false } = this.#options;
    const delimiter = delimiters.get(id);
    if (delimiter !== undefined) {
      pieces.push(...this.end(), { text: delimiter, special: true });
    } else if (keepsSpecialTokens || !tokenizer.isSpecial(id)) {
      pieces.push(...plain(this.#decoder.decode(tokenizer.decodeBytes([id]), { stream: true })));
    }
  }
}

function plain(text: string): Piece[] {
  return text === "" ? [] : [{ text, special: false }];
}
