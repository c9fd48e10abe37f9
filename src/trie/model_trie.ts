/**
 * The token trie in plain TypeScript: a list of points with their whole texts, scanned from end to end for every
 * question. Slow and obviously right: the oracle of the tests, the baseline of the benchmarks, and a fallback where
 * WebAssembly is not allowed.
 *
 * @module
 */
import {
  type CheckedSegment,
  gcLimit,
  readLogprobs,
  readLossMask,
  readSegment,
  readTokenIds,
  readVersion,
  requireWorker,
  tooManyTokens,
  type TrieLimits,
  trieLimits,
} from "./input.ts";
import { ModelHolders } from "./model_holders.ts";
import { LookupCounters, LookupMode, matchReason, PointFlag } from "./match.ts";
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
  AppendResult,
  Continuation,
  GcReport,
  Holders,
  LookupOptions,
  PathHandle,
  PrefixMatch,
  SegmentInput,
  TokenTrie,
  TokenTrieOptions,
  TrieStats,
  TrieWeightVersion,
} from "./token_trie.ts";
import { VersionCodes } from "./versions.ts";

/** An id and a logprob: what the core needs for a token, and what this model reports. */
const BYTES_PER_TOKEN = 8;

const encoder = new TextEncoder();

/** {@link TokenTrie} by linear scans: every look-up costs O(stored texts). */
export class ModelTrie implements TokenTrie {
  readonly #limits: TrieLimits;
  // A snapshot that is loaded comes with others of these.
  #codes = new VersionCodes();
  #store = new ModelStore();
  #lookups = new LookupCounters();
  readonly #pinned = new Map<PathHandle, ModelPoint>();
  #holders = new ModelHolders();
  #newestVersion = -1;
  #collectedLimit = -1;
  #slice: ModelSegment[] = [];
  #lastRefusal: string | null = null;

  /** Throws `RangeError` for a limit outside its range. */
  constructor(options: TokenTrieOptions = {}) {
    this.#limits = trieLimits(options);
  }

  get lastRefusal(): string | null {
    return this.#lastRefusal;
  }

  insert(
    text: string,
    tokenIds: ArrayLike<number>,
    logprobs?: ArrayLike<number | null> | null,
    lossMask?: ArrayLike<number> | null,
    weightVersion?: TrieWeightVersion | null,
  ): boolean {
    const reason = this.#insert(text, tokenIds, logprobs, lossMask, weightVersion);
    this.#lastRefusal = reason === null ? null : `Cannot insert: ${reason}`;
    return reason === null;
  }

