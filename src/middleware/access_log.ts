import { getLogger } from "@logtape/logtape";
import type { Context } from "hono";
import type { Exchange } from "../proxy/exchange.ts";
import { targetOf } from "../proxy/forward.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { HandledListener } from "./request_id.ts";

/** Longest part of a path that is logged, in UTF-16 units. */
export const LOGGED_PATH_UNITS_MAX = 512;

const logger = getLogger(["slime-router", "access"]);

/** Writes one structured line a request, after its last byte, at debug level. */
export function accessLog(): HandledListener {
  return function accessLog(c, exchange) {
    if (logger.isEnabledFor("debug")) logEnd(c, exchange);
  };
}

function logEnd(c: Context<RouterEnv>, exchange: Exchange): void {
  const { method } = c.req;
  // As it came: decoded, a path can hold line ends.
  const path = targetOf(c.req.raw.url).split("?", 1)[0]!.slice(0, LOGGED_PATH_UNITS_MAX);
  const status = c.res.status;
  exchange.onEnd((exchange, end) => {
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
