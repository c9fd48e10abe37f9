import type { Context, MiddlewareHandler } from "hono";
import { Exchange } from "../proxy/exchange.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { Clock } from "../types.ts";

/** Longest request id taken over from a client. */
export const REQUEST_ID_LENGTH_MAX = 128;

/** Longest session id: it stands in the cache beside every reply of its session. */
export const ROUTING_KEY_LENGTH_MAX = 1024;

/** Headers that name a session, the first that is not empty wins. */
const ROUTING_KEY_HEADERS = ["x-session-id", "x-smg-routing-key"] as const;

/** Called when all handlers have run and none of them threw: status and route are known, the last byte may be to come. */
export type HandledListener = (c: Context<RouterEnv>, exchange: Exchange) => void;

/** Settings of {@link requestId}. */
export interface RequestIdOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  /** 0: no limit. */
  readonly requestTimeoutMs: number;
  /** What else is done about every request. Default nothing. Not middleware: each step of it costs a request promises. */
  readonly onHandled?: readonly HandledListener[];
}

/**
 * Gives every request an id and an {@link Exchange}, and ends the exchange when the reply is whole. The first
 * middleware: all others rely on it. A client's `x-request-id` is kept when it is short and printable.
 */
export function requestId(
  { clock, newId, requestTimeoutMs, onHandled = [] }: RequestIdOptions,
): MiddlewareHandler<RouterEnv> {
  return async function requestId(c, next) {
    const given = c.req.raw.headers.get("x-request-id");
    const id = given !== null && isUsable(given) ? given : newId();
    const clientSignal = c.req.raw.signal;
    const exchange = new Exchange({ id, clock, clientSignal, timeoutMs: requestTimeoutMs });
    exchange.routingKey = routingKeyOf(c.req.raw.headers);
    c.set("exchange", exchange);
    try {
      if ((exchange.routingKey?.length ?? 0) > ROUTING_KEY_LENGTH_MAX) c.res = refuseRoutingKey(c);
      else await next();
      for (const listener of onHandled) listener(c, exchange);
      const reply = withHeaders(c.res, exchange);
      if (reply !== c.res) c.res = reply;
    } catch (thrown) {
      // Hono answers for what is an Error and lets anything else through.
      throw thrown instanceof Error ? thrown : new Error(`Cannot serve request: a handler threw ${thrown}`);
    } finally {
      exchange.replied(exchange.isStreaming && c.req.method !== "HEAD" ? c.res.body : null);
    }
  };
}

/** An empty header names no session. */
function routingKeyOf(headers: Headers): string | null {
  for (const name of ROUTING_KEY_HEADERS) {
    const key = headers.get(name);
    if (key !== null && key !== "") return key;
  }
  return null;
}

// To cut a key, or to leave it out, would give one session the samples of another.
function refuseRoutingKey(c: Context<RouterEnv>): Response {
  const error = `Cannot route request: a session id of more than ${ROUTING_KEY_LENGTH_MAX} characters`;
  return c.json({ error }, 400);
}

/** Adds the router's headers. A plugin may answer with a reply of `fetch`, whose headers cannot be changed. */
function withHeaders(reply: Response, exchange: Exchange): Response {
  const { id, worker } = exchange;
  try {
    reply.headers.set("x-request-id", id);
  } catch {
    return withHeaders(new Response(reply.body, reply), exchange);
  }
  if (worker !== null) {
    reply.headers.set("x-slime-router-worker", worker.url);
    reply.headers.set("x-slime-router-decision", worker.reason);
  }
  return reply;
}

function isUsable(id: string): boolean {
  return id.length <= REQUEST_ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(id);
}
