/**
 * One session: a forest of turns and what is needed to find a place in it.
 *
 * @module
 */
import type { Clock, JsonObject } from "../types.ts";
import type { MessageChain } from "./message_chain.ts";
import { IdempotencyConflictError, SessionFinishedError, SessionLimitError } from "./session_errors.ts";
import type { SessionView, Turn } from "./turn.ts";
import { valueBytes } from "./turn_bytes.ts";
import { type RequestKey, type TurnFacts, TurnIndex, type TurnPlaces } from "./turn_index.ts";

/** What a session is made of. */
export interface SessionOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly turnsMax: number;
  readonly metadata?: JsonObject;
  /** Nobody named it: it was found, or will be, by its messages. Default false. */
  readonly isAnonymous?: boolean;
  /** A session of this id was there before and had to go. Default false. */
  readonly wasEvicted?: boolean;
  /** Told of each use. */
  readonly onUsed?: (session: Session) => void;
  /** Told of each turn once it is in. */
  readonly onAdded?: (session: Session, added: AddedTurn) => void;
}

/** A turn that comes in. */
export interface AddedTurn {
  readonly turn: Turn;
  readonly facts: TurnFacts;
  readonly places: TurnPlaces;
  /** Memory that the turn holds. */
  readonly sizeBytes: number;
  /** The conversation that it answers. */
  readonly chain: MessageChain;
  readonly idempotencyKey?: string;
}

/** A session. Only `plan_turn.ts` and `commit_turn.ts` write to it. */
export class Session implements SessionView {
  readonly id: string;
  readonly createdMs: number;
  readonly metadata: JsonObject;
  readonly isAnonymous: boolean;
  readonly wasEvicted: boolean;
  readonly index: TurnIndex = new TurnIndex();
  /** Null: no key ever came. */
  #turnsOfKeys: Map<string, { requestKey: RequestKey; turn: Turn }> | null = null;
  readonly #options: SessionOptions;
  #isFinished = false;
  #isRemoved = false;
  #underWay = 0;
  #lastUsedMs: number;
  #sizeBytes: number;
  #plans = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.id;
    this.metadata = options.metadata ?? {};
    this.isAnonymous = options.isAnonymous ?? false;
    this.wasEvicted = options.wasEvicted ?? false;
    this.#sizeBytes = SESSION_BYTES + valueBytes(this.id) + valueBytes(this.metadata);
    this.createdMs = options.clock.epochMs();
    this.#lastUsedMs = options.clock.now();
  }

  get turns(): readonly Turn[] {
    return this.index.turns;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Turns that are planned or generated now. */
  get underWay(): number {
    return this.#underWay;
  }

  /** When it was last used, on the clock's own scale. */
  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  /** Memory that its turns hold, by account. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The time that templates see, for as long as the session lives. */
  get frozenMs(): number {
    return this.createdMs;
  }

  /** Marks a turn as under way until the result is disposed of: the session is not evicted meanwhile. */
  begin(): Disposable {
    this.#underWay++;
    this.touch();
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#underWay--;
        this.touch();
      },
    };
  }

  /** Uses the session: it becomes the youngest. */
  touch(): void {
    this.#lastUsedMs = this.#options.clock.now();
    this.#options.onUsed?.(this);
  }

  /** Freezes the session. Harmless when done twice. */
  finish(): void {
    this.#isFinished = true;
    this.touch();
  }

  /** The store let go of it: what is under way is not recorded any more. */
  detach(): void {
    this.#isRemoved = true;
  }

  /** Why the session takes no more turns, or null. */
  refusal(): SessionFinishedError | SessionLimitError | null {
    if (this.#isFinished || this.#isRemoved) return new SessionFinishedError(this.id);
    const { turnsMax } = this.#options;
    if (this.turns.length < turnsMax) return null;
    return new SessionLimitError(
      `Cannot add a turn to session "${this.id}": it has ${turnsMax}, the most allowed`,
    );
  }

  /** Serial of the next plan of this session. */
  nextPlanSerial(): number {
    return this.#plans++;
  }

  /** Id of a turn to be. */
  newTurnId(): string {
    return this.#options.newId();
  }

  /** The turn that an idempotency key stands for, or null. Throws when the key came with another request. */
  turnOfKey(key: string, { branchKey, path }: RequestKey): Turn | null {
    const known = this.#turnsOfKeys?.get(key);
    if (known === undefined) return null;
    const { requestKey } = known;
    if (requestKey.branchKey !== branchKey || requestKey.path !== path) {
      throw new IdempotencyConflictError(key);
    }
    return known.turn;
  }

  /** Takes a turn in, at once and whole. */
  add(added: AddedTurn): void {
    const { turn, facts, places, sizeBytes, idempotencyKey } = added;
    this.index.add(turn, facts, places);
    if (idempotencyKey !== undefined) {
      const requestKey = { branchKey: turn.branchKey, path: facts.requestPath };
      this.#turnsOfKeys ??= new Map();
      this.#turnsOfKeys.set(idempotencyKey, { requestKey, turn });
    }
    if (turn.parent !== null) turn.parent.isSuperseded = false;
    this.#sizeBytes += sizeBytes;
    this.touch();
    this.#options.onAdded?.(this, added);
  }
}

/** Account of an empty session: its objects, and what stores and gateways remember of it. */
const SESSION_BYTES = 1_536;
