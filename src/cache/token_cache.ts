/**
 * The token cache: trie + lock + tokenizer. Text in, input ids out; replies in, ledger entries out. What `/generate`,
 * `/retrieve_*` and the radix-cache middleware share.
 *
 * The lock covers look-up and commit, never a generation. Look-ups and commits are single calls of the trie: when the lock
 * is free they need not take it, and they wait only for what spans an `await` (a sliced collection).
 *
 * @module
 */
import type { SampledOutput } from "../engine/engine.ts";
import type { ReaderWriterLock } from "../sync/reader_writer_lock.ts";
import type { EncodedText, Tokenizer } from "../tokenizer/tokenizer.ts";
import type {
  Continuation,
  GcReport,
  PathHandle,
  PrefixMatch,
  SegmentInput,
  SplicePoint,
  TokenTrie,
  TrieStats,
} from "../trie/token_trie.ts";
import { sampledKeys, type TextRelation } from "./sampled_keys.ts";
import { vocabularyId } from "./vocabulary_id.ts";

/** Segments that a sliced collection looks at before it lets others in: under 1 ms, whatever they are like. */
export const GC_SLICE_SEGMENTS_MAX = 128;

/** What the cache is made of. */
export interface TokenCacheOptions {
  readonly trie: TokenTrie;
  readonly lock: ReaderWriterLock;
  readonly tokenizer: Tokenizer;
  /** Gives way to other tasks between two slices. Default: the next macrotask. */
  readonly yieldToOthers?: () => Promise<void>;
}

/** A prompt turned into ids: a cached path and the newly encoded rest. */
export interface PreparedPrompt {
  /** Where the cached path ends, pinned until {@link TokenCache.release}; null: nothing was cached. */
  readonly handle: PathHandle | null;
  readonly matchedTokens: number;
  /** JSON digits of the cached ids; empty for prompts that came as ids. */
  readonly matchedDigits: Uint8Array;
  /** The text behind the match. */
  readonly restText: string | Uint8Array;
  /** Its ids. */
  readonly restIds: Uint32Array;
  /** JSON digits of `restIds`; empty for prompts that came as ids. */
  readonly restDigits: Uint8Array;
  readonly restSplicePoints: readonly SplicePoint[];
  /** Tokens in all: what the engine must count. */
  readonly tokenCount: number;
  readonly reason: Continuation["reason"];
  readonly scope: string | undefined;
}

/** What may be given up: an `Exchange` is one, an `AbortController` too. Its signal is asked for only when there is a wait. */
export interface Cancellable {
  readonly signal: AbortSignal;
}

/** What became of a reply. */
export type CommitResult =
  | { readonly ok: true; readonly relation: TextRelation }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

/** Tokens of a text, cached ones first. */
export interface RetrievedTokens {
  readonly match: PrefixMatch;
  /** Ids of `match.remaining`. */
  readonly restIds: Uint32Array;
}

const NOTHING_ENCODED: EncodedText = { ids: new Uint32Array(), idDigits: new Uint8Array(), splicePoints: [] };

/** Text ⇄ tokens over one trie. */
export class TokenCache {
  readonly trie: TokenTrie;
  readonly lock: ReaderWriterLock;
  readonly tokenizer: Tokenizer;
  readonly #yieldToOthers: () => Promise<void>;
  #vocabularyId: string | undefined;

  constructor({ trie, lock, tokenizer, yieldToOthers = nextMacrotask }: TokenCacheOptions) {
    this.trie = trie;
    this.lock = lock;
    this.tokenizer = tokenizer;
    this.#yieldToOthers = yieldToOthers;
  }

  /** Finds the longest usable prefix of `text` and encodes the rest. The found path is pinned: release it. */
  prepareText(
    text: string,
    scope?: string,
    cancel?: Cancellable,
  ): PreparedPrompt | Promise<PreparedPrompt> {
    const found = this.#reading((trie) => trie.findContinuation(text, lookup(scope)), cancel);
    return found instanceof Promise || found.matchedUnits < text.length
      ? this.#prepareRest(text, found, scope, cancel)
      : prepared(found, "", NOTHING_ENCODED, scope);
  }

