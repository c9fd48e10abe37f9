/**
 * The contract of the token trie: text in, the tokens that really produced it out.
 *
 * Two implementations stand beside this file: `wasm_trie.ts` (AssemblyScript core, what ships) and `model_trie.ts`
 * (plain TypeScript, obviously right: the oracle of the tests and the baseline of the benchmarks). One suite,
 * `tests/support/token_trie_suite.ts`, runs over both.
 *
 * ## Words
 * - *segment*: a run of tokens added by one event. A prompt segment has loss mask 0, an output segment is what an
 *   engine sampled in one reply: loss mask 1, logprobs, version. A segment continues a {@link PathHandle} or the root,
 *   and stores only its own tokens; the path from the root is the token sequence.
 * - *key*: the text of a segment, as UTF-8 bytes, continuing the text of its parent. An output segment may have several
 *   keys: what its tokens decode to, that without the trailing stop token, the engine's own `text`.
 * - *splice point*: a place where a stored sequence may be cut and continued with newly encoded text.
 *
 * This file imports nothing, so that other runtimes reuse the trie alone.
 *
 * @module
 */

/** A weight version as engines send it: integer-like versions order, other strings are labels. */
export type TrieWeightVersion = number | string;

/** `generationVersions` value of a token that no known weight version generated. */
export const NO_VERSION = -1;

/** Options of {@link TokenTrie} constructors. */
export interface TokenTrieOptions {
  /** Most tokens stored. Default 10,000. */
  maxCacheSize?: number;
  /** Most bytes of memory in use (text, tokens, nodes). Default 2 GiB. */
  maxCacheBytes?: number;
  /** Versions at or below `current - gcThresholdK` go in a garbage collection. Default 5. */
  gcThresholdK?: number;
}

/** A place in a stored token sequence. Opaque to the holder; stale handles are detected, never followed. */
export interface PathHandle {
  /** Address of the point in the core. */
  readonly point: number;
  /** Number of the trie and generation of that point: an address that is used again has another. */
  readonly serial: number;
}

/**
 * Why a look-up answered what it did. "evicted" comes before the reasons below it, and stands beside a shorter match too:
 * a larger cache would have found more. It is about text, whatever its scope and whether it was a splice point; what
 * `remove` or `clear` took is not evicted. A trie remembers the last evicted texts only (see docs/trie.md): a reason may
 * be missing, and is never wrong.
 */
export type MatchReason =
  | "hit" // the whole query, or all of it up to a splice point past which nothing is stored
  | "evicted" // the query begins with a longer text that was evicted or collected, and is not stored now
  | "no match" // nothing stored begins like the query
  | "not at a splice point" // stored text goes on past the answer, but may not be cut where the query leaves it
  | "empty"; // the query is empty

/**
 * What a look-up found. Typed arrays are fresh copies, one element a token. Of several paths for one text the newest
 * answers: the last stored, be it anew or once more.
 */
export interface PrefixMatch {
  /** The part of the query that the tokens stand for. */
  readonly matchedPrefix: string;
  /** The rest of the query, to be encoded by the caller. `matchedPrefix + remaining` is the query. */
  readonly remaining: string;
  /** Bytes of the query that any stored text shares: at least `spliceBytes`. */
  readonly matchedBytes: number;
  /** UTF-8 length of `matchedPrefix`. */
  readonly spliceBytes: number;
  readonly tokenIds: Uint32Array;
  /** 0 where the loss mask is 0 and no logprob was given; NaN where the loss mask is 1 and none was given. */
  readonly logprobs: Float64Array;
  readonly lossMask: Uint8Array;
  /** ≥ 0 an integer version; -1 none; ≤ -2 a label, see {@link TokenTrie.versionLabel}. */
  readonly generationVersions: Int32Array;
  /** How many stored paths stand for this very text: more than 1 means that the text alone is ambiguous. */
  readonly candidates: number;
  readonly reason: MatchReason;
  /** Where new segments may be appended; `null` when nothing matched (then the root is the parent). */
  readonly handle: PathHandle | null;
}

/** A continuation look-up for the request path: no copies but the digits. */
export interface Continuation {
  /** Tokens in the matched path. */
  readonly tokenCount: number;
  /** UTF-16 length of the matched prefix: `text.slice(matchedUnits)` remains to be encoded. */
  readonly matchedUnits: number;
  readonly matchedBytes: number;
  readonly spliceBytes: number;
  readonly candidates: number;
  readonly reason: MatchReason;
  readonly handle: PathHandle | null;
  /** The ids as JSON digits without brackets, ASCII, e.g. `151644,8948,198`; empty when no token matched. A copy. */
  readonly idDigits: Uint8Array;
}

/** Options of look-ups. */
export interface LookupOptions {
  /** Only samples of this scope (see {@link SegmentInput.scope}) are candidates; prompts are shared by all. */
  scope?: string;
  /** Keep the found path from eviction until {@link TokenTrie.release}. Default false. */
  pin?: boolean;
}

