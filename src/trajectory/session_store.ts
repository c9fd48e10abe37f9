/**
 * All sessions, within bounds.
 *
 * @module
 */
import type { Clock, JsonObject } from "../types.ts";
import { AnonymousIndex } from "./anonymous_index.ts";
import { KnownPaths } from "./known_paths.ts";
import type { MessageChain } from "./message_chain.ts";
import { Session } from "./session.ts";
import { type EvictionReason, SessionLimitError, SessionNotFoundError } from "./session_errors.ts";

/** Bounds of a {@link SessionStore}, and what it is given. */
export interface SessionStoreOptions {
  readonly clock: Clock;
  /** Ids of sessions and turns: unique, URL-safe. */
  readonly newId: () => string;
  /** Most sessions. Default 65,536. */
  readonly sessionsMax?: number;
  /** Most turns of one session. Default 4,096. */
  readonly turnsPerSessionMax?: number;
  /** Most bytes of all sessions. Default 2 GiB. */
  readonly bytesMax?: number;
  /** A session that nobody used for so long is removed. Default one hour. */
  readonly idleMs?: number;
}

/** Ids of sessions that had to go, kept so that a client who comes back can be told. */
const EVICTED_IDS_MAX = 4_096;

/** Characters of an unknown id that an error quotes. */
const SHOWN_ID_CHARS = 80;

/** Counters of a {@link SessionStore}. */
export interface SessionStoreStats {
  readonly sessions: number;
  readonly turns: number;
  readonly sizeBytes: number;
  /** Sessions removed since the start, by reason. */
  readonly removed: Readonly<Record<RemovalReason, number>>;
}

/** Why a session went. */
export type RemovalReason = EvictionReason | "asked for";

/** A session for a request that named none. */
export interface RoutedSession {
  readonly session: Session;
  /** Sessions whose messages are the same: more than 1 means that another could have been meant. 0: it is new. */
  readonly candidates: number;
}

/**
 * Sessions by id. The oldest idle one goes first when a bound is reached; one with a turn under way stays.
 *
 * @example
 * ```ts
 * import { SessionStore } from "./session_store.ts";
 * import { systemClock } from "../sync/clock.ts";
 *
 * const store = new SessionStore({ clock: systemClock, newId: () => crypto.randomUUID() });
 * const session = store.open("rollout-7");
 * if (store.get("rollout-7") !== session) throw new Error("not found");
 * store.finish("rollout-7");
 * ```
 */
export class SessionStore {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #sessionsMax: number;
  readonly #turnsPerSessionMax: number;
  readonly #bytesMax: number;
  readonly #idleMs: number;
  /** The least recently used first. */
  readonly #sessions = new Map<string, Session>();
  readonly #anonymous = new AnonymousIndex();
  readonly #known = new KnownPaths();
  readonly #evicted = new Map<string, EvictionReason>();
  readonly #removed: Record<RemovalReason, number> = { idle: 0, sessions: 0, bytes: 0, "asked for": 0 };
  #sizeBytes = 0;
  #turns = 0;

  constructor(options: SessionStoreOptions) {
    this.#clock = options.clock;
    this.#newId = () => flatCopy(options.newId());
    this.#sessionsMax = options.sessionsMax ?? 65_536;
    this.#turnsPerSessionMax = options.turnsPerSessionMax ?? 4_096;
    this.#bytesMax = options.bytesMax ?? 2 * 1024 ** 3;
    this.#idleMs = options.idleMs ?? 3_600_000;
  }

  /**
   * The session of that id, opened when it is new. Without an id, a new one.
   *
   * @param metadata kept with a new session
   * @throws {SessionLimitError} when there are `sessionsMax` and each has a turn under way
   */
  open(id?: string, metadata?: JsonObject): Session {
    this.expire();
    const known = id === undefined ? undefined : this.#sessions.get(id);
    if (known !== undefined) return this.#use(known);
    return this.#create(id ?? this.#newId(), { isAnonymous: false, ...(metadata ? { metadata } : {}) });
  }