  async #prepareRest(
    text: string,
    finding: Continuation | Promise<Continuation>,
    scope: string | undefined,
    cancel: Cancellable | undefined,
  ): Promise<PreparedPrompt> {
    const found = await finding;
    try {
      const restText = text.slice(found.matchedUnits);
      const rest = await this.#encodeRest(restText, found.matchedUnits > 0, cancel);
      return prepared(found, restText, rest, scope);
    } catch (error) {
      if (found.handle !== null) this.trie.release(found.handle);
      throw error;
    }
  }

  /**
   * Finds the longest stored path that `ids` begin with. The ids stay as they are.
   *
   * @throws RangeError when an id is outside the vocabulary
   */
  async prepareIds(ids: Uint32Array, scope?: string, cancel?: Cancellable): Promise<PreparedPrompt> {
    const bytes = this.tokenizer.decodeBytes(ids);
    const found = await this.#reading(
      (trie) => trie.findContinuationOfIds(bytes, ids, lookup(scope)),
      cancel,
    );
    const rest = { ...NOTHING_ENCODED, ids: ids.subarray(found.tokenCount) };
    return prepared(found, bytes.subarray(found.spliceBytes), rest, scope);
  }

  /** All ids of a prepared prompt, stored ones first. O(tokens). */
  idsOf({ handle, tokenCount, matchedTokens, restIds }: PreparedPrompt): Uint32Array {
    const stored = handle === null ? null : this.trie.read(handle);
    if (handle !== null && stored === null) {
      throw new Error("Cannot read a cached prompt: its path is gone although it is pinned");
    }
    const ids = new Uint32Array(tokenCount);
    ids.set(stored?.tokenIds.subarray(0, matchedTokens) ?? []);
    ids.set(restIds, matchedTokens);
    return ids;
  }

  /** Ends the pin of a prepared prompt. Harmless when done twice. */
  release(prompt: PreparedPrompt): void {
    if (prompt.handle !== null) this.trie.release(prompt.handle);
  }

  /**
   * Records what an engine sampled after `prompt`: the prompt's rest and the output, both or neither. Nothing is
   * recorded unless the reply agrees with itself and with the prompt that was sent.
   */
  commit(prompt: PreparedPrompt, output: SampledOutput): CommitResult | Promise<CommitResult> {
    const refusal = refuse(prompt, output, this.tokenizer);
    if (refusal !== null) return { ok: false, ...refusal };
    const { keys, relation } = sampledKeys(this.tokenizer, output.tokenIds, output.text, output.finishReason);
    const segments = promptSegments(prompt);
    if (output.tokenIds.length > 0) {
      segments.push({
        keys,
        tokenIds: output.tokenIds,
        sampled: true,
        logprobs: output.logprobs,
        versions: output.versions,
        ...scoped(prompt.scope),
      });
    }
    if (segments.length === 0) return { ok: true, relation };
    const append = (trie: TokenTrie): CommitResult => {
      const appended = trie.append(prompt.handle, segments);
      return appended.ok
        ? { ok: true, relation }
        : { ok: false, reason: "cache refused", detail: appended.reason };
    };
    return this.lock.isWritable ? append(this.trie) : this.#writing(append);
  }

  /**
   * The tokens behind `text`: cached as far as they may be used, the rest encoded.
   *
   * @param insert record the rest as a prompt
   */
  async retrieve(
    text: string,
    insert: boolean,
    scope?: string,
    cancel?: Cancellable,
  ): Promise<RetrievedTokens> {
    const match = await this.#reading((trie) => trie.retrieveFromText(text, lookup(scope)), cancel);
    try {
      const { ids: restIds, splicePoints } = await this.#encodeRest(
        match.remaining,
        match.spliceBytes > 0,
        cancel,
      );
      if (insert && restIds.length > 0) {
        const segment = {
          keys: [{ text: match.remaining }],
          tokenIds: restIds,
          sampled: false,
          splicePoints,
        };
        using _held = this.lock.tryWrite() ?? await this.lock.write(cancel?.signal);
        this.trie.append(match.handle, [segment]);
      }
      return { match, restIds };
    } finally {
      if (match.handle !== null) this.trie.release(match.handle);
    }
  }

  /** Lets paths go that no version newer than `currentVersion - k` passed through, a slice at a time. */
  async collect(currentVersion: number, k: number = this.trie.stats().gcThresholdK): Promise<GcReport> {
    let removedEntries = 0;
    let removedTokens = 0;
    while (true) {
      const report = await this.#writing((trie) => trie.gcSlice(currentVersion, k, GC_SLICE_SEGMENTS_MAX));
      removedEntries += report.removedEntries;
      removedTokens += report.removedTokens;
      if (report.done) return { removedEntries, removedTokens, done: true };
      await this.#yieldToOthers();
    }
  }

  /** Forgets everything, once nobody reads. */
  async clear(): Promise<void> {
    await this.#writing((trie) => trie.clear());
  }

  /** Everything stored, for {@link TokenCache.restore}. Others wait for the lock meanwhile, the event loop goes on. */
  async snapshot(): Promise<Uint8Array<ArrayBuffer>> {
    using _held = this.lock.tryWrite() ?? await this.lock.write();
    const slices = this.trie.saveSliced(this.vocabulary());
    try {
      while (true) {
        const { done, value } = slices.next();
        if (done) return value;
        await this.#yieldToOthers();
      }
    } finally {
      slices.return(new Uint8Array());
    }
  }

  /**
   * Becomes what `snapshot` gave, once nobody reads.
   *
   * @throws SnapshotError as {@link TokenTrie.load}; also when a tokenizer with other ids was in use
   */
  async restore(snapshot: Uint8Array): Promise<void> {
    const vocabulary = this.vocabulary();
    await this.#writing((trie) => trie.load(snapshot, vocabulary));
  }

  /** What snapshots are tagged with. The first call takes a tenth of a second. */
  vocabulary(): string {
    return this.#vocabularyId ??= vocabularyId(this.tokenizer);
  }

  stats(): TrieStats {
    return this.trie.stats();
  }

  /** At once when the lock is free, as it nearly always is. */
  #reading<T>(read: (trie: TokenTrie) => T, cancel?: Cancellable): T | Promise<T> {
    return this.lock.isReadable ? read(this.trie) : this.#readingLater(read, cancel);
  }

  async #readingLater<T>(read: (trie: TokenTrie) => T, cancel?: Cancellable): Promise<T> {
    using _held = await this.lock.read(cancel?.signal);
    return read(this.trie);
  }

  async #writing<T>(write: (trie: TokenTrie) => T): Promise<T> {
    using _held = this.lock.tryWrite() ?? await this.lock.write();
    return write(this.trie);
  }

  #encodeRest(text: string, continuation: boolean, cancel?: Cancellable): Promise<EncodedText> | EncodedText {
    if (text === "") return NOTHING_ENCODED;
    return this.tokenizer.encodePrompt(text, { continuation, ...(cancel ? { signal: cancel.signal } : {}) });
  }
}