/** A text under which a segment is found, continuing its parent's text. */
export interface SegmentKey {
  /** The text itself. Bytes may end inside a UTF-8 sequence: tokens do. */
  readonly text: string | Uint8Array;
  /**
   * How many of the segment's tokens this text stands for. Default all. One less when the text leaves out the
   * trailing stop token: a continuation cuts there, `retrieveFromText` of exactly this text still gives every token.
   */
  readonly tokens?: number;
  /**
   * The text leaves out something that was sampled and is no trailing stop token (a trimmed stop string). It is no
   * splice point: only `retrieveFromText` and `findLongestPrefix` of exactly this text, or of a text that starts with it
   * in the latter, answer with the segment's tokens. Default false.
   */
  readonly retrieveOnly?: boolean;
}

/** A place inside a prompt where it may be cut: the right edge of a special token. */
export interface SplicePoint {
  /** UTF-8 offset in the segment's first key. */
  readonly byteOffset: number;
  /** How many of the segment's tokens lie before it. */
  readonly tokenIndex: number;
}

/** A maximal run of tokens that one weight version sampled. Runs partition the segment. */
export interface VersionRun {
  /** Number of tokens in the run. */
  readonly tokens: number;
  readonly version: TrieWeightVersion | null;
}

/** One segment to append. */
export interface SegmentInput {
  /** 1 to 4 keys. The first is the text that the tokens decode to. */
  readonly keys: readonly SegmentKey[];
  readonly tokenIds: ArrayLike<number>;
  /** `true`: an engine sampled these tokens (loss mask 1). `false`: prompt (loss mask 0). */
  readonly sampled: boolean;
  /** One a token, NaN or null where the engine gave none. Prompts need none. */
  readonly logprobs?: ArrayLike<number | null>;
  /** Runs of versions, or one version for all tokens. Prompts have none. */
  readonly versions?: readonly VersionRun[] | TrieWeightVersion | null;
  /** Session that sampled the segment. Absent: none. */
  readonly scope?: string;
  /** Right edges of special tokens inside a prompt. Default none. Ascending. */
  readonly splicePoints?: readonly SplicePoint[];
}

/** Outcome of {@link TokenTrie.append}. */
export type AppendResult =
  | { readonly ok: true; readonly handle: PathHandle }
  | { readonly ok: false; readonly reason: string };

/** What a garbage collection did. */
export interface GcReport {
  readonly removedEntries: number;
  readonly removedTokens: number;
  /** False when a sliced collection has more to do: call again. */
  readonly done: boolean;
}

/** Counters and sizes. Sizes in the unit their name ends with; counters since creation. */
export interface TrieStats {
  /** Inserted texts that are stored now. */
  readonly entries: number;
  readonly segments: number;
  readonly nodes: number;
  /** Tokens stored now: never above `maxCacheSize`. */
  readonly tokens: number;
  readonly maxCacheSize: number;
  readonly gcThresholdK: number;
  /** Bytes in use by text, tokens, nodes. */
  readonly usedBytes: number;
  /** Bytes the memory has in all (in use, free, windows). */
  readonly memoryBytes: number;
  readonly maxCacheBytes: number;
  readonly pinned: number;
  readonly hits: number;
  readonly misses: number;
  readonly misses_by_reason: Readonly<Record<Exclude<MatchReason, "hit">, number>>;
  /** Hits by the reason that they end where they do: their sum is `hits`. */
  readonly hits_by_reason: Readonly<Record<Exclude<MatchReason, "empty" | "no match">, number>>;
  readonly evictedTokens: { readonly lru: number; readonly version: number; readonly removed: number };
  /** Newest integer version seen, or null. */
  readonly newestVersion: number | null;
}

/** Workers that can hold prefixes are numbers below this. */
export const WORKERS_MAX = 1_024;

/**
 * What {@link TokenTrie.holders} answers: one element a worker, up to the highest that was marked. To be read, or copied,
 * before the next call of any method: copies would cost more than the answer.
 */
export interface Holders {
  /** UTF-8 bytes of the query that the worker holds. */
  readonly bytes: Uint32Array;
  /** Tokens of the newest stored path that ends within those bytes; 0 when none does. */
  readonly tokens: Uint32Array;
  /** Order of marks: greater is later; 0 for a worker that holds nothing of the query. */
  readonly lastUsed: Uint32Array;
}

/** The token trie. Methods are synchronous and atomic; what spans an `await` is guarded by the caller's lock. */
export interface TokenTrie {
  /**
   * Stores a whole text with its whole token sequence.
   *
   * Tokens that an already stored prefix of the text holds identically (ids, logprobs, mask) are shared and keep their
   * generation versions; the rest becomes a new segment. `weightVersion` is given to new tokens with loss mask 1 and
   * raises the traverse version of the path.
   *
   * @param text non-empty
   * @param tokenIds one or more integers in [0, 2^32)
   * @param logprobs one a token; default: none known
   * @param lossMask one 0 or 1 a token; default all 0
   * @returns false when refused: nothing has changed and `lastRefusal` tells why
   */
  insert(
    text: string,
    tokenIds: ArrayLike<number>,
    logprobs?: ArrayLike<number | null> | null,
    lossMask?: ArrayLike<number> | null,
    weightVersion?: TrieWeightVersion | null,
  ): boolean;

