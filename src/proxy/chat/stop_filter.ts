/**
 * Keeps stop strings out of the text: what may be one is held until it is known.
 *
 * The engine decides what stops a sample; this only hides the string that did. A stop string that the engine passed over (below
 * `min_tokens`, say) is text.
 *
 * @module
 */
import type { Piece } from "./token_text.ts";

/** The filter of one sample. Give it one piece a token. */
export class StopFilter {
  readonly #stops: readonly string[];
  #held: Piece[] = [];

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Takes pieces, gives those that are certainly text. */
  push(pieces: readonly Piece[]): Piece[] {
    if (this.#stops.length === 0) return [...pieces];
    return pieces.flatMap((piece) => this.#pushOne(piece));
  }

  /** The sample ended. @param matched the string that the engine says ended it, if any */
  end(matched: number | string | undefined): Piece[] {
    const held = this.#held;
    this.#held = [];
    const at = typeof matched === "string" ? textOf(held).lastIndexOf(matched) : -1;
    return at < 0 ? held : take(held, at).taken;
  }

  #pushOne(piece: Piece): Piece[] {
    const heldUnits = textOf(this.#held).length;
    const pieces = [...this.#held, piece];
    const { taken, rest } = take(pieces, this.#openAt(textOf(pieces), heldUnits));
    this.#held = rest;
    return taken;
  }

  /** Where a stop string begins that ends in the newest piece, or that may still be completed. */
  #openAt(text: string, newFrom: number): number {
    for (let at = 0; at < text.length; at++) {
      const isOpen = this.#stops.some((stop) => {
        if (text.length - at < stop.length) return stop.startsWith(text.slice(at));
        return at + stop.length > newFrom && text.startsWith(stop, at);
      });
      if (isOpen) return at;
    }
    return text.length;
  }
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join("");
}

/** The first `units` of the pieces, and the others. A delimiter is not cut: it is left out with what follows the cut. */
function take(pieces: readonly Piece[], units: number): { taken: Piece[]; rest: Piece[] } {
  const taken: Piece[] = [];
  const rest: Piece[] = [];
  let left = units;
  for (const piece of pieces) {
    const { text, special } = piece;
    if (text.length <= left) taken.push(piece);
    else if (left <= 0 || special) rest.push(piece);
    else {
      taken.push({ text: text.slice(0, left), special });
      rest.push({ text: text.slice(left), special });
    }
    left -= text.length;
  }
  return { taken, rest };
}
