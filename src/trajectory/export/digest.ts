/**
 * The digest of a row: names everything that it says of its tokens, so that a file that was rounded, cut or re-ordered on its
 * way is noticed.
 *
 * ```text
 * SHA-256( count, u32 ‖ ids, u32 each ‖ loss mask, u8 each ‖ logprobs, f64 each ‖ turns, i32 each
 *          ‖ provenance, ASCII ‖ versions, UTF-8, joined by line feeds )
 * ```
 *
 * All numbers are little-endian. A null logprob is the quiet NaN 0x7ff8000000000000, a null turn is -1. A version is written
 * `-` when null, `i` and its digits when a number, `s` and its text when a string.
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
    .update(row.versions.map(versionLabel).join("\n"))
    .digest("hex");
}

function versionLabel(version: WeightVersion | null): string {
  if (version === null) return "-";
  return typeof version === "number" ? `i${version}` : `s${version}`;
}
