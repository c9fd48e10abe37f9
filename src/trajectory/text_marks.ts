/**
 * Hashes of the beginnings of one text.
 *
 * @module
 */
import { createHash } from "node:crypto";

/**
 * SHA-256 of `text` up to each of `units` (UTF-16, any order), in one pass. Null past the end, and in the midst of a surrogate
 * pair, which no text that was rendered whole ends in. Cost: the text.
 */
export function prefixHashes(text: string, units: readonly number[]): (string | null)[] {
  const running = createHash("sha256");
  const hashes = new Map<number, string>();
  let from = 0;
  for (const end of [...new Set(units)].sort((left, right) => left - right)) {
    if (end > text.length) break;
    if (splitsPair(text, end)) continue;
    running.update(text.slice(from, end));
    hashes.set(end, running.copy().digest("base64url"));
    from = end;
  }
  return units.map((end) => hashes.get(end) ?? null);
}

function splitsPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 &&
    (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
