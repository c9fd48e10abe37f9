/**
 * A vocabulary by content, in flat arrays: an object with a property for each of 150,000 tokens takes some 20 MB, these
 * take 4, and go from one thread to another without a copy.
 *
 * ```text
 * units    | c o n t e n t 0 | c o n t e n t 1 | …      UTF-16, entry after entry
 * offsets  ^ offsets[0]      ^ offsets[1]
 * ids      one an entry
 * slots    open addressing by hash: number of the entry plus one; 0 is free. At most half of them are taken
 * ```
 *
 * @module
 */
import type { TokenizerFile } from "./tokenizer_file.ts";

/** FNV-1a over UTF-16 units. */
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** The arrays drawn above: what one thread hands another. */
export interface VocabularyTables {
  readonly units: Uint16Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly slots: Uint32Array<ArrayBuffer>;
}

/** Ids by exact content. */
export class VocabularyIndex {
  readonly tables: VocabularyTables;

  constructor(tables: VocabularyTables) {
    this.tables = tables;
  }

  /** Indexes the vocabulary of a model. O(units). */
  static fromVocab(vocab: TokenizerFile["vocab"]): VocabularyIndex {
    const entries = vocab instanceof Map ? [...vocab.entries()] : Object.entries<number>(vocab as never);
    const units = new Uint16Array(entries.reduce((sum, [content]) => sum + content.length, 0));
    const offsets = new Uint32Array(entries.length + 1);
    const ids = new Uint32Array(entries.length);
    const slots = new Uint32Array(slotCount(entries.length));
    entries.forEach(([content, id], entry) => {
      const start = offsets[entry]!;
      for (let at = 0; at < content.length; at++) units[start + at] = content.charCodeAt(at);
      offsets[entry + 1] = start + content.length;
      ids[entry] = id;
      let slot = hash(content) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = entry + 1;
    });
    return new VocabularyIndex({ units, offsets, ids, slots });
  }

  /** The id of a content, or undefined. O(length). */
  find(content: string): number | undefined {
    const { ids, slots } = this.tables;
    for (let slot = hash(content);; slot++) {
      const entry = slots[slot & (slots.length - 1)]! - 1;
      if (entry < 0) return undefined;
      if (this.#holds(entry, content)) return ids[entry];
    }
  }

  #holds(entry: number, content: string): boolean {
    const { units, offsets } = this.tables;
    const start = offsets[entry]!;
    if (offsets[entry + 1]! - start !== content.length) return false;
    for (let at = 0; at < content.length; at++) {
      if (units[start + at] !== content.charCodeAt(at)) return false;
    }
    return true;
  }
}

/** A power of two, at least twice the entries. */
function slotCount(entries: number): number {
  let count = 2;
  while (count < 2 * entries) count *= 2;
  return count;
}

function hash(content: string): number {
  let value = HASH_SEED;
  for (let at = 0; at < content.length; at++) {
    value = Math.imul(value ^ content.charCodeAt(at), HASH_PRIME);
  }
  return value >>> 0;
}