  /**
   * The session for a request that names none: the one whose conversation the messages continue, found by a tool call's id
   * that went to the client, then by the message path; else a new one.
   */
  route(chain: MessageChain): RoutedSession {
    this.expire();
    const found = this.#anonymous.find(chain);
    if (found !== null) return { session: this.#use(found.session), candidates: found.candidates };
    return { session: this.#create(this.#newId(), { isAnonymous: true }), candidates: 0 };
  }

  /**
   * The chain of a request's messages, and the known copies of them: what the session's newest turns, or those of sessions
   * that nobody named, have in common with it is not hashed again.
   *
   * @param name the session's; null: the request names none
   */
  chainOf(name: string | null, messages: readonly JsonObject[]): MessageChain {
    return this.#known.follow(scopeOf(name), messages);
  }

  /** A session, or undefined. */
  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** A session. @throws {SessionNotFoundError} which tells of one that had to go */
  find(id: string): Session {
    const session = this.#sessions.get(id);
    if (session !== undefined) return session;
    throw new SessionNotFoundError(id.slice(0, SHOWN_ID_CHARS), this.#evicted.get(id) ?? null);
  }

  /** All sessions, the least recently used first. */
  list(): Session[] {
    return [...this.#sessions.values()];
  }

  /** Freezes a session: it refuses writes from then on. Throws {@link SessionNotFoundError}. */
  finish(id: string): Session {
    const session = this.find(id);
    session.finish();
    return session;
  }

  /** Removes a session with all its turns; what is under way is not recorded. False when there is none. */
  remove(id: string): boolean {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#remove(session, "asked for");
    return session !== undefined;
  }

  /** Removes sessions that were idle for too long. Looks at idle ones only: cheap enough for each request. */
  expire(): number {
    const before = this.#removed.idle;
    const limitMs = this.#clock.now() - this.#idleMs;
    for (const session of this.#sessions.values()) {
      if (session.lastUsedMs > limitMs) break;
      if (session.underWay === 0) this.#evict(session, "idle");
    }
    return this.#removed.idle - before;
  }

  stats(): SessionStoreStats {
    return {
      sessions: this.#sessions.size,
      turns: this.#turns,
      sizeBytes: this.#sizeBytes,
      removed: { ...this.#removed },
    };
  }

  #create(id: string, given: { isAnonymous: boolean; metadata?: JsonObject }): Session {
    if (this.#sessions.size >= this.#sessionsMax) this.#makeRoom();
    const session = new Session({
      ...given,
      id,
      clock: this.#clock,
      newId: this.#newId,
      turnsMax: this.#turnsPerSessionMax,
      wasEvicted: this.#evicted.delete(id),
      onAdded: (owner, { turn, places, sizeBytes, chain }) => {
        this.#turns++;
        this.#sizeBytes += sizeBytes;
        if (owner.isAnonymous) this.#anonymous.add(owner, turn, places);
        const scope = scopeOf(owner.isAnonymous ? null : owner.id);
        this.#known.add(owner, scope, chain, turn.reply, places);
        this.#keepBytesBound();
      },
      onUsed: (used) => {
        if (this.#sessions.delete(used.id)) this.#sessions.set(used.id, used);
      },
    });
    this.#sizeBytes += session.sizeBytes;
    this.#keepBytesBound();
    this.#sessions.set(id, session);
    return session;
  }

  #use(session: Session): Session {
    session.touch();
    return session;
  }

  #makeRoom(): void {
    const oldest = this.#oldestIdle();
    if (oldest === undefined) {
      throw new SessionLimitError(
        `Cannot open a session: there are ${this.#sessionsMax}, the most allowed, each with a turn under way`,
      );
    }
    this.#evict(oldest, "sessions");
  }

  #keepBytesBound(): void {
    while (this.#sizeBytes > this.#bytesMax) {
      const oldest = this.#oldestIdle();
      if (oldest === undefined) return;
      this.#evict(oldest, "bytes");
    }
  }

  #oldestIdle(): Session | undefined {
    for (const session of this.#sessions.values()) if (session.underWay === 0) return session;
    return undefined;
  }

  #evict(session: Session, reason: EvictionReason): void {
    this.#remove(session, reason);
    this.#evicted.set(session.id, reason);
    if (this.#evicted.size > EVICTED_IDS_MAX) this.#evicted.delete(this.#evicted.keys().next().value!);
  }

  #remove(session: Session, reason: RemovalReason): void {
    this.#sessions.delete(session.id);
    this.#anonymous.remove(session);
    this.#known.remove(session);
    this.#sizeBytes -= session.sizeBytes;
    this.#turns -= session.turns.length;
    this.#removed[reason]++;
    session.detach();
  }
}

/** Random ids come as slices of the text of a whole batch, which each of them would hold in memory. */
function flatCopy(id: string): string {
  return id.split("").join("");
}

/** Names are told apart from no name at all. */
function scopeOf(name: string | null): string {
  return name === null ? "" : `=${name}`;
}
