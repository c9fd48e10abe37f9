/**
 * Finding added tokens in text as the reference library does: cut out before anything else happens to the text, those
 * with `normalized: false` first, the others in what is left; leftmost first, the longest among those that start there.
 *
 * @module
 */
import type { AddedToken } from "./tokenizer_file.ts";

/** An added token found in a text. */
export interface AddedTokenMatch {
  readonly token: AddedToken;
  /** UTF-16 offsets of what the token takes of the text, white space that it swallows included. */
  readonly start: number;
  readonly end: number;
}

/** A node of the radix tree over token contents. */
interface Node {
  /** Text on the edge that leads here. */
  label: string;
  /** By the first character (UTF-16 unit) of the label. */
  readonly next: Map<number, Node>;
  token: AddedToken | null;
}

const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const SPACE_AT_START = /^\p{White_Space}+/u;
const WHITE_SPACE = /\p{White_Space}/u;

/** Where in a text any of a few characters stands next. Asked with rising positions, it reads the text once a character. */
class UnitCursor {
  readonly #text: string;
  readonly #units: readonly string[];
  readonly #next: number[];

  constructor(text: string, units: readonly string[]) {
    this.#text = text;
    this.#units = units;
    this.#next = units.map(() => -1);
  }

  /** The first position at or after `from`, or Infinity. */
  next(from: number): number {
    let nearest = Infinity;
    for (let index = 0; index < this.#units.length; index++) {
      let at = this.#next[index]!;
      if (at < from) {
        at = this.#text.indexOf(this.#units[index]!, from);
        this.#next[index] = at = at < 0 ? Infinity : at;
      }
      if (at < nearest) nearest = at;
    }
    return nearest;
  }
}

/** Leftmost-longest search for a set of tokens. */
class AddedTokenMatcher {
  readonly #root = makeNode("", null);
  /** Characters (UTF-16 units) that tokens start with: one or two in most models. */
  readonly #starts: readonly string[];

  constructor(tokens: readonly AddedToken[]) {
    for (const token of tokens) this.#add(token);
    this.#starts = [...new Set(tokens.map((token) => token.content[0]!))];
  }

  cursor(text: string): UnitCursor {
    return new UnitCursor(text, this.#starts);
  }

  /** Appends the matches in `text[from..to)` to `out`. `cursor` is one of this matcher for `text`. */
  scan(text: string, from: number, to: number, cursor: UnitCursor, out: AddedTokenMatch[]): void {
    let free = from; // where the text that no match has taken begins
    for (let at = cursor.next(from); at < to; at = cursor.next(at)) {
      const token = this.#longestAt(text, at, to);
      if (token === null) {
        at++;
        continue;
      }
      const found = resolve(text, token, at, free, from, to);
      if (found !== null) {
        out.push(found);
        free = found.end;
      }
      at += token.content.length;
    }
  }

  #longestAt(text: string, start: number, to: number): AddedToken | null {
    let longest: AddedToken | null = null;
    let node = this.#root;
    for (let at = start; at < to; at += node.label.length) {
      const next = node.next.get(text.charCodeAt(at));
      if (next === undefined || at + next.label.length > to || !text.startsWith(next.label, at)) break;
      node = next;
      longest = node.token ?? longest;
    }
    return longest;
  }

  #add(token: AddedToken): void {
    let node = this.#root;
    for (let rest = token.content; rest !== "";) {
      const next = node.next.get(rest.charCodeAt(0));
      if (next === undefined) {
        node.next.set(rest.charCodeAt(0), makeNode(rest, token));
        return;
      }
      const shared = sharedLength(rest, next.label);
      if (shared < next.label.length) splitEdge(node, next, shared);
      node = node.next.get(rest.charCodeAt(0))!;
      rest = rest.slice(shared);
    }
    node.token = token;
  }
}

function makeNode(label: string, token: AddedToken | null): Node {
  return { label, next: new Map(), token };
}

/** Puts a node into the edge from `parent` to `child`, after `length` characters. */
function splitEdge(parent: Node, child: Node, length: number): void {
  const upper = makeNode(child.label.slice(0, length), null);
  child.label = child.label.slice(length);
  upper.next.set(child.label.charCodeAt(0), child);
  parent.next.set(upper.label.charCodeAt(0), upper);
}

