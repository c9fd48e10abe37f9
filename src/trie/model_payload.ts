/**
 * Tokens of the model trie with all that belongs to them, as plain arrays.
 *
 * @module
 */
import type { CheckedSegment } from "./input.ts";
import type { ModelSegment } from "./model_store.ts";

/** Tokens of one path, one element a token. */
export interface Payload {
  readonly ids: number[];
  readonly logprobs: number[];
  readonly mask: number[];
  readonly versions: number[];
}

/** The path that ends `kept` tokens into `segment`. */
export function pathPayload(segment: ModelSegment, kept: number): Payload {
  const parts: Payload[] = [];
  let tokens = kept;
  for (let s: ModelSegment | null = segment; s !== null; s = s.parent) {
    parts.push({
      ids: s.ids.slice(0, tokens),
      logprobs: s.logprobs.slice(0, tokens),
      mask: s.mask.slice(0, tokens),
      versions: s.versions.slice(0, tokens),
    });
    tokens = s.cut;
  }
  parts.reverse();
  return {
    ids: parts.flatMap((p) => p.ids),
    logprobs: parts.flatMap((p) => p.logprobs),
    mask: parts.flatMap((p) => p.mask),
    versions: parts.flatMap((p) => p.versions),
  };
}

/** What a checked segment holds. */
export function segmentPayload(segment: CheckedSegment): Payload {
  const bit = segment.sampled ? 1 : 0;
  const ids = [...segment.tokenIds];
  return {
    ids,
    mask: ids.map(() => bit),
    logprobs: ids.map((_, i) => knownLogprob(segment.logprobs?.[i], bit)),
    versions: segment.runs.flatMap((run) => new Array<number>(run.tokens).fill(run.code)),
  };
}

/** What comes from token `start` on. */
export function slicePayload(payload: Payload, start: number): Payload {
  return {
    ids: payload.ids.slice(start),
    logprobs: payload.logprobs.slice(start),
    mask: payload.mask.slice(start),
    versions: payload.versions.slice(start),
  };
}

/** No tokens. */
export function emptyPayload(): Payload {
  return { ids: [], logprobs: [], mask: [], versions: [] };
}

/** As callers get it. */
export function typedArrays(payload: Payload) {
  return {
    tokenIds: Uint32Array.from(payload.ids),
    logprobs: Float64Array.from(payload.logprobs),
    lossMask: Uint8Array.from(payload.mask),
    generationVersions: Int32Array.from(payload.versions),
  };
}

/** A missing logprob is 0 for a token that nobody sampled, unknown for one that was. */
export function knownLogprob(logprob: number | null | undefined, mask: number): number {
  const missing = logprob === null || logprob === undefined || Number.isNaN(logprob);
  return missing ? (mask === 1 ? NaN : 0) : logprob;
}

/** Whether `whole` begins with `part`: ids, logprobs, mask. Versions never change, so they are not compared. */
export function beginsWith(
  whole: Payload,
  part: { ids: readonly number[]; logprobs: readonly number[]; mask: readonly number[] },
): boolean {
  return part.ids.length <= whole.ids.length &&
    part.ids.every((id, i) =>
      id === whole.ids[i] && part.mask[i] === whole.mask[i] && Object.is(part.logprobs[i], whole.logprobs[i])
    );
}

/** One character a byte, so that the string methods work on UTF-8. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
