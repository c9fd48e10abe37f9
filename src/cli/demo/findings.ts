/**
 * What the conversation shows: pure comparisons of ids.
 *
 * @module
 */
import type { Retrieved, Transcript, Turn } from "./conversation.ts";

/** The part of a tokenizer that the comparisons need. */
export interface Codec {
  encode(text: string): ArrayLike<number>;
  encodeContinuation(text: string): ArrayLike<number>;
  decodeBytes(ids: ArrayLike<number>): Uint8Array;
}

/** A claim with the figures behind it. */
export interface Finding {
  readonly holds: boolean;
  readonly claim: string;
}

/** The same text as ids in two ways. */
export interface Split {
  readonly text: string;
  readonly sampledIds: readonly number[];
  readonly canonicalIds: readonly number[];
}

/** Where a token comes from. */
export type Provenance = "prompt" | "sampled";

/** A token of the conversation, for the table. */
export interface TokenRow {
  readonly turn: number;
  readonly provenance: Provenance;
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly logprob: number | null;
  readonly lossMask: number;
  readonly version: number | string | null;
}

/** One row a token of what `/retrieve_from_text` told. */
export function tokenRows({ turns, retrieved }: Transcript, codec: Codec): TokenRow[] {
  const ends = turns.map((turn) => turn.promptIds.length + turn.outputIds.length);
  return retrieved.tokens.map((id, index) => ({
    turn: 1 + ends.filter((end) => end <= index).length,
    provenance: retrieved.loss_mask[index] === 1 ? "sampled" : "prompt",
    id,
    bytes: codec.decodeBytes([id]),
    logprob: retrieved.rollout_logp[index] ?? null,
    lossMask: retrieved.loss_mask[index] ?? 0,
    version: retrieved.generation_versions[index] ?? null,
  }));
}

/** First stretch of sampled ids that encoding its text would not give; null when there is none. */
export function firstSplit(ids: readonly number[], codec: Codec): Split | null {
  const canonical = [...Array.from(codec.encodeContinuation(textOf(ids, codec)))];
  const first = ids.findIndex((id, index) => id !== canonical[index]);
  if (first < 0) return null;
  // Both sides grow to the next place where they have spelled the same bytes; ids that end inside a character may have
  // no such place.
  let [sampledEnd, canonicalEnd] = [first, first];
  let lead = 0;
  do {
    const [side, end] = lead <= 0 ? [ids, sampledEnd++] : [canonical, canonicalEnd++];
    if (end >= side.length) break;
    lead += (lead <= 0 ? 1 : -1) * codec.decodeBytes([side[end]!]).length;
  } while (lead !== 0);
  const sampledIds = ids.slice(first, sampledEnd);
  return { text: textOf(sampledIds, codec), sampledIds, canonicalIds: canonical.slice(first, canonicalEnd) };
}

/** The promises of the router, each held against what was seen. */
export function findings({ turns, retrieved }: Transcript, codec: Codec): Finding[] {
  const [first, second] = turns as readonly [Turn, Turn];
  const history = [...first.promptIds, ...first.outputIds];
  const ledger = [...second.promptIds, ...second.outputIds];
  const text = second.promptText + second.replyText;
  const again = Array.from(codec.encode(text));
  const differsAt = ledger.findIndex((id, index) => id !== again[index]);
  return [
    {
      holds: startsWith(second.promptIds, history),
      claim: `turn 2's prompt begins with turn 1's prompt + output, id by id: ${history.length} ids`,
    },
    {
      holds: startsWith(retrieved.tokens, ledger) && retrieved.tokens.length === ledger.length,
      claim: `/retrieve_from_text tells the ${ledger.length} ids that the engine read and sampled`,
    },
    {
      holds: logprobsAgree(turns, retrieved),
      claim: "their log-probabilities are the engine's; prompt tokens have loss mask 0",
    },
    {
      holds: versionsAgree(turns, retrieved),
      claim: `each sampled token keeps the weight version that sampled it: ${first.weightVersion}, then` +
        ` ${second.weightVersion}`,
    },
    {
      holds: differsAt >= 0,
      claim: `encoding the text again gives ${again.length} ids and differs from id ${differsAt} on:` +
        " training on it would be training on what nobody sampled",
    },
  ];
}

function logprobsAgree(turns: readonly Turn[], retrieved: Retrieved): boolean {
  return turns.every(({ promptIds, logprobs }) =>
    logprobs.every((logprob, index) => {
      const at = promptIds.length + index;
      return retrieved.rollout_logp[at] === logprob && retrieved.loss_mask[at] === 1;
    }) && retrieved.loss_mask[promptIds.length - 1] === 0
  );
}

function versionsAgree(turns: readonly Turn[], { generation_versions }: Retrieved): boolean {
  return turns.every(({ promptIds, outputIds, weightVersion }) =>
    outputIds.every((_, index) => String(generation_versions[promptIds.length + index]) === weightVersion)
  );
}

function startsWith(ids: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((id, index) => ids[index] === id);
}

function textOf(ids: readonly number[], codec: Codec): string {
  return new TextDecoder().decode(codec.decodeBytes(ids));
}
