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

  /**
   * The sample ended.
   *
   * @param matched what the engine says ended it, if it says so
   * @param isUnnamedStop the engine says that something ended it, and not what: a stop string that ends in the newest piece did
   */
  end(matched: number | string | undefined, isUnnamedStop = false): Piece[] {
    const held = this.#held;
    this.#held = [];
    const text = textOf(held);
    const newFrom = text.length - (held.at(-1)?.text.length ?? 0);
    const at = isUnnamedStop
      ? this.#completeAt(text, newFrom)
      : typeof matched === "string"
      ? text.lastIndexOf(matched)
      : -1;
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

  /** Where the first stop string begins that ends behind `newFrom`; -1: nowhere. */
  #completeAt(text: string, newFrom: number): number {
    const starts = this.#stops.map((stop) => text.indexOf(stop, Math.max(newFrom - stop.length + 1, 0)))
      .filter((at) => at >= 0);
    return starts.length === 0 ? -1 : Math.min(...starts);
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
