/**
 * What callers hand to a trie, checked and brought into one shape. Both implementations share it, so that they refuse
 * the same input in the same words.
 *
 * A function here returns what it read, or a string: the reason why it cannot be stored.
 *
 * @module
 */
import {
  type SegmentInput,
  type SegmentKey,
  type SplicePoint,
  type TokenTrieOptions,
  type TrieWeightVersion,
  type VersionRun,
  WORKERS_MAX,
} from "./token_trie.ts";
import type { VersionCodes } from "./versions.ts";

/** Tokens that a trie holds unless told otherwise. */
export const MAX_CACHE_SIZE_DEFAULT = 10_000;
/** Bytes that a trie uses unless told otherwise: 2 GiB. */
export const MAX_CACHE_BYTES_DEFAULT = 2 ** 31;
/** Weight versions that a garbage collection keeps unless told otherwise. */
export const GC_THRESHOLD_K_DEFAULT = 5;
/** Texts under which one segment may be found. */
export const SEGMENT_KEYS_MAX = 4;
/** Largest token id: ids are stored as 32 bits. */
export const TOKEN_ID_MAX = 0xffff_ffff;

/** {@link TokenTrieOptions} with nothing left out. */
export type TrieLimits = Required<TokenTrieOptions>;

/** A key in bytes. */
export interface KeyBytes {
  readonly bytes: Uint8Array;
  readonly tokens: number;
  readonly retrieveOnly: boolean;
}

/** A run of tokens of one version code. */
export interface CodedRun {
  tokens: number;
  readonly code: number;
}

/** One element a token, where they are given. */
type Given<T> = ArrayLike<T> | null | undefined;

/** The arguments of an insert, as the caller gave them. */
export interface InsertInput {
  readonly text: string;
  readonly tokenIds: ArrayLike<number>;
  readonly logprobs: Given<number | null>;
  readonly lossMask: Given<number>;
  readonly weightVersion: TrieWeightVersion | null | undefined;
}

/** The arguments of an insert, checked. */
export interface CheckedInsert {
  readonly text: string;
  readonly tokenIds: Uint32Array;
  /** NaN where unknown; null when all are. */
  readonly logprobs: Float64Array | null;
  /** One 0 or 1 a token; null: all 0. */
  readonly lossMask: Uint8Array | null;
  /** Code of the weight version. */
  readonly version: number;
}

/** A {@link SegmentInput}, checked: keys without repeats, one typed array a field, versions as codes. */
export interface CheckedSegment {
  readonly keys: readonly KeyBytes[];
  readonly tokenIds: Uint32Array;
  /** NaN where unknown; null when all are. */
  readonly logprobs: Float64Array | null;
  readonly sampled: boolean;
  /** Partition the tokens; neighbours differ. */
  readonly runs: readonly CodedRun[];
  /** Null for prompts and for samples without a session. */
  readonly scope: string | null;
  readonly splicePoints: readonly SplicePoint[];
}

const encoder = new TextEncoder();
/** Keys of one append are encoded here, one behind another, where they fit: an allocation each costs twice as much. */
const keyRoom = new Uint8Array(2 ** 16);
let keyRoomUsed = 0;

/** Fills in defaults. Throws `RangeError` for a limit that is not a number in its range. */
export function trieLimits(options: TokenTrieOptions = {}): TrieLimits {
  const {
    maxCacheSize = MAX_CACHE_SIZE_DEFAULT,
    maxCacheBytes = MAX_CACHE_BYTES_DEFAULT,
    gcThresholdK = GC_THRESHOLD_K_DEFAULT,
  } = options;
  requireInteger("maxCacheSize", maxCacheSize, 1);
  requireInteger("maxCacheBytes", maxCacheBytes, 1);
  requireInteger("gcThresholdK", gcThresholdK, 0);
  return { maxCacheSize, maxCacheBytes, gcThresholdK };
}

function requireInteger(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new RangeError(`Cannot create token trie: ${name} must be an integer ≥ ${least}, received ${value}`);
}

