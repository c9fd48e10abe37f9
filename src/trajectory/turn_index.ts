/**
 * Where the turns of one session are found: by message path, by request, by the ids that went to the client.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { toolCallIds } from "./canonical.ts";
import type { Turn } from "./turn.ts";

/** What the router knows of a turn besides its record. */
export interface TurnFacts {
  /** Messages on the turn's path, its reply included. */
  readonly messageCount: number;
  /** Hash of the message path with the reply. */
  readonly chainEnd: string;
  /** Hashes of the message path at each message that the turn added. */
  readonly prefixes: readonly string[];
  /** Hash of the message path and the branch key: equal requests have equal ones. */
  readonly requestKey: string;
  /** Hash of the reply alone, to know it again in another context. */
  readonly replyHash: string;
  /** The turn whose conversation the request continued, also where its tokens could not be. */
  readonly matched: Turn | null;
  /** UTF-16 length of the whole rendered prompt, and its hash. */
  readonly promptUnits: number;
  readonly promptHash: string;
  /** The prompt ended inside the model's reasoning. */
  readonly reasoningOpen: boolean;
  /** The end of the prompt's text. */
  readonly promptTail: string;
  /** The last sampled id is a stop token. */
  readonly endsWithStop: boolean;
  /** Turns that the session had when the request was planned. */
  readonly plannedAfterTurns: number;
  /** Turns of one plan are samples of one request. */
  readonly planSerial: number;
  /** Memory that the turn holds. */
  readonly sizeBytes: number;
}

/** The indexes of one session. Adding a turn costs its own messages. */
export class TurnIndex {
  readonly #facts = new Map<Turn, TurnFacts>();
  readonly #children = new Map<Turn, Turn[]>();
  readonly #byChainEnd = new Map<string, Turn[]>();
  readonly #byRequest = new Map<string, Turn[]>();
  readonly #byId = new Map<string, Turn>();
  readonly #byToolCall = new Map<string, Turn>();
  readonly #prefixes = new Set<string>();
  readonly #replies = new Set<string>();

  /** Takes a committed turn in. */
  add(turn: Turn, facts: TurnFacts): void {
    this.#facts.set(turn, facts);
    this.#byId.set(turn.id, turn);
    push(this.#byChainEnd, facts.chainEnd, turn);
    push(this.#byRequest, facts.requestKey, turn);
    if (turn.parent !== null) push(this.#children, turn.parent, turn);
    for (const prefix of facts.prefixes) this.#prefixes.add(prefix);
    this.#replies.add(facts.replyHash);
    for (const id of mintedIds(turn.reply)) this.#byToolCall.set(id, turn);
  }

  /** Facts of a turn of this session. */
  factsOf(turn: Turn): TurnFacts {
    const facts = this.#facts.get(turn);
    if (facts === undefined) throw new RangeError(`Cannot find turn "${turn.id}": it is of another session`);
    return facts;
  }

  /** Turns whose message path, the reply included, has this hash; in order of commit. */
  endingAt(chain: string): readonly Turn[] {
    return this.#byChainEnd.get(chain) ?? [];
  }

  /** Turns that answered this very request. */
  ofRequest(requestKey: string): readonly Turn[] {
    return this.#byRequest.get(requestKey) ?? [];
  }

  /** Turns that continue `turn`. */
  childrenOf(turn: Turn): readonly Turn[] {
    return this.#children.get(turn) ?? [];
  }

  byId(id: string): Turn | undefined {
    return this.#byId.get(id);
  }

  /** The turn whose reply had a tool call of this id. */
  byToolCall(id: string): Turn | undefined {
    return this.#byToolCall.get(id);
  }

  /** Whether a request of this session went through this place. */
  hasPrefix(chain: string): boolean {
    return this.#prefixes.has(chain);
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

function push<K>(map: Map<K, Turn[]>, key: K, turn: Turn): void {
  const turns = map.get(key);
  if (turns === undefined) map.set(key, [turn]);
  else turns.push(turn);
}
