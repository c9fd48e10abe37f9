/**
 * Why a session refuses a request. Each has a stable code and an HTTP status.
 *
 * @module
 */
import { RouterError } from "../errors.ts";

/** Why sessions have to go that nobody asked to remove. */
export type EvictionReason = "idle" | "sessions" | "bytes";

const EVICTED: Readonly<Record<EvictionReason, string>> = {
  idle: "it was removed, idle for too long (--session-idle-ms)",
  sessions: "it was removed, as the oldest of too many (--sessions-max)",
  bytes: "it was removed, as the oldest of sessions that hold too much (--session-bytes-max)",
};

/** No session has that id, or none any more: 404. */
export class SessionNotFoundError extends RouterError {
  constructor(id: string, evicted: EvictionReason | null = null) {
    const why = evicted === null ? "none has that id" : EVICTED[evicted];
    super(`Cannot find session "${id}": ${why}`, "session_not_found", 404);
  }
}

/** The session was finished, and refuses writes: 409. */
export class SessionFinishedError extends RouterError {
  constructor(id: string) {
    super(`Cannot write to session "${id}": it is finished`, "session_finished", 409);
  }
}

/** A bound on sessions or turns is reached: 429. */
export class SessionLimitError extends RouterError {
  constructor(message: string) {
    super(message, "session_limit", 429);
  }
}

/** An idempotency key came with another request than before: 409. */
export class IdempotencyConflictError extends RouterError {
  constructor(key: string) {
    super(
      `Cannot reuse idempotency key "${key}": it came with another request before`,
      "idempotency_conflict",
      409,
    );
  }
}
