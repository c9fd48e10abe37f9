/** What the cases of the token trie suite share. */
import type {
  Continuation,
  PathHandle,
  PrefixMatch,
  SegmentInput,
  TokenTrie,
  TokenTrieOptions,
} from "../../../src/trie/token_trie.ts";

/** Makes the trie under test. */
export type CreateTrie = (options?: TokenTrieOptions) => Promise<TokenTrie>;

/** Registers cases: `test("symbol criterion", async (create) => …)`. */
export type RegisterCase = (
  criterion: string,
  run: (trie: TokenTrie, create: CreateTrie) => void | Promise<void>,
) => void;

/** What a match says, as plain arrays: easy to compare and to read when it differs. */
export function plain(match: PrefixMatch) {
  return {
    matched: match.matchedPrefix,
    remaining: match.remaining,
    ids: [...match.tokenIds],
    logprobs: [...match.logprobs],
    mask: [...match.lossMask],
    versions: [...match.generationVersions],
  };
}

/** The ids of a continuation, read back from their digits. */
export function idsOf(continuation: Continuation): number[] {
  const digits = new TextDecoder().decode(continuation.idDigits);
  return digits === "" ? [] : digits.split(",").map(Number);
}

/** A prompt segment. */
export function prompt(text: string, tokenIds: number[], more: Partial<SegmentInput> = {}): SegmentInput {
  return { keys: [{ text }], tokenIds, sampled: false, ...more };
}

/** An output segment with a logprob for every token. */
export function output(text: string, tokenIds: number[], more: Partial<SegmentInput> = {}): SegmentInput {
  const logprobs = tokenIds.map((id) => -id / 8);
  return { keys: [{ text }], tokenIds, sampled: true, logprobs, ...more };
}

/** Appends, and throws with the reason when refused. */
export function appended(
  trie: TokenTrie,
  parent: PathHandle | null,
  ...segments: SegmentInput[]
): PathHandle {
  const result = trie.append(parent, segments);
  if (!result.ok) throw new Error(result.reason);
  return result.handle;
}

/** `count` token ids from `first` on. */
export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
