/**
 * Which points of the model trie answer a question.
 *
 * @module
 */
import { LookupMode, PointFlag } from "./match.ts";
import type { ModelPoint, ModelSegment } from "./model_store.ts";
import { isContinuationByte } from "./text.ts";
import type { PathHandle } from "./token_trie.ts";

/** A found point, and how many tokens of its segment it gives. */
export interface Found {
  readonly point: ModelPoint;
  readonly kept: number;
  readonly candidates: number;
}

/** Names a point to callers. */
export function handleOf(point: ModelPoint): PathHandle {
  return { point: point.serial, serial: point.serial };
}

/** Where the tokens that were found end: a text that leaves out a stop token leads there beside its own point. */
export function pointOfTokens({ point, kept }: Found): ModelPoint {
  if (point.kept === kept) return point;
  return [...point.segment.points].find((p) => p.kept === kept) ?? point;
}

/** Whether the question `mode` may be answered with this point. */
export function isUsable(point: ModelPoint, query: string, mode: LookupMode): boolean {
  if (!query.startsWith(point.text)) return false;
  const atEnd = point.text.length === query.length;
  if (!atEnd && isContinuationByte(query.charCodeAt(point.text.length))) return false;
  const ends = mode === LookupMode.CONTINUE
    ? PointFlag.INSERTED
    : PointFlag.INSERTED | PointFlag.RETRIEVE_ONLY;
  const inserted = (point.flags & ends) !== 0;
  if (mode === LookupMode.LONGEST) return inserted;
  return (point.flags & PointFlag.SPLICE) !== 0 || (inserted && atEnd);
}

/** Whether all samples on the path are of `scope`; without a scope every path will do. */
export function inScope(segment: ModelSegment, scope: string | undefined): boolean {
  if (scope === undefined) return true;
  for (let s: ModelSegment | null = segment; s !== null; s = s.parent) {
    if (s.scope !== undefined && s.scope !== scope) return false;
  }
  return true;
}

/** Most tokens, then whole segments before trimmed ones, then the longest text, then the newest. */
export function longest(points: readonly ModelPoint[]): ModelPoint | null {
  return [...points].sort((a, b) => compareRanks(rank(b), rank(a)))[0] ?? null;
}

function rank(point: ModelPoint): number[] {
  const whole = point.flags & PointFlag.TRIMMED ? 0 : 1;
  return [point.segment.base + point.kept, whole, point.text.length, point.stored];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((x, at) => x !== b[at]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}
