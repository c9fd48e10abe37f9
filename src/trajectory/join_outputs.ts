/**
 * A turn that was sampled in several pieces: the engine was paused, and went on from prompt and partial ids.
 *
 * @module
 */
import type { SampledOutput } from "../engine/engine.ts";

/**
 * One output of the pieces of one turn, in order. The piece at `i` must have been asked for with the prompt followed by the ids of all
 * pieces before it. Each piece keeps its own versions; missing ones become runs without a version. A contradiction between the pieces
 * is told in `inconsistency`, and the output is not recorded then.
 *
 * @param promptTokens ids of the prompt that was POSTed first
 * @throws {RangeError} without a piece
 */
export function joinOutputs(pieces: readonly SampledOutput[], promptTokens: number): SampledOutput {
  const [first] = pieces;
  const last = pieces[pieces.length - 1];
  if (first === undefined || last === undefined) {
    throw new RangeError("Cannot join outputs: there are none");
  }
  if (pieces.length === 1) return first;
  const tokenIds = new Uint32Array(pieces.reduce((sum, piece) => sum + piece.tokenIds.length, 0));
  const logprobs = new Float64Array(tokenIds.length);
  let at = 0;
  let inconsistency: string | null = null;
  for (const piece of pieces) {
    inconsistency ??= piece.inconsistency ?? contradictionOf(piece, promptTokens + at);
    tokenIds.set(piece.tokenIds, at);
    if (piece.logprobs.length === piece.tokenIds.length) logprobs.set(piece.logprobs, at);
    at += piece.tokenIds.length;
  }
  return {
    text: null, // texts of pieces cut inside a character do not join
    tokenIds,
    logprobs,
    ...topLogprobsOf(pieces),
    finishReason: last.finishReason,
    versions: pieces.flatMap(versionsOf),
    promptTokens: first.promptTokens,
    completionTokens: tokenIds.length,
    cachedTokens: first.cachedTokens,
    inconsistency,
  };
}

/** A token of a piece that told none has an empty list. */
function topLogprobsOf(pieces: readonly SampledOutput[]): Pick<SampledOutput, "topLogprobs"> {
  if (pieces.every((piece) => piece.topLogprobs === undefined)) return {};
  return {
    topLogprobs: pieces.flatMap((piece) => piece.topLogprobs ?? Array.from(piece.tokenIds, () => [])),
  };
}

function contradictionOf(piece: SampledOutput, sentTokens: number): string | null {
  const { promptTokens, tokenIds, logprobs, completionTokens } = piece;
  if (promptTokens !== null && promptTokens !== sentTokens) {
    return `the engine counted ${promptTokens} prompt tokens, ${sentTokens} were sent`;
  }
  if (logprobs.length !== tokenIds.length) {
    return `${tokenIds.length} ids came with ${logprobs.length} logprobs`;
  }
  if (completionTokens === null || completionTokens === tokenIds.length) return null;
  return `the engine counted ${completionTokens} tokens, ${tokenIds.length} ids came`;
}

function versionsOf({ versions, tokenIds }: SampledOutput): SampledOutput["versions"] {
  if (versions.length > 0 || tokenIds.length === 0) return versions;
  return [{ tokens: tokenIds.length, version: null }];
}