function lookup(scope: string | undefined) {
  return { pin: true, ...scoped(scope) };
}

function scoped(scope: string | undefined): { scope?: string } {
  return scope === undefined ? {} : { scope };
}

function prepared(
  found: Continuation,
  restText: string | Uint8Array,
  rest: EncodedText,
  scope: string | undefined,
): PreparedPrompt {
  return {
    handle: found.handle,
    matchedTokens: found.tokenCount,
    matchedDigits: found.idDigits,
    restText,
    restIds: rest.ids,
    restDigits: rest.idDigits,
    restSplicePoints: rest.splicePoints,
    tokenCount: found.tokenCount + rest.ids.length,
    reason: found.reason,
    scope,
  };
}

function promptSegments(prompt: PreparedPrompt): SegmentInput[] {
  if (prompt.restIds.length === 0) return [];
  return [{
    keys: [{ text: prompt.restText }],
    tokenIds: prompt.restIds,
    sampled: false,
    splicePoints: prompt.restSplicePoints,
  }];
}

/** Why a reply must not be recorded, or null. */
function refuse(
  prompt: PreparedPrompt,
  output: SampledOutput,
  tokenizer: Tokenizer,
): { reason: string; detail: string } | null {
  if (output.inconsistency !== null) return { reason: "inconsistent reply", detail: output.inconsistency };
  if (output.promptTokens !== null && output.promptTokens !== prompt.tokenCount) {
    const detail = `the engine counted ${output.promptTokens} prompt tokens, ${prompt.tokenCount} were sent`;
    return { reason: "prompt count differs", detail };
  }
  for (const id of output.tokenIds) {
    if (tokenizer.byteLength(id) < 0) {
      return { reason: "unknown token id", detail: `the tokenizer has no token ${id}` };
    }
  }
  return null;
}

function nextMacrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
