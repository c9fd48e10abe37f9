/**
 * The records of the model trie and what keeps them within bounds: plain objects, linear scans.
 *
 * @module
 */
import { PointFlag } from "./match.ts";
import { ModelEvicted } from "./model_evicted.ts";

/** A run of tokens added by one event. */
export interface ModelSegment {
  readonly parent: ModelSegment | null;
  /** Tokens of the path before this segment's own. */
  readonly base: number;
  readonly cut: number;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly mask: readonly number[];
  readonly versions: readonly number[];
  /** Session that sampled it; undefined when nothing was sampled, null when samples have no session. */
  readonly scope: string | null | undefined;
  readonly children: Set<ModelSegment>;
  readonly points: Set<ModelPoint>;
  traverseVersion: number;
  tick: number;
  pins: number;
}

/** A place in a stored sequence that a text leads to. `text` holds one UTF-8 byte a character. */
export interface ModelPoint {
  readonly segment: ModelSegment;
  readonly kept: number;
  readonly text: string;
  readonly serial: number;
  /** Order of storing: greater is newer. */
  stored: number;
  flags: number;
}

/** All records as JSON can hold them: references are places in `segments`, logprobs are words (NaN, -0). */
export interface ModelImage {
  readonly segments: readonly (
    & Omit<ModelSegment, "parent" | "children" | "points" | "pins" | "logprobs">
    & { readonly parent: number; readonly logprobs: readonly string[] }
  )[];
  /** In order of storing; serials are given anew. */
  readonly points:
    readonly (Omit<ModelPoint, "segment" | "serial" | "stored"> & { readonly segment: number })[];
  readonly evictedTokens: { readonly lru: number; readonly version: number; readonly removed: number };
  readonly evictedTexts: readonly string[];
  readonly tick: number;
}

/** Why segments leave. */
export type RemovalCause = "lru" | "version" | "removed";

/** All segments and points of one model trie. */
export class ModelStore {
  /** In order of creation. */
  readonly segments = new Set<ModelSegment>();
  /** By serial, in order of storing. */
  readonly points = new Map<number, ModelPoint>();
  readonly evictedTokens = { lru: 0, version: 0, removed: 0 };
  readonly evicted: ModelEvicted;
  tokens = 0;
  entries = 0;
  #tick = 0;
  #serial = 0;
  #stored = 0;

  /** `maxCacheSize` decides how many evicted texts are remembered. */
  constructor(maxCacheSize: number, evictedTexts: readonly string[] = []) {
    this.evicted = new ModelEvicted(maxCacheSize, evictedTexts);
  }

  addSegment(segment: ModelSegment): void {
    this.segments.add(segment);
    segment.parent?.children.add(segment);
    this.tokens += segment.ids.length;
  }

