import { getLogger } from "@logtape/logtape";
import type { Context, MiddlewareHandler } from "hono";
import { targetOf } from "../proxy/forward.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** Longest part of a path that is logged, in UTF-16 units. */
export const LOGGED_PATH_UNITS_MAX = 512;

const logger = getLogger(["slime-router", "access"]);

/** Writes one structured line a request, after its last byte, at debug level. */
export function accessLog(): MiddlewareHandler<RouterEnv> {
  return function accessLog(c, next) {
    if (logger.isEnabledFor("debug")) c.get("exchange").onHandled(() => logEnd(c));
    return next();
  };
}

function logEnd(c: Context<RouterEnv>): void {
  const { method } = c.req;
  // As it came: decoded, a path can hold line ends.
  const path = targetOf(c.req.raw.url).split("?", 1)[0]!.slice(0, LOGGED_PATH_UNITS_MAX);
  const status = c.res.status;
  c.get("exchange").onEnd((exchange, end) => {
    logger.debug("{method} {path} - {status} ({durationMs} ms)", {
      method,
      path,
      status,
      durationMs: Math.round(exchange.elapsedMs * 10) / 10,
      end,
      requestId: exchange.id,
      ...(exchange.worker === null ? {} : { worker: exchange.worker.url, decision: exchange.worker.reason }),
      ...(exchange.promptTokens === null ? {} : { promptTokens: exchange.promptTokens }),
      attempts: exchange.attempts,
    });
  });
}
