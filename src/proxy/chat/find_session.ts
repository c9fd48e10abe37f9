/**
 * Which session a chat request belongs to.
 *
 * @module
 */
import type { MessageChain } from "../../trajectory/message_chain.ts";
import type { Session } from "../../trajectory/session.ts";
import type { SessionStore } from "../../trajectory/session_store.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import { assertWellFormed } from "./chat_messages.ts";

/** Longest name of a session. */
export const SESSION_ID_LENGTH_MAX = 1024;
/** A bearer key that begins so names a session: `session:rollout-7`. */
const SESSION_KEY = /^bearer +session:(.+)$/i;

/** Where a client may name its session, the first that does wins. */
export interface SessionNames {
  readonly path: string | null;
  readonly header: string | null;
  readonly metadata: string | null;
  /** The `Authorization` header, whole. */
  readonly authorization: string | null;
}

/** The name that a request gives its session; null: none. @throws {ChatRequestError} for one that cannot be a name */
export function sessionNameOf({ path, header, metadata, authorization }: SessionNames): string | null {
  const name = path ?? header ?? metadata ?? authorization?.match(SESSION_KEY)?.[1] ?? null;
  if (name === null) return null;
  // No URL could name it.
  assertWellFormed(name, "session_id");
  if (name.length <= SESSION_ID_LENGTH_MAX) return name;
  throw new ChatRequestError("session_id", `a session id of more than ${SESSION_ID_LENGTH_MAX} characters`);
}

/** The session: by its name, else where the messages find their place. */
export function findSession(
  store: SessionStore,
  name: string | null,
  chain: MessageChain,
  metadata: JsonObject,
): { session: Session; isAmbiguous: boolean } {
  if (name !== null) return { session: store.open(name, metadata), isAmbiguous: false };
  const { session, candidates } = store.route(chain);
  return { session, isAmbiguous: candidates > 1 };
}