  #insert(
    text: string,
    tokenIds: ArrayLike<number>,
    givenLogprobs: ArrayLike<number | null> | null | undefined,
    givenMask: ArrayLike<number> | null | undefined,
    weightVersion: TrieWeightVersion | null | undefined,
  ): string | null {
    if (text.length === 0) return "text is empty";
    const ids = readTokenIds(tokenIds);
    if (typeof ids === "string") return ids;
    const logprobs = readLogprobs(givenLogprobs, ids.length);
    if (typeof logprobs === "string") return logprobs;
    const lossMask = readLossMask(givenMask, ids.length);
    if (typeof lossMask === "string") return lossMask;
    const version = readVersion(weightVersion, this.#codes);
    if (typeof version === "string") return version;

    const mask = Array.from(ids, (_, i) => lossMask?.[i] ?? 0);
    const payload: Payload = {
      ids: [...ids],
      mask,
      logprobs: mask.map((m, i) => knownLogprob(logprobs?.[i], m)),
      versions: mask.map((m) => m === 1 ? version : -1),
    };
    const bytes = byteString(encoder.encode(text));
    const prefix = this.#longestStoredPrefix(bytes, payload);
    const parent = prefix?.segment ?? null;
    const shared = prefix === null ? 0 : prefix.segment.base + prefix.kept;
    const refused = this.#makeRoom(ids.length - shared, parent, version);
    if (refused !== null) return refused;

    const splice = mask.at(-1) === 1 ? PointFlag.SPLICE : 0;
    const flags = PointFlag.INSERTED | PointFlag.ENTRY | splice;
    const segment = prefix !== null && shared === ids.length
      ? prefix.segment
      : this.#addSegment(parent, prefix?.kept ?? 0, slicePayload(payload, shared), null);
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

  findLongestPrefix(text: string, options: LookupOptions = {}): PrefixMatch {
    return this.#match(text, LookupMode.LONGEST, options);
  }

  retrieveFromText(text: string, options: LookupOptions = {}): PrefixMatch {
    return this.#match(text, LookupMode.RETRIEVE, options);
  }

  #match(text: string, mode: LookupMode, options: LookupOptions): PrefixMatch {
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
    const reason = matchReason(utf8.length, matchedBytes, spliceBytes);
    this.#lookups.count(found !== null, reason);
    const handle = point === null ? null : handleOf(point);
    if (point !== null) this.#store.touch(point.segment);
    if (point !== null && handle !== null && options.pin) {
      point.segment.pins++;
      this.#pinned.set(handle, point);
    }
    return { matchedBytes, spliceBytes, candidates: found?.candidates ?? 0, reason, handle };
  }

  append(parent: PathHandle | null, segments: readonly SegmentInput[]): AppendResult {
    const result = this.#append(parent, segments);
    return typeof result === "string"
      ? { ok: false, reason: `Cannot append: ${result}` }
      : { ok: true, handle: result };
  }

  #append(parent: PathHandle | null, inputs: readonly SegmentInput[]): PathHandle | string {
    if (inputs.length === 0) return "there are no segments";
    const segments: CheckedSegment[] = [];
    for (const [i, input] of inputs.entries()) {
      const segment = readSegment(input, this.#codes);
      if (typeof segment === "string") return `segment ${i}: ${segment}`;
      segments.push(segment);
    }
    let at = parent === null ? null : this.#pointOf(parent);
    if (at === undefined) return "the handle is stale";

    const known: ModelPoint[] = [];
    for (const segment of segments) {
      const same = this.#findSame(known.at(-1) ?? at, segment);
      if (same === null) break;
      known.push(same);
    }
    const fresh = segments.slice(known.length);
    const need = fresh.reduce((sum, s) => sum + s.tokenIds.length, 0);
    const version = Math.max(-1, ...segments.flatMap((s) => s.runs.map((run) => run.code)));
    const refused = this.#makeRoom(need, (known.at(-1) ?? at)?.segment ?? null, version);
    if (refused !== null) return refused;

    for (const [i, segment] of segments.entries()) {
      const own = known[i]?.segment ??
        this.#addSegment(at?.segment ?? null, at?.kept ?? 0, segmentPayload(segment), segment.scope);
      at = this.#addPoints(own, at?.text ?? "", segment);
      this.#store.raise(own, Math.max(-1, ...segment.runs.map((run) => run.code)));
    }
    this.#store.touch(at!.segment);
    this.#shortenHolders();
    return handleOf(at!);
  }

  /** The point that the first key of an identical segment below `at` ends in. */
  #findSame(at: ModelPoint | null, wanted: CheckedSegment): ModelPoint | null {
    const [key] = wanted.keys;
    const text = (at?.text ?? "") + byteString(key!.bytes);
    const payload = segmentPayload(wanted);
    const scope = wanted.sampled ? wanted.scope : undefined;
    const same = [...this.#store.points.values()].filter((p) =>
      p.text === text && p.kept === key!.tokens && p.segment.parent === (at?.segment ?? null) &&
      p.segment.cut === (at?.kept ?? 0) && p.segment.scope === scope &&
      p.segment.ids.length === payload.ids.length && beginsWith(payload, p.segment) &&
      p.segment.versions.every((version, i) => version === payload.versions[i])
    );
    return same.at(-1) ?? null;
  }

  /** The point of the segment's first key. */
  #addPoints(segment: ModelSegment, base: string, input: CheckedSegment): ModelPoint {
    const splice = input.sampled ? PointFlag.SPLICE : 0;
    const points = input.keys.map((key, i) => {
      const trimmed = key.tokens < input.tokenIds.length ? PointFlag.TRIMMED : 0;
      const entry = i === 0 ? PointFlag.ENTRY : 0;
      const use = key.retrieveOnly ? PointFlag.RETRIEVE_ONLY : PointFlag.INSERTED | splice;
      const flags = use | trimmed | entry;
      return this.#store.addPoint(segment, base + byteString(key.bytes), key.tokens, flags);
    });
    for (const { byteOffset, tokenIndex } of input.splicePoints) {
      const text = base + byteString(input.keys[0]!.bytes.subarray(0, byteOffset));
      this.#store.addPoint(segment, text, tokenIndex, PointFlag.SPLICE);
    }
    return points[0]!;
  }

  #addSegment(
    parent: ModelSegment | null,
    cut: number,
    payload: Payload,
    scope: string | null,
  ): ModelSegment {
    const segment: ModelSegment = {
      parent,
      cut,
      base: parent === null ? 0 : parent.base + cut,
      ...payload,
      scope: payload.mask.includes(1) ? scope : undefined,
      children: new Set(),
      points: new Set(),
      traverseVersion: -1,
      tick: 0,
      pins: 0,
    };
    this.#store.addSegment(segment);
    this.#store.touch(segment);
    return segment;
  }

  /** Brings `need` more tokens below the bound, or tells why that cannot be. Keeps what `parent` continues. */
  #makeRoom(need: number, parent: ModelSegment | null, version: number): string | null {
    const { maxCacheSize, gcThresholdK } = this.#limits;
    const store = this.#store;
    const held = store.held(parent);
    const heldTokens = [...held].reduce((sum, s) => sum + s.ids.length, 0);
    if (need > 0 && heldTokens + need > maxCacheSize) {
      return tooManyTokens(need, heldTokens, maxCacheSize);
    }
    this.#newestVersion = Math.max(this.#newestVersion, version);
    const limit = this.#newestVersion - gcThresholdK;
    if (store.tokens + need > maxCacheSize && limit > this.#collectedLimit) {
      store.collect(store.newestFirst(), limit, held);
      this.#collectedLimit = limit;
      this.#slice = [];
    }
    while (store.tokens + need > maxCacheSize) store.removeLeaf(store.leastRecent(held)!, "lru");
    return null;
  }

  markHolder(handle: PathHandle, worker: number): boolean {
    requireWorker(worker);
    const point = this.#pointOf(handle);
    if (point === undefined) return false;
    this.#holders.mark(worker, point.text);
    return true;
  }

  removeHolder(worker: number): void {
    requireWorker(worker);
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
    if (!this.#holders.isEmpty) this.#holders.shorten(this.#store.nodeTexts());
  }

  release(handle: PathHandle): void {
    const point = this.#pinned.get(handle);
    if (point === undefined) return;
    this.#pinned.delete(handle);
    point.segment.pins--;
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

  remove(text: string): number {
    if (text.length === 0) return 0;
    const bytes = byteString(encoder.encode(text));
    const before = this.#store.entries;
    for (const segment of this.#store.newestFirst()) {
      const below = [...segment.points].some((p) => p.text.startsWith(bytes));
      if (below && this.#store.segments.has(segment)) this.#store.removeTree(segment);
    }
    this.#shortenHolders();
    return before - this.#store.entries;
  }

  gcByWeightVersion(currentVersion: number, gcThresholdK = this.#limits.gcThresholdK): GcReport {
    this.#slice = [];
    return this.gcSlice(currentVersion, gcThresholdK, Infinity);
  }

  gcSlice(currentVersion: number, gcThresholdK: number, segmentsMax: number): GcReport {
    const store = this.#store;
    const { entries, tokens } = store;
    const limit = gcLimit(currentVersion, gcThresholdK);
    this.#slice = this.#slice.filter((s) => store.segments.has(s));
    if (this.#slice.length === 0) this.#slice = store.newestFirst();
    const looked = this.#slice.splice(0, Math.max(1, segmentsMax));
    store.collect(looked, limit, store.held(null));
    this.#slice = this.#slice.filter((s) => store.segments.has(s));
    this.#shortenHolders();
    return {
      removedEntries: entries - store.entries,
      removedTokens: tokens - store.tokens,
      done: this.#slice.length === 0,
    };
  }

  versionLabel(code: number): string | undefined {
    return this.#codes.label(code);
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
      ...this.#limits,
      usedBytes,
      memoryBytes: usedBytes,
      pinned: [...store.segments].reduce((sum, s) => sum + s.pins, 0),
      ...this.#lookups.stats(),
      evictedTokens: { ...store.evictedTokens },
      newestVersion: this.#newestVersion < 0 ? null : this.#newestVersion,
    };
  }

  clear(): void {
    this.#store.clear();
    this.#holders.clear();
    this.#slice = [];
    this.#collectedLimit = -1;
  }

  save(tag = ""): Uint8Array<ArrayBuffer> {
    return runToEnd(this.saveSliced(tag));
  }

  /** The records are read at once: what happens after is not in the snapshot. */
  saveSliced(tag = ""): Generator<undefined, Uint8Array<ArrayBuffer>> {
    const { hits, misses_by_reason } = this.#lookups.stats();
    return saveModel(
      {
        tag,
        labels: this.#codes.labels,
        scopes: [],
        freeScopeIds: [],
        lookups: { hits, misses_by_reason },
        limits: this.#limits,
      },
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
    this.#store = ModelStore.of(state, this.#store.serial);
    this.#codes = new VersionCodes(tables.labels);
    this.#lookups = new LookupCounters(tables.lookups);
    this.#newestVersion = state.newestVersion;
    this.#collectedLimit = state.collectedLimit;
    this.#slice = [];
    this.#pinned.clear();
    this.#holders = new ModelHolders();
    this.#makeRoom(0, null, -1);
  }

  checkInvariants(): void {
    const { segments, tokens } = this.#store;
    const sum = [...segments].reduce((total, s) => total + s.ids.length, 0);
    if (sum !== tokens) throw new Error(`Broken invariant: ${tokens} tokens counted, ${sum} stored`);
    if (tokens > this.#limits.maxCacheSize) throw new Error(`Broken invariant: ${tokens} tokens stored`);
    for (const s of segments) {
      const newer = s.parent !== null && s.parent.traverseVersion < s.traverseVersion;
      if (newer) throw new Error("Broken invariant: traverse version of a parent is below its child's");
    }
  }
}
