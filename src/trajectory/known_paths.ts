/**
 * Conversations that came before, so that one which goes on is hashed from there.
 *
 * A request brings the whole history again. Whether it is the known one is seen by comparing values, which costs a tenth of
 * hashing them; what is found equal takes the known messages' place, and is garbage with the request.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { replyHashOf } from "./fork_cause.ts";
import { MessageChain } from "./message_chain.ts";
import { MultiMap } from "./multi_map.ts";
import { isSameJson, sharing } from "./shared_json.ts";
import type { TurnPlaces } from "./turn_index.ts";

/** Newest paths that are kept of a session. */
const PATHS_PER_OWNER_MAX = 16;
/** Newest paths that one request is compared with. */
const PATHS_TRIED_MAX = 8;

/** Messages and their hashes. It only grows at its end, and paths that share a beginning share it. */
interface PathLog {
  readonly messages: JsonObject[];
  readonly hashes: string[];
}

/** A conversation up to a reply of the router's. */
interface KnownPath {
  readonly log: PathLog;
  /** Messages, the reply included. */
  readonly length: number;
  readonly key: string;
}

/** Whose path a chain was made from. */
const origins = new WeakMap<MessageChain, KnownPath>();

/** The newest paths of all sessions. Sessions that are named have a scope of their own; the others share one. */
export class KnownPaths {
  /** The newest last. */
  readonly #byKey = new MultiMap<string, KnownPath>();
  readonly #byOwner = new MultiMap<object, KnownPath>();

  /**
   * The chain of a request. When its messages up to the last assistant message are known ones, their hashes are taken
   * over, and its `messages` are the known objects followed by the new ones.
   */
  follow(scope: string, messages: readonly JsonObject[]): MessageChain {
    const last = messages.findLastIndex(({ role }) => role === "assistant");
    if (last < 0) return new MessageChain(messages);
    const known = this.#byKey.get(keyOf(scope, last, replyHashOf(messages[last]!)));
    const path = known.slice(-PATHS_TRIED_MAX).findLast(({ log }) => begins(messages, last, log));
    if (path === undefined) return new MessageChain(messages);
    const { log, length } = path;
    const copy = sharing(messages[last]!, log.messages[last]);
    const shared = [...log.messages.slice(0, last), copy, ...messages.slice(length)];
    const chain = new MessageChain(shared, log.hashes.slice(0, length));
    origins.set(chain, path);
    return chain;
  }

  /** Takes in a conversation and the reply to it. Cost: what `chain` adds to the path that it came from. */
  add(
    owner: object,
    scope: string,
    chain: MessageChain,
    reply: JsonObject,
    { chainEnd, replyHash }: Pick<TurnPlaces, "chainEnd" | "replyHash">,
  ): void {
    const log = logOf(chain, reply, chainEnd);
    const path = { log, length: log.messages.length, key: keyOf(scope, chain.length, replyHash) };
    this.#byKey.add(path.key, path);
    this.#byOwner.add(owner, path);
    const paths = this.#byOwner.get(owner);
    if (paths.length <= PATHS_PER_OWNER_MAX) return;
    const [oldest] = paths;
    this.#byOwner.delete(owner, oldest!);
    this.#byKey.delete(oldest!.key, oldest!);
  }

  /** Forgets the paths of an owner. */
  remove(owner: object): void {
    for (const path of this.#byOwner.get(owner)) this.#byKey.delete(path.key, path);
    this.#byOwner.deleteKey(owner);
  }
}

/** A log of `chain` and the reply to it: the one that the chain came from, when nothing was added to that since. */
function logOf(chain: MessageChain, reply: JsonObject, chainEnd: string): PathLog {
  const { messages } = chain;
  const origin = origins.get(chain);
  if (origin === undefined || origin.log.messages.length !== origin.length) {
    // Most conversations have one turn: lists that were never pushed to have no room to spare.
    return { messages: messages.concat(reply), hashes: chain.range(0).concat(chainEnd) };
  }
  const { log, length } = origin;
  log.messages[length - 1] = messages[length - 1]!; // from now on as the client has it
  log.messages.push(...messages.slice(length), reply);
  log.hashes.push(...chain.range(length), chainEnd);
  return log;
}

/** The message at `last` is known to be equal by its hash. Backwards: conversations of one task differ in their ends. */
function begins(messages: readonly JsonObject[], last: number, log: PathLog): boolean {
  for (let index = last - 1; index >= 0; index--) {
    if (!isSameJson(messages[index], log.messages[index])) return false;
  }
  return true;
}

function keyOf(scope: string, index: number, replyHash: string): string {
  return `${scope} ${index} ${replyHash}`;
}
