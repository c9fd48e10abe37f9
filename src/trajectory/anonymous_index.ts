/**
 * Finds the session of a request that names none, by what its messages tell.
 *
 * @module
 */
import { reasoningAgrees, toolCallIds } from "./canonical.ts";
import type { MessageChain } from "./message_chain.ts";
import { MultiMap } from "./multi_map.ts";
import type { Session } from "./session.ts";
import type { Turn } from "./turn.ts";
import { mintedIds, type TurnPlaces } from "./turn_index.ts";

/** A turn that a request may continue, and its session. */
interface Place {
  readonly session: Session;
  readonly turn: Turn;
  /** Hash of the turn's message path, the reply included. */
  readonly chainEnd: string;
}

/** Turns of sessions that nobody named, by message path and by minted id. Holds what the sessions hold, no more. */
export class AnonymousIndex {
  readonly #byChainEnd = new MultiMap<string, Place>();
  readonly #byToolCall = new Map<string, Place>();
  readonly #bySession = new MultiMap<Session, Place>();

  /** Takes a committed turn in. */
  add(session: Session, turn: Turn, { chainEnd }: TurnPlaces): void {
    const place = { session, turn, chainEnd };
    this.#byChainEnd.add(chainEnd, place);
    this.#bySession.add(session, place);
    for (const id of mintedIds(turn.reply)) this.#byToolCall.set(id, place);
  }

  /** Forgets a session. */
  remove(session: Session): void {
    for (const place of this.#bySession.get(session)) {
      this.#byChainEnd.delete(place.chainEnd, place);
      for (const id of mintedIds(place.turn.reply)) {
        if (this.#byToolCall.get(id) === place) this.#byToolCall.delete(id);
      }
    }
    this.#bySession.deleteKey(session);
  }

  /** The session that the conversation continues, or null. */
  find(chain: MessageChain): { session: Session; candidates: number } | null {
    return this.#findByToolCall(chain) ?? this.#findByPath(chain);
  }

  /** The newest id that we minted tells the session, whatever the client did to the messages. */
  #findByToolCall({ messages }: MessageChain): { session: Session; candidates: number } | null {
    for (let index = messages.length - 1; index >= 0; index--) {
      const message = messages[index]!;
      const ids = message.role === "tool" ? [message.tool_call_id] : toolCallIds(message);
      for (const id of ids) {
        const place = typeof id === "string" ? this.#byToolCall.get(id) : undefined;
        if (place !== undefined && !place.session.isFinished) {
          return { session: place.session, candidates: 1 };
        }
      }
    }
    return null;
  }

  #findByPath(chain: MessageChain): { session: Session; candidates: number } | null {
    for (const { index, hash } of chain.assistantPlaces()) {
      const copy = chain.messages[index]!;
      const places = this.#byChainEnd.get(hash).filter(({ session, turn }) =>
        !session.isFinished && reasoningAgrees(turn.reply, copy)
      );
      if (places.length > 0) return { session: preferred(places, chain), candidates: sessionsOf(places) };
    }
    return null;
  }
}

/** One that saw this very request, else one that nobody has continued, else any; the newest of them. */
function preferred(places: readonly Place[], chain: MessageChain): Session {
  const saw = places.filter(({ session }) => session.index.hasPrefix(chain.last));
  const open = places.filter(({ session, turn }) => !session.index.factsOf(turn).isExtended);
  const best = saw.length > 0 ? saw : open.length > 0 ? open : places;
  return best[best.length - 1]!.session;
}

function sessionsOf(places: readonly Place[]): number {
  return new Set(places.map(({ session }) => session)).size;
}
