/**
 * Where the ids of a prompt come from, from where its text comes from.
 *
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { PromptRun } from "./turn.ts";

const encoder = new TextEncoder();

/** A part of a text, UTF-16 units. Parts come in order, partition the text, and may be empty. */
export interface TextPart {
  readonly endUnit: number;
  readonly provenance: PromptRun["provenance"];
}

/** Runs of provenance over `ids`, which are those of `text`. A token belongs to the part in which it begins. */
export function promptRuns(
  tokenizer: Tokenizer,
  text: string,
  ids: Uint32Array,
  parts: readonly TextPart[],
): PromptRun[] {
  const filled = parts.filter(({ endUnit }, index) => endUnit > (parts[index - 1]?.endUnit ?? 0));
  const ends = filled.length > 1 ? tokenEnds(tokenizer, text, ids, filled) : [ids.length];
  const runs: PromptRun[] = [];
  let from = 0;
  ends.forEach((end, index) => {
    const provenance = filled[index]?.provenance ?? "p";
    const last = runs[runs.length - 1];
    if (last?.provenance === provenance) {
      runs[runs.length - 1] = { tokens: last.tokens + end - from, provenance };
    } else if (end > from) runs.push({ tokens: end - from, provenance });
    from = Math.max(from, end);
  });
  return runs;
}

/** Number of ids that begin before the end of each part. The last part has all that are left. */
function tokenEnds(
  tokenizer: Tokenizer,
  text: string,
  ids: Uint32Array,
  parts: readonly TextPart[],
): number[] {
  const byteEnds = parts.map(({ endUnit }) => encoder.encode(text.slice(0, endUnit)).length);
  const ends: number[] = [];
  let byteOffset = 0;
  for (let index = 0; index < ids.length; index++) {
    while (ends.length < parts.length && byteOffset >= byteEnds[ends.length]!) ends.push(index);
    byteOffset += tokenizer.byteLength(ids[index]!);
  }
  while (ends.length < parts.length) ends.push(ids.length);
  ends[ends.length - 1] = ids.length;
  return ends;
}
