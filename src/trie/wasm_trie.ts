/**
 * The token trie over the WebAssembly core in `assembly/`: what ships. Every method is one call into the core.
 *
 * @module
 */
import { commandBytes, writeCommand } from "./append_command.ts";
import { CheckedTrie } from "./checked_trie.ts";
import { coreLimits, nextSerial } from "./core_start.ts";
import {
  type CheckedSegment,
  type InsertInput,
  putLogprobs,
  putLossMask,
  putTokenIds,
  readLossMask,
  readVersion,
  requireText,
  tooManyTokens,
} from "./input.ts";
import { LookupMode, matchReason } from "./match.ts";
import { refuse, requireTag, runToEnd } from "./snapshot.ts";
import { SCOPE_NONE, SCOPE_UNNAMED, ScopeIds } from "./scope_ids.ts";
import type {
  Continuation,
  GcReport,
  Holders,
  LookupOptions,
  MatchReason,
  PathHandle,
  PrefixMatch,
  TokenTrie,
  TokenTrieOptions,
  TrieStats,
} from "./token_trie.ts";
import {
  BROKEN_RULES,
  HeaderWord,
  NO_POINT,
  PAYLOAD,
  ResultWord,
  Status,
  Want,
  WasmCore,
} from "./wasm_core.ts";
import { loadImage, saveImage } from "./wasm_snapshot.ts";
import { WindowMatch } from "./window_match.ts";

const UINT32_MAX = 0xffff_ffff;
/** Bytes of the input window an inserted token may take: logprob, id, mask, and a span if masks alternate. */
const INSERT_TOKEN_BYTES = 8 + 4 + 1 + 8;
/** Bytes of a token in the output window: logprob, id, version, loss mask, in this order. */
const PAYLOAD_TOKEN_BYTES = 8 + 4 + 4 + 1;

const NO_HOLDERS: Holders = {
  bytes: new Uint32Array(),
  tokens: new Uint32Array(),
  lastUsed: new Uint32Array(),
};
/** Larger copies are not kept. */
const KEPT_COPY_MAX = 2 ** 20;

/** {@link TokenTrie} in WebAssembly. Look-ups cost O(text), whatever is stored beside it. */
export class WasmTrie extends CheckedTrie implements TokenTrie {
  readonly #module: WebAssembly.Module;
  // A snapshot that is loaded comes with others of these.
  #core: WasmCore;
  #scopes: ScopeIds;
  #window: WindowMatch;
  /** Views of the last answer to `holders`: making them costs more than finding what they show. */
  #holders: Holders = NO_HOLDERS;
  readonly #pinned = new Set<PathHandle>();
  /** Releases that wait for the end of a sliced save; null while there is none. */
  #releasesHeld: PathHandle[] | null = null;
  /**
   * The last payload copied out. What was allocated last before a garbage collection lies at the end of glibc's heap: kept,
   * it keeps what has been freed before it from going back to the system, page by page, to be faulted in anew.
   */
  #lastCopy: ArrayBuffer | null = null;
  /** UTF-8 length of the last query. */
  #queryBytes = 0;

  /** `module` is the compiled core. Throws `RangeError` for a limit outside its range. */
  constructor(module: WebAssembly.Module, options: TokenTrieOptions = {}) {
    super(options);
    const core = new WasmCore(module);
    if (!core.exports.start(...coreLimits(this.limits), nextSerial())) {
      throw new RangeError(
        `Cannot create token trie: maxCacheBytes ${this.limits.maxCacheBytes} holds nothing`,
      );
    }
    core.refresh();
    this.#module = module;
    this.#core = core;
    this.#window = new WindowMatch(core);
    this.#scopes = scopesOf(core);
  }

  protected override storeText(input: InsertInput): string | null {
    const { text, tokenIds, logprobs, lossMask } = input;
    const core = this.#core;
    const count = tokenIds.length;
    const bytes = core.tryWriteText(text, count * INSERT_TOKEN_BYTES + 16);
    if (bytes < 0) return this.#refusal(Status.NO_MEMORY);
    const logprobsAt = (core.input + bytes + 7) & ~7;
    const spansAt = logprobsAt + count * 8;
    const idsAt = spansAt + count * 8;
    const maskAt = idsAt + count * 4;
    const given = logprobs === null || logprobs === undefined ? 0 : logprobsAt;
    const misread = putTokenIds(tokenIds, core.u32, idsAt >>> 2) ??
      putLogprobs(logprobs, count, core.f64, logprobsAt >>> 3) ??
      putLossMask(lossMask, count, core.u8, maskAt);
    if (misread !== null) return misread;
    const version = readVersion(input.weightVersion, this.codes);
    if (typeof version === "string") return version;
    const status = core.exports.insert(bytes, idsAt, count, given, maskAt, version, spansAt);
    core.refresh();
    if (status === Status.BAD_LOSS_MASK) return String(readLossMask(lossMask, count));
    return this.#refusal(status);
  }