/** Throws `TypeError` when what should be text is none, as callers without types may have it. */
export function requireText(text: string): void {
  if (typeof text !== "string") {
    throw new TypeError(`Cannot read text: it must be a string, received ${show(text)}`);
  }
}

/** Throws `TypeError` for token ids that are no array. */
export function requireTokenIds(tokenIds: ArrayLike<number>): void {
  if (typeof tokenIds === "object" && typeof tokenIds?.length === "number") return;
  throw new TypeError(`Cannot read token ids: they must be an array of numbers, received ${show(tokenIds)}`);
}

/** Token ids as 32-bit numbers. `Uint32Array` is passed through, not copied. */
function readTokenIds(ids: ArrayLike<number>): Uint32Array | string {
  if (ids instanceof Uint32Array && ids.length > 0) return ids;
  const out = new Uint32Array(ids.length);
  return putTokenIds(ids, out, 0) ?? out;
}

/** Writes token ids to `out` from `at` on. Null, or why they cannot be stored. */
export function putTokenIds(ids: ArrayLike<number>, out: Uint32Array, at: number): string | null {
  const { length } = ids;
  if (length === 0) return "there are no token ids";
  if (ids instanceof Uint32Array) {
    out.set(ids, at);
    return null;
  }
  for (let i = 0; i < length; i++) {
    const id = ids[i];
    if (typeof id !== "number" || id >>> 0 !== id) {
      return `token id ${i} must be an integer in [0, ${TOKEN_ID_MAX}], received ${show(id)}`;
    }
    out[at + i] = id;
  }
  return null;
}

/** Logprobs as doubles, NaN where unknown; null when none were given. `Float64Array` is passed through. */
function readLogprobs(logprobs: Given<number | null>, tokens: number): Float64Array | null | string {
  if (logprobs === null || logprobs === undefined) return null;
  if (logprobs instanceof Float64Array && logprobs.length === tokens) return logprobs;
  const out = new Float64Array(tokens);
  return putLogprobs(logprobs, tokens, out, 0) ?? out;
}

/** Writes logprobs that are given to `out` from `at` on: doubles, NaN where unknown. Null, or why they cannot be stored. */
export function putLogprobs(
  logprobs: Given<number | null>,
  tokens: number,
  out: Float64Array,
  at: number,
): string | null {
  if (logprobs === null || logprobs === undefined) return null;
  if (logprobs.length !== tokens) return `there are ${tokens} token ids but ${logprobs.length} logprobs`;
  if (logprobs instanceof Float64Array || logprobs instanceof Float32Array) {
    out.set(logprobs, at);
    return null;
  }
  for (let i = 0; i < tokens; i++) {
    const logprob = logprobs[i];
    if (typeof logprob === "number") out[at + i] = logprob;
    else if (logprob === null || logprob === undefined) out[at + i] = NaN;
    else return `logprob ${i} must be a number or null, received ${show(logprob)}`;
  }
  return null;
}

/** The loss mask as bytes, all checked; null when none was given, which means all 0. */
export function readLossMask(lossMask: Given<number>, tokens: number): Uint8Array | null | string {
  if (lossMask === null || lossMask === undefined) return null;
  const out = new Uint8Array(tokens);
  const misread = putLossMask(lossMask, tokens, out, 0);
  if (misread !== null) return misread;
  const wrong = out.findIndex((value) => value > 1);
  return wrong < 0 ? out : wrongMaskValue(wrong, out[wrong]);
}

/**
 * Writes a loss mask to `out` from `at` on, zeros when none was given. Null, or why it cannot be stored. Bytes are for the
 * core to check, which looks at each of them anyway.
 */
