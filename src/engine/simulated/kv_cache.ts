/**
 * The prefix cache of a simulated engine: which leading tokens of a prompt need no prefill. A radix tree over token ids
 * with the least recently used leaf dropped first.
 *
 * @module
 */

interface Node {
  parent: Node | null;
  ids: Uint32Array;
  readonly children: Map<number, Node>;
}

function commonLength(edge: Uint32Array, ids: Uint32Array, from: number): number {
  const end = Math.min(edge.length, ids.length - from);
  let length = 0;
  while (length < end && edge[length] === ids[from + length]) length++;
  return length;
}

/** Radix tree of token sequences, holding at most `maxTokens`. */
export class KvCache {
  readonly maxTokens: number;
  #root: Node = emptyNode();
  #tokens = 0;
  /** In order of use, children before their parents, so that the first one is always a leaf. */
  readonly #byUse = new Set<Node>();

  /** @param maxTokens tokens held at most; 0 turns the cache off. */
  constructor(maxTokens: number) {
    this.maxTokens = maxTokens;
  }

  /** Tokens held now. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Length of the longest cached prefix of `ids`. O(length of the match). */
  match(ids: Uint32Array): number {
    let node = this.#root;
    let matched = 0;
    while (matched < ids.length) {
      const child = node.children.get(ids[matched]!);
      if (child === undefined) break;
      const length = commonLength(child.ids, ids, matched);
      matched += length;
      node = child;
      if (length < child.ids.length) break;
    }
    this.#touch(node);
    return matched;
  }

  /** Holds `ids`, dropping what was used longest ago where there is no room. A sequence over the bound is not held. */
  insert(ids: Uint32Array): void {
    if (ids.length === 0 || ids.length > this.maxTokens) return;
    this.#touch(this.#place(ids));
    while (this.#tokens > this.maxTokens) this.#dropOldest();
  }

  /** Forgets everything. */
  clear(): void {
    this.#root = emptyNode();
    this.#byUse.clear();
    this.#tokens = 0;
  }

  #place(ids: Uint32Array): Node {
    let node = this.#root;
    let placed = 0;
    while (placed < ids.length) {
      const child = node.children.get(ids[placed]!);
      if (child === undefined) return this.#append(node, ids.slice(placed));
      const length = commonLength(child.ids, ids, placed);
      node = length < child.ids.length ? this.#split(child, length) : child;
      placed += length;
    }
    return node;
  }

  #append(parent: Node, ids: Uint32Array): Node {
    const node: Node = { parent, ids, children: new Map() };
    parent.children.set(ids[0]!, node);
    this.#tokens += ids.length;
    return node;
  }

  /** Cuts `node` after `length` ids and returns the new upper part; the lower one keeps its place in the order of use. */
  #split(node: Node, length: number): Node {
    const parent = node.parent!;
    const upper: Node = { parent, ids: node.ids.slice(0, length), children: new Map() };
    parent.children.set(upper.ids[0]!, upper);
    node.parent = upper;
    node.ids = node.ids.slice(length);
    upper.children.set(node.ids[0]!, node);
    return upper;
  }

  #touch(node: Node): void {
    for (let at: Node | null = node; at !== null && at.parent !== null; at = at.parent) {
      this.#byUse.delete(at);
      this.#byUse.add(at);
    }
  }

  #dropOldest(): void {
    const oldest = this.#byUse.values().next().value!;
    this.#byUse.delete(oldest);
    oldest.parent!.children.delete(oldest.ids[0]!);
    this.#tokens -= oldest.ids.length;
  }
}

function emptyNode(): Node {
  return { parent: null, ids: new Uint32Array(0), children: new Map() };
}
