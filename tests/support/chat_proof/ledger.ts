/**
 * The turns of a session, put together from the wire: which request each is, what was POSTed for it and what was sampled.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../../../src/types.ts";
import type { Ask } from "./client.ts";
import { meanSame } from "./meaning.ts";
import { isEqual, sampledFor, type WireOutput, type WirePost } from "./wire.ts";

/** A turn as `GET /sessions/{id}` tells it. */
export interface ToldTurn {
  readonly turn_id: string;
  readonly index: number;
  readonly parent: number | null;
  readonly cause: string | null;
  readonly status: string;
  readonly dropped_tokens: number;
  readonly prompt_tokens: number;
  readonly output_tokens: number;
  readonly posted_hash: string;
  readonly delivered: boolean;
  readonly superseded: boolean;
  readonly messages: readonly JsonObject[];
  readonly reply: JsonObject;
}

/** The same, with the truth. */
export interface ProvenTurn {
  readonly told: ToldTurn;
  readonly ask: Ask;
  readonly parent: ProvenTurn | null;
  readonly posted: readonly number[];
  readonly output: WireOutput;
  /** Some client got its reply. */
  readonly isAnswered: boolean;
  readonly children: ProvenTurn[];
}

/** Finds the truth of each turn. @throws AssertionError when the wire knows nothing of one */
export function proveTurns(
  turns: readonly ToldTurn[],
  asks: readonly Ask[],
  posts: readonly WirePost[],
): ProvenTurn[] {
  const proven: ProvenTurn[] = [];
  const taken = new Set<string>();
  for (const turn of turns) {
    assert.equal(turn.index, proven.length);
    const parent = turn.parent === null ? null : proven[turn.parent]!;
    const told = asks.find(({ reply }) => reply?.turnIds.includes(turn.turn_id) ?? false);
    const found = told === undefined
      ? findLeft(turn, parent, asks, posts, taken)
      : { ask: samplerOf(told, posts), index: told.reply!.turnIds.indexOf(turn.turn_id) };
    taken.add(`${found.ask.id} ${found.index}`);
    const own = postsOf(found.ask, posts);
    const output = sampledFor(own, found.index);
    assert.ok(output !== null, `turn ${turn.index} has no whole reply on the wire`);
    const one: ProvenTurn = {
      told: turn,
      ask: found.ask,
      parent,
      posted: own[0]!.promptIds,
      output,
      isAnswered: told !== undefined,
      children: [],
    };
    parent?.children.push(one);
    proven.push(one);
  }
  return proven;
}

/** POSTs of a request. */
export function postsOf({ id }: Ask, posts: readonly WirePost[]): WirePost[] {
  return posts.filter(({ requestId }) => requestId === id);
}

/** The request for which an answered turn was sampled: the one itself, or another of its key. */
export function samplerOf(ask: Ask, posts: readonly WirePost[]): Ask {
  const ids = ask.reply!.choices[0]!.tokenIds;
  const sampler = [ask, ...ask.ofKey].find((each) => {
    const own = postsOf(each, posts);
    return own.length > 0 && isEqual(sampledFor(own, 0)?.ids ?? [-1], ids);
  });
  assert.ok(sampler !== undefined, `nobody sampled what ${ask.id} was told`);
  return sampler;
}

/** A turn whose client left before it learnt of it: the request that fits. */
function findLeft(
  turn: ToldTurn,
  parent: ProvenTurn | null,
  asks: readonly Ask[],
  posts: readonly WirePost[],
  taken: ReadonlySet<string>,
): { ask: Ask; index: number } {
  const isMeant = ({ messages }: Ask) => meanSame(pathMessages(turn, parent), messages);
  // One that says the same is likelier than one that is only rendered the same.
  for (const ask of [...asks.filter(isMeant), ...asks]) {
    if (ask.outcome !== "left") continue;
    const own = postsOf(ask, posts);
    const count = (ask.body.n as number | undefined) ?? 1;
    for (let index = 0; own.length > 0 && index < count; index++) {
      const output = sampledFor(own, index);
      const isFree = !taken.has(`${ask.id} ${index}`);
      if (isFree && output?.ids.length === turn.output_tokens && fits(turn, parent, own[0]!)) {
        return { ask, index };
      }
    }
  }
  throw new assert.AssertionError({ message: `turn ${turn.index} is no request's: ${JSON.stringify(turn)}` });
}

function fits(turn: ToldTurn, parent: ProvenTurn | null, { promptIds }: WirePost): boolean {
  const before = keptBefore(turn, parent);
  return promptIds.length === before.length + turn.prompt_tokens &&
    isEqual(promptIds.slice(0, before.length), before);
}

/** Messages of a turn's whole prompt. */
export function messagesOf({ told, parent }: ProvenTurn): JsonObject[] {
  return pathMessages(told, parent);
}

function pathMessages({ messages }: ToldTurn, parent: ProvenTurn | null): JsonObject[] {
  return parent === null ? [...messages] : [...messagesOf(parent), parent.told.reply, ...messages];
}

/** Ids that a turn takes over from its parent. */
export function keptBefore(turn: ToldTurn, parent: ProvenTurn | null): number[] {
  if (parent === null) return [];
  const ids = [...parent.posted, ...parent.output.ids];
  return ids.slice(0, ids.length - turn.dropped_tokens);
}
