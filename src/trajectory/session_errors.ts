/**
 * Why a session refuses a request. Each has a stable code and an HTTP status.
 *
 * @module
 */
import { RouterError } from "../errors.ts";

/** No session has that id: 404. */
export class SessionNotFoundError extends RouterError {
  constructor(id: string) {
    super(`Cannot find session "${id}": none has that id`, "session_not_found", 404);
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
