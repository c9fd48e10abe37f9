/**
 * What the messages and the session tell of a request before anything is rendered.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { branchKeyOf } from "./branch_key.ts";
import { sameReasoning } from "./canonical.ts";
import type { RenderSettings } from "./chat_renderer.ts";
import { findLineage, type Lineage } from "./lineage.ts";
import { MessageChain } from "./message_chain.ts";
import { withOwnCallIds } from "./own_call_ids.ts";
import { pathMessages } from "./path.ts";
import type { ChatRequest, PlanParts } from "./plan.ts";
import type { Session } from "./session.ts";
import type { Turn } from "./turn.ts";
import type { RequestKey } from "./turn_index.ts";

/** A request and its place in the session. */
export interface Located {
  readonly chain: MessageChain;
  readonly settings: RenderSettings;
  readonly branchKey: string;
  readonly requestKey: RequestKey;
  readonly lineage: Lineage;
  readonly answered: Turn | null;
  /** The conversation with the router's own copies, the message that is gone on with left out. */
  readonly messages: readonly JsonObject[];
  /** The message that is gone on with, and the turn whose reply it is; null: the reply is a new message. */
  readonly opened: { readonly message: JsonObject; readonly turn: Turn | null } | null;
}

/** Finds the place. Throws when the session refuses the turn, or when there are no messages. */
export function locate(session: Session, request: ChatRequest, { templateId }: PlanParts): Located {
  const refusal = session.refusal();
  const settings = {
    tools: request.tools ?? null,
    templateKwargs: request.templateKwargs ?? {},
    dateMs: session.frozenMs,
  };
  const continues = request.continuesLast ?? false;
  if (request.messages.length === (continues ? 1 : 0)) {
    throw new TypeError("Cannot plan a turn: there are no messages");
  }
  const whole = request.chain ?? new MessageChain(request.messages);
  const chain = continues ? whole.beforeLast : whole;
  const branchKey = branchKeyOf({ templateId, ...settings });
  const requestKey = { branchKey, path: continues ? whole.lastOpen : whole.last };
  const key = request.idempotencyKey;
  const answered = key === undefined ? null : session.turnOfKey(key, requestKey);
  if (refusal !== null && answered === null) throw refusal;
  const { parentTurnId } = request;
  const named = { branchKey, ...(parentTurnId === undefined ? {} : { parentTurnId }) };
  const hints = { ...named, requestKey };
  // A reply that goes on by half a character says the same as before: it is the longest that goes on again.
  const lineage = findLineage(session, whole, continues ? named : hints);
  const found = { chain, settings, branchKey, requestKey, answered };
  if (!continues) return { ...found, lineage, messages: ownCopies(lineage, chain), opened: null };
  const message = whole.messages.at(-1)!;
  const turn = lineage.coveredMessages === whole.length ? lineage.matched : null;
  if (turn !== null && lineage.isSameBranch && !session.index.factsOf(turn).mayHideWords) {
    const messages = pathMessages(turn).slice(0, -1);
    return { ...found, lineage, messages, opened: { message: turn.reply, turn } };
  }
  const before = findLineage(session, chain, hints);
  return { ...found, lineage: before, messages: ownCopies(before, chain), opened: { message, turn: null } };
}

function ownCopies({ matched }: Lineage, { messages }: MessageChain): JsonObject[] {
  const own = matched === null ? [] : pathMessages(matched);
  return own.concat(withOwnCallIds(messages, own));
}

/** The newest turn that answered this very request, or null. */
export function repeatedTurn(
  session: Session,
  { requestKey, lineage, answered, messages }: Located,
): Turn | null {
  if (answered !== null) return answered;
  const same = session.index.ofRequest(requestKey).filter((turn) =>
    session.index.factsOf(turn).matched === lineage.matched && sameReasoning(turn.messages, messages)
  );
  return same[same.length - 1] ?? null;
}
