/**
 * The token trie in plain TypeScript: a list of points with their whole texts, scanned from end to end for every
 * question. Slow and obviously right: the oracle of the tests, the baseline of the benchmarks, and a fallback where
 * WebAssembly is not allowed.
 *
 * @module
 */
import { CheckedTrie } from "./checked_trie.ts";
import { type CheckedSegment, type InsertInput, readInsert, requireText, tooManyTokens } from "./input.ts";
import { addPoints, addSegment, findSame } from "./model_append.ts";
import { ModelHolders } from "./model_holders.ts";
import { LookupMode, matchReason, PointFlag } from "./match.ts";
import {
  beginsWith,
  byteString,
  emptyPayload,
  knownLogprob,
  pathPayload,
  type Payload,
  segmentPayload,
  slicePayload,
  typedArrays,
} from "./model_payload.ts";
import { type Found, handleOf, inScope, isUsable, longest, pointOfTokens } from "./model_points.ts";
import { loadModel, saveModel } from "./model_snapshot.ts";
import { commonPrefix, type ModelPoint, type ModelSegment, ModelStore } from "./model_store.ts";
import { requireTag, runToEnd } from "./snapshot.ts";
import { utf16Length } from "./text.ts";
import type {
  Continuation,
  GcReport,
  Holders,
  LookupOptions,
  PathHandle,
  PrefixMatch,
  TokenTrie,
  TokenTrieOptions,
  TrieStats,
} from "./token_trie.ts";

/** An id and a logprob: what the core needs for a token, and what this model reports. */
const BYTES_PER_TOKEN = 8;

const encoder = new TextEncoder();

/** {@link TokenTrie} by linear scans: every look-up costs O(stored texts). */
export class ModelTrie extends CheckedTrie implements TokenTrie {
  #store: ModelStore;
  readonly #pinned = new Map<PathHandle, ModelPoint>();
  #holders = new ModelHolders();
  #newestVersion = -1;
  #collectedLimit = -1;
  #goOnAt = 0;

  /** Throws `RangeError` for a limit outside its range. */
  constructor(options: TokenTrieOptions = {}) {
    super(options);
    this.#store = new ModelStore(this.limits.maxCacheSize);
  }

