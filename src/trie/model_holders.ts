/**
 * Who holds what, for the model trie: the marked texts of every worker, and a scan over all of them.
 *
 * @module
 */
import { commonPrefix, type ModelPoint } from "./model_store.ts";
import type { Holders } from "./token_trie.ts";

/** Texts that workers hold, one UTF-8 byte a character, with the order of their marks. */
export class ModelHolders {
  readonly #marks = new Map<number, Map<string, number>>();
  #workers = 0;
  #stamp = 0;

  mark(worker: number, text: string): void {
    const marks = this.#marks.get(worker) ?? new Map<string, number>();
    this.#marks.set(worker, marks.set(text, ++this.#stamp));
    this.#workers = Math.max(this.#workers, worker + 1);
  }

  remove(worker: number): void {
    this.#marks.delete(worker);
  }

  clear(): void {
    this.#marks.clear();
    this.#workers = 0;
  }

  get isEmpty(): boolean {
    return this.#marks.size === 0;
  }

  /** After texts have left: of what is stored no more, the longest part that `texts` begin with stays held. */
  shorten(texts: readonly string[]): void {
    for (const marks of this.#marks.values()) {
      for (const [text, stamp] of [...marks]) {
        const left = Math.max(0, ...texts.map((stored) => commonPrefix(stored, text)));
        if (left === text.length) continue;
        marks.delete(text);
        const held = text.slice(0, left);
        if (held !== "") marks.set(held, Math.max(stamp, marks.get(held) ?? 0));
      }
    }
  }

  /** Who holds how much of the first `most` bytes of a query; `ends` are the points at which its paths end. */
  find(query: string, most: number, ends: readonly ModelPoint[]): Holders {
    const bytes = new Uint32Array(this.#workers);
    const tokens = new Uint32Array(this.#workers);
    const lastUsed = new Uint32Array(this.#workers);
    for (const [worker, marks] of this.#marks) {
      for (const [text, stamp] of marks) {
        const held = Math.min(commonPrefix(text, query), most);
        if (held === 0 || held < bytes[worker]!) continue;
        lastUsed[worker] = held > bytes[worker]! ? stamp : Math.max(stamp, lastUsed[worker]!);
        bytes[worker] = held;
      }
      tokens[worker] = tokensWithin(ends, bytes[worker]!);
    }
    return { bytes, tokens, lastUsed };
  }
}

/** Tokens of the newest of the longest paths that end within `most` bytes. */
function tokensWithin(ends: readonly ModelPoint[], most: number): number {
  let best: ModelPoint | undefined;
  for (const point of ends) {
    const length = point.text.length;
    if (length > most || length < (best?.text.length ?? 0)) continue;
    if (best === undefined || length > best.text.length || point.stored > best.stored) best = point;
  }
  return best === undefined ? 0 : best.segment.base + best.kept;
}
