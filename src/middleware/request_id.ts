import type { MiddlewareHandler } from "hono";
import { Exchange } from "../proxy/exchange.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { Clock } from "../types.ts";

/** Longest request id taken over from a client. */
export const REQUEST_ID_LENGTH_MAX = 128;

/** Headers that name a session, first match wins. */
const ROUTING_KEY_HEADERS = ["x-session-id", "x-smg-routing-key"] as const;

/** Settings of {@link requestId}. */
export interface RequestIdOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  /** 0: no limit. */
  readonly requestTimeoutMs: number;
}

/**
 * Gives every request an id and an {@link Exchange}, and ends the exchange when the reply is whole. The first
 * middleware: all others rely on it. A client's `x-request-id` is kept when it is short and printable.
 */
export function requestId(
  { clock, newId, requestTimeoutMs }: RequestIdOptions,
): MiddlewareHandler<RouterEnv> {
  return async function requestId(c, next) {
    const given = c.req.raw.headers.get("x-request-id");
    const id = given !== null && isUsable(given) ? given : newId();
    const clientSignal = c.req.raw.signal;
    const exchange = new Exchange({ id, clock, clientSignal, timeoutMs: requestTimeoutMs });
    for (const name of ROUTING_KEY_HEADERS) exchange.routingKey ??= c.req.raw.headers.get(name);
    c.set("exchange", exchange);
    await next();
    c.res.headers.set("x-request-id", id);
    if (exchange.worker !== null) {
      c.res.headers.set("x-slime-router-worker", exchange.worker.url);
      c.res.headers.set("x-slime-router-decision", exchange.worker.reason);
    }
    if (!exchange.isStreaming) exchange.end("done");
  };
}

function isUsable(id: string): boolean {
  return id.length <= REQUEST_ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(id);
}