  #refusal(status: number): string | null {
    if (status === Status.STORED) return null;
    if (status === Status.STALE_HANDLE) return "the handle is stale";
    const { maxCacheSize, maxCacheBytes } = this.limits;
    if (status === Status.NO_MEMORY) return `it does not fit into memory, maxCacheBytes is ${maxCacheBytes}`;
    const core = this.#core;
    return tooManyTokens(core.result(ResultWord.TOKENS), core.result(ResultWord.HELD_TOKENS), maxCacheSize);
  }

  protected override match(text: string, mode: LookupMode, options: LookupOptions): PrefixMatch {
    this.#find(text, mode, options, PAYLOAD);
    const core = this.#core;
    const units = core.result(ResultWord.UNITS);
    const { tokenIds, logprobs, lossMask, generationVersions } = this.#payload();
    const handle = this.#handle();
    return {
      matchedPrefix: text.slice(0, units),
      remaining: text.slice(units),
      matchedBytes: core.result(ResultWord.MATCHED_BYTES),
      spliceBytes: core.result(ResultWord.SPLICE_BYTES),
      tokenIds,
      logprobs,
      lossMask,
      generationVersions,
      candidates: core.result(ResultWord.CANDIDATES),
      reason: this.#account(handle, options),
      handle,
    };
  }

  /**
   * As `retrieveFromText`, without copies: the payload stays in the core's memory. The answer is one and the same object
   * each time and valid until the next call of any method. Not part of the {@link TokenTrie} contract.
   */
  matchViews(text: string, options: Pick<LookupOptions, "scope"> = {}): WindowMatch {
    this.#find(text, LookupMode.RETRIEVE, options, 0);
    this.#window.begin(this.#account(null, options));
    return this.#window;
  }

  findContinuation(text: string, options: LookupOptions = {}): Continuation {
    this.#find(text, LookupMode.CONTINUE, options, Want.DIGITS);
    return this.#continuation(options);
  }

  findContinuationOfIds(text: Uint8Array, tokenIds: Uint32Array, options: LookupOptions = {}): Continuation {
    const core = this.#core;
    const count = tokenIds.length;
    const bytes = this.#queryBytes = core.writeBytes(count === 0 ? new Uint8Array() : text, count * 4 + 4);
    const idsAt = (core.input + bytes + 3) & ~3;
    core.u32.set(tokenIds, idsAt >>> 2);
    const flags = Want.DIGITS | (options.pin ? Want.PIN : 0);
    const scope = this.#scopes.find(options.scope);
    this.#requireMemory(core.exports.findByTokens(bytes, idsAt, count, scope, flags));
    return this.#continuation(options);
  }

  #find(text: string, mode: LookupMode, options: LookupOptions, wanted: number): void {
    requireText(text);
    const core = this.#core;
    const bytes = this.#queryBytes = core.writeText(text);
    const flags = wanted | (options.pin ? Want.PIN : 0) | (core.ascii ? Want.ASCII : 0);
    this.#requireMemory(core.exports.find(mode, bytes, this.#scopes.find(options.scope), flags));
  }

  #requireMemory(answered: number): void {
    this.#core.refresh();
    if (!answered) throw new RangeError("Cannot read path: no memory for the output window");
  }

  #continuation(options: LookupOptions): Continuation {
    const core = this.#core;
    const digits = core.result(ResultWord.DIGITS);
    const handle = this.#handle();
    return {
      tokenCount: core.result(ResultWord.TOKENS),
      matchedUnits: core.result(ResultWord.UNITS),
      matchedBytes: core.result(ResultWord.MATCHED_BYTES),
      spliceBytes: core.result(ResultWord.SPLICE_BYTES),
      candidates: core.result(ResultWord.CANDIDATES),
      reason: this.#account(handle, options),
      handle,
      idDigits: core.u8.slice(digits, digits + core.result(ResultWord.DIGITS_LEN)),
    };
  }

  /** One copy of all that the window holds, which the arrays share: four allocations would cost more than the match. */
  #payload(): Pick<PrefixMatch, "tokenIds" | "logprobs" | "lossMask" | "generationVersions"> {
    const core = this.#core;
    const count = core.result(ResultWord.TOKENS);
    const start = core.result(ResultWord.LOGPROBS);
    const block = core.f64.slice(start >>> 3, (start + count * PAYLOAD_TOKEN_BYTES + 7) >>> 3).buffer;
    if (block.byteLength <= KEPT_COPY_MAX) this.#lastCopy = block;
    return {
      tokenIds: new Uint32Array(block, count * 8, count),
      logprobs: new Float64Array(block, 0, count),
      lossMask: new Uint8Array(block, count * 16, count),
      generationVersions: new Int32Array(block, count * 12, count),
    };
  }

  /** Counts the look-up, and notes its pin. */
  #account(handle: PathHandle | null, options: LookupOptions): MatchReason {
    const core = this.#core;
    const spliceBytes = core.result(ResultWord.SPLICE_BYTES);
    const matchedBytes = core.result(ResultWord.MATCHED_BYTES);
    const evicted = core.result(ResultWord.EVICTED) !== 0;
    const reason = matchReason(this.#queryBytes, matchedBytes, spliceBytes, evicted);
    this.lookups.count(spliceBytes > 0, reason);
    if (handle !== null && options.pin) this.#pinned.add(handle);
    return reason;
  }

  #handle(): PathHandle | null {
    const core = this.#core;
    const point = core.result(ResultWord.POINT);
    return point === NO_POINT ? null : { point, serial: core.serial() };
  }

  protected override storeSegments(
    parent: PathHandle | null,
    segments: readonly CheckedSegment[],
  ): PathHandle | string {
    const core = this.#core;
    let bytes = 0;
    for (const segment of segments) bytes += commandBytes(segment);
    if (!core.tryReserve(bytes)) return this.#refusal(Status.NO_MEMORY)!;
    let at = core.input;
    for (const segment of segments) at = writeCommand(core, at, segment, this.#scopeOf(segment));
    const status = core.exports.append(parent?.point ?? 0, parent?.serial ?? 0, segments.length);
    core.refresh();
    return this.#refusal(status) ?? this.#handle()!;
  }

  #scopeOf(segment: CheckedSegment): number {
    if (!segment.sampled) return SCOPE_NONE;
    return segment.scope === null ? SCOPE_UNNAMED : this.#scopes.intern(segment.scope);
  }

  release(handle: PathHandle): void {
    if (this.#releasesHeld !== null) this.#releasesHeld.push(handle);
    else if (this.#pinned.delete(handle)) this.#core.exports.unpin(handle.point, handle.serial);
  }

  protected override noteHolder(handle: PathHandle, worker: number): boolean {
    if (this.#releasesHeld !== null) return false;
    const status = this.#core.exports.mark(handle.point, handle.serial, worker);
    this.#core.refresh();
    return status === Status.STORED;
  }

  protected override forgetHolder(worker: number): void {
    this.#core.exports.unmark(worker);
  }

  holders(text: string | Uint8Array, tokenIds?: Uint32Array): Holders {
    const core = this.#core;
    const count = tokenIds?.length ?? 0;
    const more = count * 4 + 4;
    const bytes = typeof text === "string" ? core.writeText(text, more) : core.writeBytes(text, more);
    const idsAt = tokenIds === undefined ? 0 : (core.input + bytes + 3) & ~3;
    if (tokenIds !== undefined) core.u32.set(tokenIds, idsAt >>> 2);
    this.#requireMemory(core.exports.holders(bytes, idsAt, count));
    const workers = core.result(ResultWord.TOKENS);
    const at = core.result(ResultWord.IDS);
    const known = this.#holders.bytes;
    // Views of memory that has grown since have no length.
    if (known.length === workers && known.byteOffset === at) return this.#holders;
    const { buffer } = core.u8;
    return this.#holders = {
      bytes: new Uint32Array(buffer, at, workers),
      tokens: new Uint32Array(buffer, at + workers * 4, workers),
      lastUsed: new Uint32Array(buffer, at + workers * 8, workers),
    };
  }

  read(
    handle: PathHandle,
  ): Pick<PrefixMatch, "tokenIds" | "logprobs" | "lossMask" | "generationVersions"> | null {
    this.#requireMemory(this.#core.exports.read(handle.point, handle.serial, PAYLOAD));
    return this.#handle() === null ? null : this.#payload();
  }

  protected override removeText(text: string): number {
    const core = this.#core;
    core.exports.remove(core.writeText(text));
    core.refresh();
    return core.result(ResultWord.REMOVED_ENTRIES);
  }

  protected override restartCollection(): void {
    this.#core.exports.restartCollect();
  }

  protected override collect(limit: number, segmentsMax: number): GcReport {
    const core = this.#core;
    const entries = core.header(HeaderWord.ENTRIES);
    const tokens = core.header(HeaderWord.TOKENS);
    const done = core.exports.collect(limit, Math.min(segmentsMax, UINT32_MAX)) !== 0;
    core.refresh();
    return {
      removedEntries: entries - core.header(HeaderWord.ENTRIES),
      removedTokens: tokens - core.header(HeaderWord.TOKENS),
      done,
    };
  }

  stats(): TrieStats {
    const core = this.#core;
    const newest = core.header(HeaderWord.NEWEST_VERSION) | 0;
    return {
      entries: core.header(HeaderWord.ENTRIES),
      segments: core.header(HeaderWord.SEGMENTS),
      nodes: core.header(HeaderWord.NODES) - 1,
      tokens: core.header(HeaderWord.TOKENS),
      ...this.limits,
      usedBytes: core.header(HeaderWord.USED_BYTES) - core.header(HeaderWord.WINDOW_BYTES),
      memoryBytes: core.memoryBytes,
      pinned: core.header(HeaderWord.PINS),
      ...this.lookups.stats(),
      evictedTokens: {
        lru: core.counter(HeaderWord.EVICTED_LRU),
        version: core.counter(HeaderWord.EVICTED_VERSION),
        removed: core.counter(HeaderWord.EVICTED_REMOVED),
      },
      newestVersion: newest < 0 ? null : newest,
    };
  }

  clear(): void {
    this.#core.exports.clear(nextSerial());
    this.#core.forgetWindows();
    this.#pinned.clear();
  }

  save(tag = ""): Uint8Array<ArrayBuffer> {
    return runToEnd(
      saveImage(this.#module, this.#core, () => this.snapshotTables(tag, this.#scopes.tables())),
    );
  }

  *saveSliced(tag = ""): Generator<undefined, Uint8Array<ArrayBuffer>> {
    if (this.#releasesHeld !== null) throw new Error("Cannot save in slices: another sliced save goes on");
    const releases: PathHandle[] = this.#releasesHeld = [];
    try {
      return yield* saveImage(
        this.#module,
        this.#core,
        () => this.snapshotTables(tag, this.#scopes.tables()),
      );
    } finally {
      this.#releasesHeld = null;
      for (const handle of releases) this.release(handle);
    }
  }

  load(snapshot: Uint8Array, tag = ""): void {
    const { core, tables } = loadImage(this.#module, snapshot);
    requireTag(tables, tag);
    if (!core.exports.adopt(...coreLimits(this.limits), nextSerial())) {
      refuse(`it does not fit into memory, maxCacheBytes is ${this.limits.maxCacheBytes}`);
    }
    core.forgetWindows();
    this.#core = core;
    this.#window = new WindowMatch(core);
    this.#holders = NO_HOLDERS;
    this.adoptTables(tables);
    this.#scopes = scopesOf(core).restore(tables.scopes, tables.freeScopeIds);
    this.#pinned.clear();
  }

  /**
   * Makes the memory allocation after the next `skipped` ones fail, and if `stays` all after it, until `endFaults`. A debug
   * aid that is not part of the {@link TokenTrie} contract.
   */
  injectFault(skipped: number, stays = false): void {
    this.#core.exports.fail(skipped, stays);
  }

  /** Ends what `injectFault` began. Whether an allocation has failed. */
  endFaults(): boolean {
    return this.#core.exports.endFail() !== 0;
  }

  checkInvariants(): void {
    const broken = this.#core.exports.check();
    this.#core.refresh();
    if (broken !== 0) throw new Error(`Broken invariant: not true that ${BROKEN_RULES[broken]}`);
  }
}

function scopesOf(core: WasmCore): ScopeIds {
  return new ScopeIds((id) => core.exports.scopeSegments(id) >>> 0);
}
