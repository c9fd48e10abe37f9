/**
 * Why a turn does not simply continue its conversation.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "../types.ts";
import { canonicalMessage } from "./canonical.ts";
import type { Lineage } from "./lineage.ts";
import type { MessageChain } from "./message_chain.ts";
import type { Session } from "./session.ts";
import type { ForkCause, Turn } from "./turn.ts";

/** Hash that knows a reply again in another context. */
export function replyHashOf(reply: JsonObject): string {
  return createHash("sha256").update(canonicalMessage(reply)).digest("base64url");
}

/** The cause of a turn that continues `parent`: another turn does so already, with other messages. */
export function causeBelow(session: Session, parent: Turn): ForkCause | null {
  return session.index.factsOf(parent).isExtended ? "edit" : null;
}

/** The cause of a root; null for a conversation of its own, such as a sub-agent's. */
export function causeOfRoot(
  session: Session,
  chain: MessageChain,
  lineage: Lineage,
  branchKey: string,
): ForkCause | null {
  if (lineage.matched !== null) return lineage.isSameBranch ? "template" : "branch key";
  const replies = chain.messages.filter(({ role }) => role === "assistant");
  if (session.turns.length === 0) return session.wasEvicted && replies.length > 0 ? "evicted" : null;
  if (replies.some((reply) => session.index.hasReply(replyHashOf(reply)))) return "edit";
  const first = chain.messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  if (first < 0 || !session.index.hasPrefix(chain.at(first))) return null;
  const isOtherBranch = session.index.hasPrefix(chain.last) &&
    session.turns.every((turn) => turn.branchKey !== branchKey);
  return isOtherBranch ? "branch key" : "edit";
}