  protected override storeText(given: InsertInput): string | null {
    const input = readInsert(given, this.codes);
    if (typeof input === "string") return input;
    const { tokenIds: ids, logprobs, lossMask, version } = input;
    const mask = Array.from(ids, (_, i) => lossMask?.[i] ?? 0);
    const payload: Payload = {
      ids: [...ids],
      mask,
      logprobs: mask.map((m, i) => knownLogprob(logprobs?.[i], m)),
      versions: mask.map((m) => m === 1 ? version : -1),
    };
    const bytes = byteString(encoder.encode(input.text));
    const prefix = this.#longestStoredPrefix(bytes, payload);
    const parent = prefix?.segment ?? null;
    const shared = prefix === null ? 0 : prefix.segment.base + prefix.kept;
    const refused = this.#makeRoom(ids.length - shared, parent, version);
    if (refused !== null) return refused;

    const splice = mask.at(-1) === 1 ? PointFlag.SPLICE : 0;
    const flags = PointFlag.INSERTED | PointFlag.ENTRY | splice;
    const segment = prefix !== null && shared === ids.length
      ? prefix.segment
      : addSegment(this.#store, parent, prefix?.kept ?? 0, slicePayload(payload, shared), null);
    this.#store.addPoint(segment, bytes, ids.length - segment.base, flags);
    this.#store.touch(segment);
    this.#store.raise(segment, version);
    this.#shortenHolders();
    return null;
  }

  /** The point whose path holds most of the beginning of the tokens, and leaves at least one unless it is all. */
  #longestStoredPrefix(text: string, payload: Payload): ModelPoint | null {
    const whole = payload.ids.length;
    const fits = (p: ModelPoint) =>
      text.startsWith(p.text) &&
      (p.segment.base + p.kept < whole || p.text.length === text.length) &&
      beginsWith(payload, pathPayload(p.segment, p.kept));
    return longest([...this.#store.points.values()].filter(fits));
  }

  protected override match(text: string, mode: LookupMode, options: LookupOptions): PrefixMatch {
    requireText(text);
    const utf8 = encoder.encode(text);
    const found = this.#find(byteString(utf8), mode, options.scope);
    const spliceBytes = found?.point.text.length ?? 0;
    const payload = found === null ? emptyPayload() : pathPayload(found.point.segment, found.kept);
    const units = utf16Length(utf8, spliceBytes);
    const handlePoint = found === null ? null : pointOfTokens(found);
    return {
      matchedPrefix: text.slice(0, units),
      remaining: text.slice(units),
      ...typedArrays(payload),
      ...this.#answer(utf8, spliceBytes, found, handlePoint, options),
    };
  }

  findContinuation(text: string, options: LookupOptions = {}): Continuation {
    requireText(text);
    const utf8 = encoder.encode(text);
    return this.#continuation(
      utf8,
      this.#find(byteString(utf8), LookupMode.CONTINUE, options.scope),
      options,
    );
  }

  findContinuationOfIds(text: Uint8Array, tokenIds: Uint32Array, options: LookupOptions = {}): Continuation {
    const bytes = byteString(text);
    const points = tokenIds.length === 0
      ? []
      : this.#agreeing(bytes, tokenIds).filter((p) => inScope(p.segment, options.scope));
    const point = longest(points);
    const candidates = points.filter((p) => p.text === point?.text).length;
    const found = point === null ? null : { point, kept: point.kept, candidates };
    return this.#continuation(tokenIds.length === 0 ? new Uint8Array() : text, found, options);
  }

  #continuation(utf8: Uint8Array, found: Found | null, options: LookupOptions): Continuation {
    const spliceBytes = found?.point.text.length ?? 0;
    const ids = found === null ? [] : pathPayload(found.point.segment, found.kept).ids;
    return {
      tokenCount: ids.length,
      matchedUnits: utf16Length(utf8, spliceBytes),
      idDigits: encoder.encode(ids.join(",")),
      ...this.#answer(utf8, spliceBytes, found, found?.point ?? null, options),
    };
  }