export function putLossMask(
  lossMask: Given<number>,
  tokens: number,
  out: Uint8Array,
  at: number,
): string | null {
  if (lossMask === null || lossMask === undefined) {
    out.fill(0, at, at + tokens);
    return null;
  }
  if (lossMask.length !== tokens) {
    return `there are ${tokens} token ids but ${lossMask.length} loss mask values`;
  }
  if (lossMask instanceof Uint8Array) {
    out.set(lossMask, at);
    return null;
  }
  for (let i = 0; i < tokens; i++) {
    const value = lossMask[i];
    if (value !== 0 && value !== 1) return wrongMaskValue(i, value);
    out[at + i] = value;
  }
  return null;
}

function wrongMaskValue(i: number, value: unknown): string {
  return `loss mask value ${i} must be 0 or 1, received ${show(value)}`;
}

/** The code of one version. */
export function readVersion(
  version: TrieWeightVersion | null | undefined,
  codes: VersionCodes,
): number | string {
  return codes.encode(version) ??
    `weight version must be a finite number, or one of a bounded set of labels, received ${show(version)}`;
}

/** The arguments of an insert, whose text is not empty. */
export function readInsert(input: InsertInput, codes: VersionCodes): CheckedInsert | string {
  const tokenIds = readTokenIds(input.tokenIds);
  if (typeof tokenIds === "string") return tokenIds;
  const logprobs = readLogprobs(input.logprobs, tokenIds.length);
  if (typeof logprobs === "string") return logprobs;
  const lossMask = readLossMask(input.lossMask, tokenIds.length);
  if (typeof lossMask === "string") return lossMask;
  const version = readVersion(input.weightVersion, codes);
  if (typeof version === "string") return version;
  return { text: input.text, tokenIds, logprobs, lossMask, version };
}

/** The segments of an append. Texts of their keys are to be read before the next call: they are not copies. */
export function readSegments(
  inputs: readonly SegmentInput[],
  codes: VersionCodes,
): CheckedSegment[] | string {
  if (inputs.length === 0) return "there are no segments";
  const segments: CheckedSegment[] = [];
  keyRoomUsed = 0;
  for (let i = 0; i < inputs.length; i++) {
    const segment = readSegment(inputs[i]!, codes);
    if (typeof segment === "string") return `segment ${i}: ${segment}`;
    segments.push(segment);
  }
  return segments;
}

function readSegment(input: SegmentInput, codes: VersionCodes): CheckedSegment | string {
  const tokenIds = readTokenIds(input.tokenIds);
  if (typeof tokenIds === "string") return tokenIds;
  const logprobs = readLogprobs(input.logprobs, tokenIds.length);
  if (typeof logprobs === "string") return logprobs;
  const keys = readKeys(input.keys, tokenIds.length);
  if (typeof keys === "string") return keys;
  const runs = readRuns(input, tokenIds.length, codes);
  if (typeof runs === "string") return runs;
  const splicePoints = input.splicePoints ?? [];
  const misplaced = misplacedSplicePoint(input.sampled, splicePoints, keys[0]!.bytes.length, tokenIds.length);
  if (misplaced !== null) return misplaced;
  const scope = input.sampled ? input.scope ?? null : null;
  return { keys, tokenIds, logprobs, sampled: input.sampled, runs, scope, splicePoints };
}

/** Keys in bytes. A later key without text, or with the text of an earlier one, adds no place and is left out. */
function readKeys(keys: readonly SegmentKey[], tokens: number): KeyBytes[] | string {
  if (keys.length < 1 || keys.length > SEGMENT_KEYS_MAX) {
    return `a segment has 1 to ${SEGMENT_KEYS_MAX} keys, received ${keys.length}`;
  }
  const out: KeyBytes[] = [];
  for (const key of keys) {
    const bytes = typeof key.text === "string" ? encodeKey(key.text) : key.text;
    if (bytes.length === 0 && out.length === 0) return "the first key is empty";
    if (bytes.length === 0 || out.some((known) => equalBytes(known.bytes, bytes))) continue;
    const kept = key.tokens ?? tokens;
    if (!Number.isInteger(kept) || kept < 1 || kept > tokens) {
      return `a key stands for 1 to ${tokens} tokens, received ${show(kept)}`;
    }
    out.push({ bytes, tokens: kept, retrieveOnly: key.retrieveOnly ?? false });
  }
  return out;
}

