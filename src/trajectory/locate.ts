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
  /** The conversation with the router's own copies. */
  readonly messages: readonly JsonObject[];
}

/** Finds the place. Throws when the session refuses the turn, or when there are no messages. */
export function locate(session: Session, request: ChatRequest, { templateId }: PlanParts): Located {
  const refusal = session.refusal();
  const settings = {
    tools: request.tools ?? null,
    templateKwargs: request.templateKwargs ?? {},
    dateMs: session.frozenMs,
  };
  if (request.messages.length === 0) throw new TypeError("Cannot plan a turn: there are no messages");
  const chain = request.chain ?? new MessageChain(request.messages);
  const branchKey = branchKeyOf({ templateId, ...settings });
  const requestKey = { branchKey, path: chain.last };
  const key = request.idempotencyKey;
  const answered = key === undefined ? null : session.turnOfKey(key, requestKey);
  if (refusal !== null && answered === null) throw refusal;
  const { parentTurnId } = request;
  const lineage = findLineage(session, chain, {
    branchKey,
    requestKey,
    ...(parentTurnId === undefined ? {} : { parentTurnId }),
  });
  const own = lineage.matched === null ? [] : pathMessages(lineage.matched);
  const messages = own.concat(withOwnCallIds(chain.messages, own));
  return { chain, settings, branchKey, requestKey, lineage, answered, messages };
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