  /** Why the last `insert` was refused; null when it was not. */
  readonly lastRefusal: string | null;

  /** The longest inserted text that `text` starts with, whatever its mask. Newest first among equals. */
  findLongestPrefix(text: string, options?: LookupOptions): PrefixMatch;

  /**
   * The longest stored prefix that may be continued with newly encoded text: ends at splice points only, or at the end
   * of a stored prompt when the query ends there too. What `/retrieve_from_text` uses: a query that ends exactly
   * before a sampled trailing stop token gets that token too.
   */
  retrieveFromText(text: string, options?: LookupOptions): PrefixMatch;

  /** As `retrieveFromText`, but cut before a trailing stop token that the query leaves out, and without payload copies:
   * what `/generate` uses. Pass `pin: true` to append to the handle later. */
  findContinuation(text: string, options?: LookupOptions): Continuation;

  /**
   * The longest stored path whose *tokens* are a prefix of `tokenIds` and which ends at any point (splice point or
   * end of a segment). `text` is what `tokenIds` decode to, as bytes: it guides the walk, the ids decide.
   */
  findContinuationOfIds(text: Uint8Array, tokenIds: Uint32Array, options?: LookupOptions): Continuation;

  /**
   * Appends segments one after another below `parent` (null: the root), all or none. An identical prompt segment that
   * is already there is reused, so is an identical output segment (ids, logprobs, versions, scope).
   * Cost: the delta, not the history.
   */
  append(parent: PathHandle | null, segments: readonly SegmentInput[]): AppendResult;

  /**
   * Notes that `worker` holds the path of `handle`, and with it all that the path's text begins with. It does so until
   * {@link TokenTrie.removeHolder}, or until the text leaves the trie: then it holds as much of it as any stored text
   * still begins with. Not saved.
   * Cost: the nodes of the path. A write, for the caller's lock: while a sliced save goes on it is refused.
   *
   * @param worker an integer in [0, {@link WORKERS_MAX}), else `RangeError`
   * @returns false when the handle is stale or there is no memory: nothing has changed
   */
  markHolder(handle: PathHandle, worker: number): boolean;

  /** Forgets what `worker` holds. Cost: O(1). Throws `RangeError` as `markHolder`. */
  removeHolder(worker: number): void;

  /**
   * How much of `text` each worker holds. With `tokenIds`, which are those of `text`, only as far as a stored path has
   * these very tokens. Counts as no look-up and no use. Cost: a look-up, and what differs between workers.
   */
  holders(text: string | Uint8Array, tokenIds?: Uint32Array): Holders;

  /** Ends a pin, and counts as a use. A handle that is not pinned, or stale, is ignored. */
  release(handle: PathHandle): void;

  /** The path that ends at `handle`, whole: fresh copies; null when the handle is stale. */
  read(
    handle: PathHandle,
  ): Pick<PrefixMatch, "tokenIds" | "logprobs" | "lossMask" | "generationVersions"> | null;

  /** Removes `text` and everything that extends it. Returns the number of entries removed. */
  remove(text: string): number;

  /** Removes what no version newer than `currentVersion - gcThresholdK` passed through. Unversioned entries stay. */
  gcByWeightVersion(currentVersion: number, gcThresholdK?: number): GcReport;

  /**
   * As `gcByWeightVersion`, at most `segmentsMax` segments looked at a call, least recently used first, for callers that
   * share a thread. Those that others continue are looked at when these have gone, and are not counted before. Fewer where
   * a segment has many points or much text: so many segments stand for that much work, and what cannot be done in one
   * call, the next goes on with.
   */
  gcSlice(currentVersion: number, gcThresholdK: number, segmentsMax: number): GcReport;

  /** The label of a `generationVersions` value ≤ -2; undefined for others. */
  versionLabel(code: number): string | undefined;

  stats(): TrieStats;

  /** Forgets everything. Handles become stale. Counters stay. */
  clear(): void;

  /**
   * Everything stored, with counters and the order of eviction, for {@link TokenTrie.load}. Pins are not part of it.
   * Cost: one copy and one checksum of the memory.
   *
   * @param tag names what the token ids mean (a tokenizer, say): `load` asks for the same. Default ""
   */
  save(tag?: string): Uint8Array<ArrayBuffer>;

  /**
   * As `save`, in slices of about a millisecond for callers that share a thread: the generator returns the snapshot. What
   * spans the slices is guarded by the caller's lock; a call of the trie in between costs one long slice at the end,
   * `release` excepted: it takes effect after the last slice. Run it to its end, or call its `return()`.
   */
  saveSliced(tag?: string): Generator<undefined, Uint8Array<ArrayBuffer>>;

  /**
   * Becomes what `save` gave, in place of what is stored. Handles and pins from before are stale. This trie's own bounds
   * apply: what exceeds them is collected and evicted at once.
   *
   * @throws SnapshotError when it is no snapshot, one of another build or with another tag, damaged or cut, or when it
   *   does not fit; the trie is then as it was
   */
  load(snapshot: Uint8Array, tag?: string): void;

  /** Debug aid: throws an `Error` that names the first broken invariant. */
  checkInvariants(): void;
}