function sharedLength(left: string, right: string): number {
  const limit = Math.min(left.length, right.length);
  let length = 0;
  while (length < limit && left[length] === right[length]) length++;
  return length;
}

/** Applies `single_word`, `lstrip` and `rstrip` to a token found at `at` in `text[from..to)`; null when it is refused. */
function resolve(
  text: string,
  token: AddedToken,
  at: number,
  free: number,
  from: number,
  to: number,
): AddedTokenMatch | null {
  let start = at, end = at + token.content.length;
  if (token.singleWord && touchesWord(text, start, end, from, to)) return null;
  if (token.lstrip) { while (start > free && WHITE_SPACE.test(text[start - 1]!)) start--; }
  if (token.rstrip) end += SPACE_AT_START.exec(text.slice(end, to))?.[0].length ?? 0;
  return { token, start, end };
}

/** Two units each side hold any one character. */
function touchesWord(text: string, start: number, end: number, from: number, to: number): boolean {
  return WORD_AT_END.test(text.slice(Math.max(from, start - 2), start)) ||
    WORD_AT_START.test(text.slice(end, Math.min(to, end + 2)));
}

/** Finds the added tokens of one tokenizer. */
export class AddedTokenScanner {
  readonly #exact: AddedTokenMatcher;
  readonly #normalized: AddedTokenMatcher | null;

  /**
   * @param hasNormalizer whether text is changed before `normalized` tokens are looked for. They are not found then: where
   * they stand cannot be told from the text as it was.
   */
  constructor(tokens: readonly AddedToken[], hasNormalizer: boolean) {
    const normalized = tokens.filter((token) => token.normalized);
    this.#exact = new AddedTokenMatcher(tokens.filter((token) => !token.normalized));
    this.#normalized = hasNormalizer || normalized.length === 0 ? null : new AddedTokenMatcher(normalized);
  }

  /** Matches in `text`, in order. O(length). */
  find(text: string): AddedTokenMatch[] {
    const exact: AddedTokenMatch[] = [];
    this.#exact.scan(text, 0, text.length, this.#exact.cursor(text), exact);
    const normalized = this.#normalized;
    if (normalized === null) return exact;
    const all: AddedTokenMatch[] = [];
    const cursor = normalized.cursor(text);
    let from = 0;
    for (const match of exact) {
      normalized.scan(text, from, match.start, cursor, all);
      all.push(match);
      from = match.end;
    }
    normalized.scan(text, from, text.length, cursor, all);
    return all;
  }
}

/**
 * The tokens at whose right edge text may be cut, whatever stands or will stand after it: no token that takes more of the
 * text there could have been found instead.
 *
 * Refused are tokens that swallow white space to their right or ask what stands there, tokens inside a longer one (but as
 * its end), tokens that end in a word character when others ask whether one stands before them, and `normalized` tokens
 * whose end may begin a token that is looked for before them.
 */
export function cuttableTokens(tokens: readonly AddedToken[], hasNormalizer: boolean): Set<AddedToken> {
  const exact = tokens.filter((token) => !token.normalized);
  const someAskForWords = tokens.some((token) => token.singleWord);
  return new Set(tokens.filter((token) => {
    if (token.rstrip || token.singleWord || (token.normalized && hasNormalizer)) return false;
    if (someAskForWords && WORD_AT_END.test(token.content)) return false;
    const rivals = token.normalized ? tokens : exact;
    return !rivals.some((rival) => standsInside(token.content, rival.content)) &&
      !(token.normalized && exact.some((rival) => endBegins(token.content, rival.content)));
  }));
}

/** Whether `inner` occurs in `outer` with something after it. */
function standsInside(inner: string, outer: string): boolean {
  return outer.length > inner.length && outer.slice(0, -1).includes(inner);
}

/** Whether some end of `left`, not the whole, is the start of `right`, not the whole. */
function endBegins(left: string, right: string): boolean {
  for (let length = Math.min(left.length, right.length) - 1; length > 0; length--) {
    if (right.startsWith(left.slice(left.length - length))) return true;
  }
  return false;
}
