/**
 * The digest of a row: names everything that it says of its tokens, so that a file that was rounded, cut or re-ordered on its
 * way is noticed.
 *
 * ```text
 * SHA-256( count, u32 ‖ ids, u32 each ‖ loss mask, u8 each ‖ logprobs, f64 each ‖ turns, i32 each
 *          ‖ provenance, ASCII ‖ runs of versions, UTF-8 )
 * ```
 *
 * All numbers are little-endian. A null logprob is the quiet NaN 0x7ff8000000000000, a null turn is -1. A run of equal versions is
 * its length and a colon, then `-` for null, `i` and the digits for a number, `s` and the text for a string, then a line feed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { WeightVersion } from "../../types.ts";
import { packBytes, packFloats, packIds, packTurns } from "./pack.ts";
import type { NativeRow } from "./native.ts";

/** The fields that a digest covers. */
export type DigestedFields = Pick<
  NativeRow,
  "tokens" | "loss_mask" | "logprobs" | "versions" | "turns" | "provenance"
>;

/** Hex SHA-256 of a row's per-token fields; 64 lower-case digits. Linear in the tokens. */
export function rowDigest(row: DigestedFields): string {
  return createHash("sha256")
    .update(packIds([row.tokens.length]))
    .update(packIds(row.tokens))
    .update(packBytes(row.loss_mask))
    .update(packFloats(row.logprobs))
    .update(packTurns(row.turns))
    .update(row.provenance)
    .update(versionRuns(row.versions))
    .digest("hex");
}

function versionRuns(versions: readonly (WeightVersion | null)[]): string {
  let text = "";
  for (let from = 0, to = 0; from < versions.length; from = to) {
    const version = versions[from]!;
    while (to < versions.length && versions[to] === version) to++;
    text += `${to - from}:${versionLabel(version)}\n`;
  }
  return text;
}

function versionLabel(version: WeightVersion | null): string {
  if (version === null) return "-";
  return typeof version === "number" ? `i${version}` : `s${version}`;
}