function encodeKey(text: string): Uint8Array {
  const from = keyRoomUsed;
  if (from + text.length * 3 > keyRoom.length) return encoder.encode(text);
  const { written } = encoder.encodeInto(text, from === 0 ? keyRoom : keyRoom.subarray(from));
  keyRoomUsed = from + written;
  return keyRoom.subarray(from, keyRoomUsed);
}

function readRuns(input: SegmentInput, tokens: number, codes: VersionCodes): CodedRun[] | string {
  const { versions, sampled } = input;
  if (!isRunList(versions)) {
    const code = readRunVersion(versions, sampled, codes);
    return typeof code === "string" ? code : [{ tokens, code }];
  }
  if (versions.length === 0) return [{ tokens, code: -1 }];
  const runs: CodedRun[] = [];
  let covered = 0;
  for (const run of versions) {
    if (!Number.isInteger(run.tokens) || run.tokens < 1) {
      return `a version run has 1 or more tokens, received ${show(run.tokens)}`;
    }
    const code = readRunVersion(run.version, sampled, codes);
    if (typeof code === "string") return code;
    const last = runs.at(-1);
    if (last?.code === code) last.tokens += run.tokens;
    else runs.push({ tokens: run.tokens, code });
    covered += run.tokens;
  }
  return covered === tokens ? runs : `version runs cover ${covered} of ${tokens} tokens`;
}

function readRunVersion(
  version: TrieWeightVersion | null | undefined,
  sampled: boolean,
  codes: VersionCodes,
): number | string {
  const code = readVersion(version, codes);
  if (code === -1 || sampled || typeof code === "string") return code;
  return `a prompt has no weight version, received ${show(version)}`;
}

function isRunList(versions: SegmentInput["versions"]): versions is readonly VersionRun[] {
  return Array.isArray(versions);
}

function misplacedSplicePoint(
  sampled: boolean,
  points: readonly SplicePoint[],
  bytes: number,
  tokens: number,
): string | null {
  if (sampled && points.length > 0) return "an output segment is never cut, received splice points";
  let byteOffset = 0;
  let tokenIndex = 0;
  for (const point of points) {
    const ascending = point.byteOffset > byteOffset && point.tokenIndex > tokenIndex;
    const inside = point.byteOffset < bytes && point.tokenIndex < tokens;
    const atEnd = point.byteOffset === bytes && point.tokenIndex === tokens;
    const integers = Number.isInteger(point.byteOffset) && Number.isInteger(point.tokenIndex);
    if (!integers || !ascending || !(inside || atEnd)) {
      return `splice points must ascend within ${bytes} bytes and ${tokens} tokens, ` +
        `received byte ${point.byteOffset}, token ${point.tokenIndex}`;
    }
    ({ byteOffset, tokenIndex } = point);
  }
  return null;
}

/** Why tokens are refused, in words. */
export function tooManyTokens(need: number, held: number, maxCacheSize: number): string {
  return `${need} new tokens do not fit beside ${held} in use, maxCacheSize is ${maxCacheSize}`;
}

/** The newest traverse version that a collection removes: an int32. Throws `RangeError` for what is no number. */
export function gcLimit(currentVersion: number, gcThresholdK: number): number {
  if (!Number.isFinite(currentVersion) || !Number.isFinite(gcThresholdK)) {
    throw new RangeError(
      `Cannot collect: version and threshold must be numbers, received ${currentVersion} and ${gcThresholdK}`,
    );
  }
  return Math.max(-1, Math.min(Math.floor(currentVersion - gcThresholdK), 0x7fff_ffff));
}

/** Whether two byte strings are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Throws `RangeError` for what is no worker. */
export function requireWorker(worker: number): void {
  if (Number.isInteger(worker) && worker >= 0 && worker < WORKERS_MAX) return;
  throw new RangeError(
    `Cannot note holder: worker must be an integer in [0, ${WORKERS_MAX}), received ${worker}`,
  );
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
