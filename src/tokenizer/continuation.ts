/**
 * How text is encoded that stands after other tokens. Most tokenizers do not care; those that put a space before a
 * sequence (Metaspace, `add_prefix_space`, a Prepend normalizer) do.
 *
 * @module
 */
import type { AddedToken } from "./tokenizer_file.ts";

/** A token to put before the text so that it stands after something; its id is the first one then, and is dropped. */
export interface ContinuationAnchor {
  readonly content: string;
  readonly id: number;
}

/** Texts whose first token tells whether the start of a sequence is special. */
const START_PROBES = ["a", "Hello world", " a", "  a", "\n", "\na", "1", ".", "中", "é", "▁a", "😀"];

/** More anchors than this are not tried: those left are of the same kind. */
const ANCHORS_TRIED_MAX = 8;

/**
 * Decides by trial whether `encode` treats the start of a sequence in a way of its own.
 *
 * @param encode ids of a text that stands alone
 * @param candidates added tokens at whose right edge text may be cut
 * @returns null when it does not (or when there is no token to find out with); else the token to put before a text
 */
export function findContinuationAnchor(
  encode: (text: string) => Uint32Array,
  candidates: readonly AddedToken[],
): ContinuationAnchor | null {
  const anchor = pickAnchor(encode, candidates);
  if (anchor === null) return null;
  const startMatters = START_PROBES.some((probe) =>
    !equalIds(encode(probe), encode(anchor.content + probe).subarray(1))
  );
  return startMatters ? anchor : null;
}

/** The first candidate, special ones before others, that stands alone as its own id. */
function pickAnchor(
  encode: (text: string) => Uint32Array,
  candidates: readonly AddedToken[],
): ContinuationAnchor | null {
  const ordered = [...candidates].sort((a, b) => Number(b.special) - Number(a.special));
  for (const { content, id } of ordered.slice(0, ANCHORS_TRIED_MAX)) {
    if (equalIds(encode(content), Uint32Array.of(id))) return { content, id };
  }
  return null;
}

/** Whether two id sequences are the same. */
export function equalIds(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
