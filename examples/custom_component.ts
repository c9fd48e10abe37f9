/**
 * A plugin that brings a component of its own, and uses it together with the router's.
 *
 * It counts the turns of each session (`x-session-id`), tells them in the reply header `x-turn`, and shows what it knows
 * at `GET /turns`. Other plugins find it as `router.registry.get("turn_counter")`.
 *
 * Run it: `slime-router serve --middleware ./examples/custom_component.ts --worker http://127.0.0.1:10090`
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import type { ComponentRegistry, RouterHandle, TokenTrie } from "../mod.ts";

/** Sessions kept when nothing else is said. */
export const SESSIONS_MAX_DEFAULT = 5_000;

/** Turns by session, for the sessions that were used last. */
export class TurnCounter {
  readonly #sessionsMax: number;
  readonly #turns = new Map<string, number>();

  constructor({ sessionsMax = SESSIONS_MAX_DEFAULT }: { sessionsMax?: number } = {}) {
    this.#sessionsMax = sessionsMax;
  }

  get sessions(): number {
    return this.#turns.size;
  }

  /** Counts a turn. @returns how many the session has had, this one included */
  count(session: string): number {
    const turn = (this.#turns.get(session) ?? 0) + 1;
    this.#turns.delete(session); // to stand behind all others: the map is in order of use
    this.#turns.set(session, turn);
    if (this.#turns.size > this.#sessionsMax) this.#turns.delete(this.#turns.keys().next().value as string);
    return turn;
  }

  clear(): void {
    this.#turns.clear();
  }
}

/** Registers the component once, when the router is made; the middleware it returns runs for every request. */
export default function turnCounting(
  { router }: { router: Pick<RouterHandle, "registry"> },
): MiddlewareHandler {
  const counter = new TurnCounter();
  // Ended with the router, or when another component takes its name.
  router.registry.register("turn_counter", counter, (instance) => instance.clear());

  return async function countTurns(c, next) {
    if (c.req.method === "GET" && c.req.path === "/turns") {
      const trie = getOr<TokenTrie | null>(router.registry, "radix_tree", null);
      return c.json({ sessions: counter.sessions, cached_tokens: trie?.stats().tokens ?? null });
    }
    const session = c.req.path === "/generate" ? c.req.header("x-session-id") : undefined;
    await next();
    if (session !== undefined && c.res.ok) c.header("x-turn", String(counter.count(session)));
  };
}

/** A component that may be absent: there is no `radix_tree` without a tokenizer. */
export function getOr<T>(registry: ComponentRegistry, name: string, fallback: T): T {
  return registry.has(name) ? registry.get<T>(name) : fallback;
}
