/**
 * What every token trie does before its own work: reads and checks what callers hand in. Implementations get checked
 * arguments only, so that they refuse the same input in the same words.
 *
 * @module
 */
import {
  type CheckedSegment,
  gcLimit,
  type InsertInput,
  readSegments,
  requireText,
  requireTokenIds,
  requireWorker,
  type TrieLimits,
  trieLimits,
} from "./input.ts";
import { LookupCounters, LookupMode } from "./match.ts";
import type { SnapshotTables } from "./snapshot.ts";
import type {
  AppendResult,
  GcReport,
  LookupOptions,
  PathHandle,
  PrefixMatch,
  SegmentInput,
  TokenTrieOptions,
  TrieWeightVersion,
} from "./token_trie.ts";
import { VersionCodes } from "./versions.ts";

/** The part of `TokenTrie` that reads arguments. */
export abstract class CheckedTrie {
  protected readonly limits: TrieLimits;
  // A snapshot that is loaded comes with others of these.
  protected codes = new VersionCodes();
  protected lookups = new LookupCounters();
  #lastRefusal: string | null = null;

  /** Throws `RangeError` for a limit outside its range. */
  protected constructor(options: TokenTrieOptions) {
    this.limits = trieLimits(options);
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
    requireText(text);
    requireTokenIds(tokenIds);
    const reason = text.length === 0
      ? "text is empty"
      : this.storeText({ text, tokenIds, logprobs, lossMask, weightVersion });
    this.#lastRefusal = reason === null ? null : `Cannot insert: ${reason}`;
    return reason === null;
  }

  append(parent: PathHandle | null, segments: readonly SegmentInput[]): AppendResult {
    const checked = readSegments(segments, this.codes);
    const result = typeof checked === "string" ? checked : this.storeSegments(parent, checked);
    return typeof result === "string"
      ? { ok: false, reason: `Cannot append: ${result}` }
      : { ok: true, handle: result };
  }

  findLongestPrefix(text: string, options: LookupOptions = {}): PrefixMatch {
    return this.match(text, LookupMode.LONGEST, options);
  }

  retrieveFromText(text: string, options: LookupOptions = {}): PrefixMatch {
    return this.match(text, LookupMode.RETRIEVE, options);
  }

  markHolder(handle: PathHandle, worker: number): boolean {
    requireWorker(worker);
    return this.noteHolder(handle, worker);
  }

  removeHolder(worker: number): void {
    requireWorker(worker);
    this.forgetHolder(worker);
  }

  remove(text: string): number {
    requireText(text);
    return text.length === 0 ? 0 : this.removeText(text);
  }

  gcByWeightVersion(currentVersion: number, gcThresholdK: number = this.limits.gcThresholdK): GcReport {
    const limit = gcLimit(currentVersion, gcThresholdK);
    this.restartCollection();
    return this.collect(limit, Infinity);
  }

  gcSlice(currentVersion: number, gcThresholdK: number, segmentsMax: number): GcReport {
    return this.collect(gcLimit(currentVersion, gcThresholdK), Math.max(1, Math.floor(segmentsMax)));
  }

  versionLabel(code: number): string | undefined {
    return this.codes.label(code);
  }

  /** What a snapshot holds beside the image. */
  protected snapshotTables(
    tag: string,
    scopes: Pick<SnapshotTables, "scopes" | "freeScopeIds">,
  ): SnapshotTables {
    const { misses_by_reason, hits_by_reason } = this.lookups.stats();
    const lookups = { misses_by_reason, hits_by_reason };
    return { tag, labels: this.codes.labels, ...scopes, lookups, limits: this.limits };
  }

  /** Takes over what `snapshotTables` gave. */
  protected adoptTables(tables: SnapshotTables): void {
    this.codes = new VersionCodes(tables.labels);
    this.lookups = new LookupCounters(tables.lookups);
  }

  /** Checks and stores a whole text, which is not empty: null, or the reason why not. */
  protected abstract storeText(input: InsertInput): string | null;
  /** Stores segments one after another: the handle of the last, or the reason why not. */
  protected abstract storeSegments(
    parent: PathHandle | null,
    segments: readonly CheckedSegment[],
  ): PathHandle | string;
  protected abstract match(text: string, mode: LookupMode, options: LookupOptions): PrefixMatch;
  protected abstract noteHolder(handle: PathHandle, worker: number): boolean;
  protected abstract forgetHolder(worker: number): void;
  protected abstract removeText(text: string): number;
  /** Makes the next `collect` begin anew. */
  protected abstract restartCollection(): void;
  /** Collects up to the version `limit`, looking at `segmentsMax` segments, an integer of 1 or more or `Infinity`. */
  protected abstract collect(limit: number, segmentsMax: number): GcReport;
}
