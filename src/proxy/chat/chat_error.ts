/**
 * What can go wrong with a chat request, besides what can go wrong with any.
 *
 * @module
 */
import { BadRequestError, RouterError } from "../../errors.ts";
import type { CommitRefusal } from "../../trajectory/commit_turn.ts";

/** A field of a chat or completion request that cannot be served: 400, with the field's name as OpenAI's `param`. */
export class ChatRequestError extends BadRequestError {
  /** Path of the field, e.g. `messages[2].role`. */
  readonly param: string;

  constructor(param: string, problem: string) {
    super(`Cannot complete request: ${problem}`, { code: "invalid_value" });
    this.param = param;
  }
}

/** The engine refused the request, or its reply is of no use: the engine's status, or 502. */
export class EngineReplyError extends RouterError {
  constructor(status: number, message: string) {
    super(message, "engine_error", status);
  }
}

/** The reply contradicts what was sent, or its session is closed: nothing was recorded. */
export class TurnRefusedError extends RouterError {
  readonly reason: CommitRefusal;

  constructor(reason: CommitRefusal, detail: string) {
    super(`Cannot record turn: ${detail}`, "turn_refused", reason === "session" ? 409 : 502);
    this.reason = reason;
  }
}