  /** The newest of the usable points with the longest text. */
  #find(query: string, mode: LookupMode, scope: string | undefined): Found | null {
    const usable = [...this.#store.points.values()].filter((p) =>
      isUsable(p, query, mode) && inScope(p.segment, scope)
    );
    if (usable.length === 0) return null;
    const length = Math.max(...usable.map((p) => p.text.length));
    const deepest = usable.filter((p) => p.text.length === length);
    const point = deepest.at(-1)!;
    const whole = mode === LookupMode.LONGEST || (mode === LookupMode.RETRIEVE && length === query.length);
    const kept = whole && (point.flags & PointFlag.TRIMMED) ? point.segment.ids.length : point.kept;
    return { point, kept, candidates: deepest.length };
  }

  #answer(
    utf8: Uint8Array,
    spliceBytes: number,
    found: Found | null,
    point: ModelPoint | null,
    options: LookupOptions,
  ): Pick<PrefixMatch, "matchedBytes" | "spliceBytes" | "candidates" | "reason" | "handle"> {
    const query = byteString(utf8);
    let matchedBytes = 0;
    for (const p of this.#store.points.values()) {
      matchedBytes = Math.max(matchedBytes, commonPrefix(p.text, query));
    }
    const evicted = this.#store.evicted.begins(query, spliceBytes, (text) => this.#store.holdsText(text));
    const reason = matchReason(utf8.length, matchedBytes, spliceBytes, evicted);
    this.lookups.count(found !== null, reason);
    const handle = point === null ? null : handleOf(point);
    if (point !== null) this.#store.touch(point.segment);
    if (point !== null && handle !== null && options.pin) {
      point.segment.pins++;
      this.#pinned.set(handle, point);
    }
    return { matchedBytes, spliceBytes, candidates: found?.candidates ?? 0, reason, handle };
  }

  protected override storeSegments(
    parent: PathHandle | null,
    segments: readonly CheckedSegment[],
  ): PathHandle | string {
    const start = parent === null ? null : this.#pointOf(parent);
    if (start === undefined) return "the handle is stale";

    const known: ModelPoint[] = [];
    for (const segment of segments) {
      const same = findSame(this.#store, known.at(-1) ?? start, segment);
      if (same === null) break;
      known.push(same);
    }
    const fresh = segments.slice(known.length);
    const need = fresh.reduce((sum, s) => sum + s.tokenIds.length, 0);
    const version = Math.max(-1, ...segments.flatMap((s) => s.runs.map((run) => run.code)));
    const refused = this.#makeRoom(need, (known.at(-1) ?? start)?.segment ?? null, version);
    if (refused !== null) return refused;

    let at = start;
    for (const [i, segment] of segments.entries()) {
      const own = known[i]?.segment ??
        addSegment(this.#store, at?.segment ?? null, at?.kept ?? 0, segmentPayload(segment), segment.scope);
      at = addPoints(this.#store, own, at?.text ?? "", segment);
      this.#store.raise(own, Math.max(-1, ...segment.runs.map((run) => run.code)));
    }
    // What was there already is stored once more, behind what is new.
    for (const [i, { segment }] of known.entries()) {
      addPoints(this.#store, segment, (known[i - 1] ?? start)?.text ?? "", segments[i]!);
    }
    this.#store.touch(at!.segment);
    this.#shortenHolders();
    return handleOf(at!);
  }

  /** Brings `need` more tokens below the bound, or tells why that cannot be. Keeps what `parent` continues. */
  #makeRoom(need: number, parent: ModelSegment | null, version: number): string | null {
    const { maxCacheSize, gcThresholdK } = this.limits;
    const store = this.#store;
    const held = store.held(parent);
    const heldTokens = [...held].reduce((sum, s) => sum + s.ids.length, 0);
    if (need > 0 && heldTokens + need > maxCacheSize) {
      return tooManyTokens(need, heldTokens, maxCacheSize);
    }
    this.#newestVersion = Math.max(this.#newestVersion, version);
    const limit = this.#newestVersion - gcThresholdK;
    if (store.tokens + need > maxCacheSize && limit > this.#collectedLimit) {
      store.collect(limit, held);
      this.#collectedLimit = limit;
      this.#goOnAt = 0;
    }
    while (store.tokens + need > maxCacheSize) store.removeLeaf(store.leastRecent(held)!, "lru");
    return null;
  }

  protected override noteHolder(handle: PathHandle, worker: number): boolean {
    const point = this.#pointOf(handle);
    if (point === undefined) return false;
    this.#holders.mark(worker, point.text);
    return true;
  }

  protected override forgetHolder(worker: number): void {
    this.#holders.remove(worker);
  }

  holders(text: string | Uint8Array, tokenIds?: Uint32Array): Holders {
    const query = byteString(typeof text === "string" ? encoder.encode(text) : text);
    if (tokenIds === undefined) {
      const ends = [...this.#store.points.values()].filter((p) => query.startsWith(p.text));
      return this.#holders.find(query, Infinity, ends);
    }
    const ends = this.#agreeing(query, tokenIds);
    return this.#holders.find(query, longest(ends)?.text.length ?? 0, ends);
  }

  /** Points on the way that the text leads whose tokens `tokenIds` begin with. */
  #agreeing(text: string, tokenIds: Uint32Array): ModelPoint[] {
    return [...this.#store.points.values()].filter((p) =>
      text.startsWith(p.text) && pathPayload(p.segment, p.kept).ids.every((id, i) => id === tokenIds[i])
    );
  }

  #shortenHolders(): void {
    if (this.#holders.isEmpty) return;
    this.#holders.shorten([...this.#store.points.values()].map((point) => point.text));
  }

  release(handle: PathHandle): void {
    const point = this.#pinned.get(handle);
    if (point === undefined) return;
    this.#pinned.delete(handle);
    point.segment.pins--;
    this.#store.touch(point.segment);
  }

  read(
    handle: PathHandle,
  ): Pick<PrefixMatch, "tokenIds" | "logprobs" | "lossMask" | "generationVersions"> | null {
    const point = this.#pointOf(handle);
    return point === undefined ? null : typedArrays(pathPayload(point.segment, point.kept));
  }

  #pointOf(handle: PathHandle): ModelPoint | undefined {
    return this.#store.points.get(handle.serial);
  }

  protected override removeText(text: string): number {
    const bytes = byteString(encoder.encode(text));
    const before = this.#store.entries;
    for (const segment of this.#store.newestFirst()) {
      const below = [...segment.points].some((p) => p.text.startsWith(bytes));
      if (below && this.#store.segments.has(segment)) this.#store.removeTree(segment);
    }
    this.#shortenHolders();
    return before - this.#store.entries;
  }

  protected override restartCollection(): void {
    this.#goOnAt = 0;
  }

  protected override collect(limit: number, segmentsMax: number): GcReport {
    const store = this.#store;
    const { entries, tokens } = store;
    const next = store.collect(limit, store.held(null), this.#goOnAt, segmentsMax);
    const done = next === Infinity;
    this.#goOnAt = done ? 0 : next;
    this.#shortenHolders();
    return {
      removedEntries: entries - store.entries,
      removedTokens: tokens - store.tokens,
      done,
    };
  }

  stats(): TrieStats {
    const store = this.#store;
    const text = store.measureText();
    const usedBytes = text.bytes + store.tokens * BYTES_PER_TOKEN;
    return {
      entries: store.entries,
      segments: store.segments.size,
      nodes: text.nodes,
      tokens: store.tokens,
      ...this.limits,
      usedBytes,
      memoryBytes: usedBytes,
      pinned: [...store.segments].reduce((sum, s) => sum + s.pins, 0),
      ...this.lookups.stats(),
      evictedTokens: { ...store.evictedTokens },
      newestVersion: this.#newestVersion < 0 ? null : this.#newestVersion,
    };
  }

  clear(): void {
    this.#store.clear();
    this.#holders.clear();
    this.#goOnAt = 0;
    this.#collectedLimit = -1;
  }

  save(tag = ""): Uint8Array<ArrayBuffer> {
    return runToEnd(this.saveSliced(tag));
  }

  /** The records are read at once: what happens after is not in the snapshot. */
  saveSliced(tag = ""): Generator<undefined, Uint8Array<ArrayBuffer>> {
    return saveModel(
      this.snapshotTables(tag, { scopes: [], freeScopeIds: [] }),
      {
        ...this.#store.image(),
        newestVersion: this.#newestVersion,
        collectedLimit: this.#collectedLimit,
      },
    );
  }

  load(snapshot: Uint8Array, tag = ""): void {
    const { tables, state } = loadModel(snapshot);
    requireTag(tables, tag);
    this.#store = ModelStore.of(state, this.#store.serial, this.limits.maxCacheSize);
    this.adoptTables(tables);
    this.#newestVersion = state.newestVersion;
    this.#collectedLimit = state.collectedLimit;
    this.#goOnAt = 0;
    this.#pinned.clear();
    this.#holders = new ModelHolders();
    this.#makeRoom(0, null, -1);
  }

  checkInvariants(): void {
    const { segments, tokens } = this.#store;
    const sum = [...segments].reduce((total, s) => total + s.ids.length, 0);
    if (sum !== tokens) throw new Error(`Broken invariant: ${tokens} tokens counted, ${sum} stored`);
    if (tokens > this.limits.maxCacheSize) throw new Error(`Broken invariant: ${tokens} tokens stored`);
    for (const s of segments) {
      const newer = s.parent !== null && s.parent.traverseVersion < s.traverseVersion;
      if (newer) throw new Error("Broken invariant: traverse version of a parent is below its child's");
    }
  }
}
