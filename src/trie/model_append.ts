/**
 * How the model trie makes segments and their points.
 *
 * @module
 */
import type { CheckedSegment } from "./input.ts";
import { PointFlag } from "./match.ts";
import { beginsWith, byteString, type Payload, segmentPayload } from "./model_payload.ts";
import type { ModelPoint, ModelSegment, ModelStore } from "./model_store.ts";

/** The point that the first key of an identical segment below `at` ends in. */
export function findSame(
  store: ModelStore,
  at: ModelPoint | null,
  wanted: CheckedSegment,
): ModelPoint | null {
  const [key] = wanted.keys;
  const text = (at?.text ?? "") + byteString(key!.bytes);
  const payload = segmentPayload(wanted);
  const scope = wanted.sampled ? wanted.scope : undefined;
  const same = [...store.points.values()].filter((p) =>
    p.text === text && p.kept === key!.tokens && p.segment.parent === (at?.segment ?? null) &&
    p.segment.cut === (at?.kept ?? 0) && p.segment.scope === scope &&
    p.segment.ids.length === payload.ids.length && beginsWith(payload, p.segment) &&
    p.segment.versions.every((version, i) => version === payload.versions[i])
  );
  return same.at(-1) ?? null;
}

/** Makes the points of all keys and splice points of `segment`, which continues the text `base`; that of its first key. */
export function addPoints(
  store: ModelStore,
  segment: ModelSegment,
  base: string,
  input: CheckedSegment,
): ModelPoint {
  const splice = input.sampled ? PointFlag.SPLICE : 0;
  const points = input.keys.map((key, i) => {
    const trimmed = key.tokens < input.tokenIds.length ? PointFlag.TRIMMED : 0;
    const entry = i === 0 ? PointFlag.ENTRY : 0;
    const use = key.retrieveOnly ? PointFlag.RETRIEVE_ONLY : PointFlag.INSERTED | splice;
    const flags = use | trimmed | entry;
    return store.addPoint(segment, base + byteString(key.bytes), key.tokens, flags);
  });
  for (const { byteOffset, tokenIndex } of input.splicePoints) {
    const text = base + byteString(input.keys[0]!.bytes.subarray(0, byteOffset));
    store.addPoint(segment, text, tokenIndex, PointFlag.SPLICE);
  }
  return points[0]!;
}

/** A segment without points below the first `cut` own tokens of `parent`, just used. */
export function addSegment(
  store: ModelStore,
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
  store.addSegment(segment);
  store.touch(segment);
  return segment;
}
