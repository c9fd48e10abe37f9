/**
 * Where the turns of one session are found: by message path, by request, by the ids that went to the client.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { toolCallIds } from "./canonical.ts";
import { MultiMap } from "./multi_map.ts";
import type { Turn } from "./turn.ts";

/** What a turn answered: requests of equal keys ask for the same. */
export interface RequestKey {
  readonly branchKey: string;
  /** Hash of the message path. */
  readonly path: string;
}

/** What the router knows of a turn besides its record. */
export interface TurnFacts {
  /** Messages on the turn's path, its reply included. */
  readonly messageCount: number;
  /** Hash of the message path that the turn answered. */
  readonly requestPath: string;
  /** The turn whose conversation the request continued, also where its tokens could not be. */
  readonly matched: Turn | null;
  /** UTF-16 length of the whole rendered prompt, and its hash. */
  readonly promptUnits: number;
  readonly promptHash: string;
  /** The prompt ended inside the model's reasoning. */
  readonly reasoningOpen: boolean;
  /** The last sampled id is a stop token. */
  readonly endsWithStop: boolean;
  /** Its tokens may say more than its reply: a stop string ended it, or something that the engine does not name. */
  readonly mayHideWords: boolean;
  /** Turns that the session had when the request was planned. */
  readonly plannedAfterTurns: number;
  /** Turns of one plan are samples of one request. */
  readonly planSerial: number;
  /** Another turn continues it. */
  isExtended: boolean;
}

/** Hashes under which a turn is found. */
export interface TurnPlaces {
  /** Of the message path with the reply. */
  readonly chainEnd: string;
  /** Of the message path at each message that the turn added. */
  readonly prefixes: readonly string[];
  /** Of the reply alone, to know it again in another context. */
  readonly replyHash: string;
}

/** The turns of one session and its indexes. Adding a turn costs its own messages. */
export class TurnIndex {
  readonly #turns: Turn[] = [];
  /** By the turn's number. */
  readonly #facts: TurnFacts[] = [];
  readonly #byChainEnd = new MultiMap<string, Turn>();
  /** Each message path that a request went through, with the turns that answered it there. */
  readonly #byRequestPath = new MultiMap<string, Turn>();
  /** Null: no call was ever made. */
  #byToolCall: Map<string, Turn> | null = null;
  readonly #replies = new Set<string>();

  /** In order of commit. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** Takes a committed turn in. */
  add(turn: Turn, facts: TurnFacts, { chainEnd, prefixes, replyHash }: TurnPlaces): void {
    this.#turns.push(turn);
    this.#facts.push(facts);
    if (turn.parent !== null) this.factsOf(turn.parent).isExtended = true;
    this.#byChainEnd.add(chainEnd, turn);
    for (const prefix of prefixes) this.#byRequestPath.touch(prefix);
    this.#byRequestPath.add(facts.requestPath, turn);
    this.#replies.add(replyHash);
    for (const id of mintedIds(turn.reply)) (this.#byToolCall ??= new Map()).set(id, turn);
  }

  /** Facts of a turn of this session. */
  factsOf(turn: Turn): TurnFacts {
    if (this.#turns[turn.index] === turn) return this.#facts[turn.index]!;
    throw new RangeError(`Cannot find turn "${turn.id}": it is of another session`);
  }

  /** Turns whose message path, the reply included, has this hash; in order of commit. */
  endingAt(chain: string): readonly Turn[] {
    return this.#byChainEnd.get(chain);
  }

  /** Turns that answered this very request. */
  ofRequest({ branchKey, path }: RequestKey): readonly Turn[] {
    return this.#byRequestPath.get(path).filter((turn) => turn.branchKey === branchKey);
  }

  /** The turn whose reply had a tool call of this id. */
  byToolCall(id: string): Turn | undefined {
    return this.#byToolCall?.get(id);
  }

  /** Whether a request of this session went through this place. */
  hasPrefix(chain: string): boolean {
    return this.#byRequestPath.has(chain);
  }

  /** Whether some turn of this session gave this reply. */
  hasReply(replyHash: string): boolean {
    return this.#replies.has(replyHash);
  }
}

/** Ids of tool calls in a reply. */
export function mintedIds(reply: JsonObject): string[] {
  return toolCallIds(reply).filter((id) => id !== null);
}