  /** The point of `segment` at `text` for `kept` tokens, made or given the further `flags`; the newest from then on. */
  addPoint(segment: ModelSegment, text: string, kept: number, flags: number): ModelPoint {
    const known = [...segment.points].find((p) =>
      p.text === text && p.kept === kept && (p.flags & PointFlag.TRIMMED) === (flags & PointFlag.TRIMMED)
    );
    if (known) {
      if (flags & ~known.flags & PointFlag.ENTRY) this.entries++;
      known.flags |= flags;
      known.stored = ++this.#stored;
      this.points.delete(known.serial);
      this.points.set(known.serial, known);
      return known;
    }
    const point: ModelPoint = { segment, kept, text, serial: ++this.#serial, stored: ++this.#stored, flags };
    segment.points.add(point);
    this.points.set(point.serial, point);
    if (flags & PointFlag.ENTRY) this.entries++;
    return point;
  }

  touch(segment: ModelSegment): void {
    segment.tick = ++this.#tick;
  }

  /** Raises the traverse version of `segment` and its ancestors to `version`. */
  raise(segment: ModelSegment | null, version: number): void {
    for (let s = segment; s !== null && s.traverseVersion < version; s = s.parent) {
      s.traverseVersion = version;
    }
  }

  /** Removes a segment without children. Its parent is then as recently used as the segment was. */
  removeLeaf(segment: ModelSegment, cause: RemovalCause): void {
    if (segment.children.size > 0) throw new Error("Cannot remove segment: others continue it");
    for (const point of [...segment.points].reverse()) {
      this.points.delete(point.serial);
      if (cause !== "removed") this.evicted.add(point.text);
      if (point.flags & PointFlag.ENTRY) this.entries--;
    }
    this.segments.delete(segment);
    this.tokens -= segment.ids.length;
    this.evictedTokens[cause] += segment.ids.length;
    if (segment.parent === null) return;
    segment.parent.children.delete(segment);
    segment.parent.tick = Math.max(segment.parent.tick, segment.tick);
  }

  /** Whether a point stands at this very text. */
  holdsText(text: string): boolean {
    for (const point of this.points.values()) {
      if (point.text === text) return true;
    }
    return false;
  }

  /** Removes a segment and everything that continues it, children first. */
  removeTree(segment: ModelSegment): void {
    const order = [segment];
    for (const s of order) order.push(...s.children);
    for (const s of order.reverse()) this.removeLeaf(s, "removed");
  }

  /** Segments that a pin keeps: pinned ones and what they continue, and `extra` with what it continues. */
  held(extra: ModelSegment | null): Set<ModelSegment> {
    const held = new Set<ModelSegment>();
    const starts = [...this.segments].filter((s) => s.pins > 0);
    if (extra !== null) starts.push(extra);
    for (const start of starts) {
      for (let s: ModelSegment | null = start; s !== null && !held.has(s); s = s.parent) held.add(s);
    }
    return held;
  }

  /**
   * Looks at `most` segments that nothing continues and `held` does not have, least recently used first and none used
   * before `from`, and removes those that no version above `limit` passed through. Where to go on, `Infinity` at the end.
   */
  collect(limit: number, held: Set<ModelSegment>, from = 0, most = Infinity): number {
    let next = from;
    for (let looked = 0;; looked++) {
      const s = this.leastRecent(held, next);
      if (s === undefined) return Infinity;
      next = s.tick;
      if (looked === most) return next;
      // What it continues may take its place.
      if (s.traverseVersion >= 0 && s.traverseVersion <= limit) this.removeLeaf(s, "version");
      else next++;
    }
  }

  /** The least recently used segment that may go, and was not used before `from`. */
  leastRecent(held: Set<ModelSegment>, from = 0): ModelSegment | undefined {
    let oldest: ModelSegment | undefined;
    for (const s of this.segments) {
      if (s.tick < from || s.children.size > 0 || held.has(s)) continue;
      if (oldest === undefined || s.tick < oldest.tick) oldest = s;
    }
    return oldest;
  }

  /** Newest first, so that children come before what they continue. */
  newestFirst(): ModelSegment[] {
    return [...this.segments].reverse();
  }

  clear(): void {
    for (const s of this.segments) this.evictedTokens.removed += s.ids.length;
    this.segments.clear();
    this.points.clear();
    this.evicted.clear();
    this.tokens = 0;
    this.entries = 0;
  }

  /** All there is but pins. */
  image(): ModelImage {
    const order = [...this.segments];
    const placeOf = new Map(order.map((segment, i) => [segment, i]));
    return {
      segments: order.map(({ children: _children, points: _points, pins: _pins, ...segment }) => ({
        ...segment,
        parent: segment.parent === null ? -1 : placeOf.get(segment.parent)!,
        logprobs: segment.logprobs.map((logprob) => Object.is(logprob, -0) ? "-0" : String(logprob)),
      })),
      points: [...this.points.values()].map(({ segment, kept, text, flags }) => ({
        segment: placeOf.get(segment)!,
        kept,
        text,
        flags,
      })),
      evictedTokens: { ...this.evictedTokens },
      evictedTexts: this.evicted.texts,
      tick: this.#tick,
    };
  }

  /** A store with these records. Serials begin above `serial`, so that handles of another store are stale. */
  static of(image: ModelImage, serial: number, maxCacheSize: number): ModelStore {
    const store = new ModelStore(maxCacheSize, image.evictedTexts);
    const order: ModelSegment[] = [];
    for (const { parent, logprobs, ...segment } of image.segments) {
      order.push({
        ...segment,
        scope: segment.scope,
        parent: order[parent] ?? null,
        logprobs: logprobs.map(Number),
        children: new Set(),
        points: new Set(),
        pins: 0,
      });
      store.addSegment(order.at(-1)!);
    }
    store.#serial = serial;
    for (const { segment, ...rest } of image.points) {
      const point = {
        ...rest,
        segment: order[segment]!,
        serial: ++store.#serial,
        stored: ++store.#stored,
      };
      point.segment.points.add(point);
      store.points.set(point.serial, point);
      if (point.flags & PointFlag.ENTRY) store.entries++;
    }
    Object.assign(store.evictedTokens, image.evictedTokens);
    store.#tick = image.tick;
    return store;
  }

  /** Newest serial given out. */
  get serial(): number {
    return this.#serial;
  }

  /** Size of the radix tree over all texts, no byte twice: a node for every text and every place where two part. */
  measureText(): { nodes: number; bytes: number } {
    const texts = [...new Set([...this.points.values()].map((p) => p.text))].sort();
    const nodes = new Set(texts);
    let bytes = 0;
    for (const [i, text] of texts.entries()) {
      const shared = commonPrefix(texts[i - 1] ?? "", text);
      nodes.add(text.slice(0, shared));
      bytes += text.length - shared;
    }
    nodes.delete("");
    return { nodes: nodes.size, bytes };
  }
}

/** Number of leading characters that two strings share. */
export function commonPrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  return n;
}
