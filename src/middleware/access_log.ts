import { getLogger } from "@logtape/logtape";
import type { MiddlewareHandler } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";

const logger = getLogger(["slime-router", "access"]);

/** Writes one structured line a request, after its last byte, at debug level. */
export function accessLog(): MiddlewareHandler<RouterEnv> {
  return async function accessLog(c, next) {
    await next();
    if (!logger.isEnabledFor("debug")) return;
    const { method, path } = c.req;
    const status = c.res.status;
    c.get("exchange").onEnd((exchange, end) => {
      logger.debug("{method} {path} - {status} ({durationMs} ms)", {
        method,
        path,
        status,
        durationMs: Math.round(exchange.elapsedMs * 10) / 10,
        end,
        requestId: exchange.id,
        ...(exchange.worker === null
          ? {}
          : { worker: exchange.worker.url, decision: exchange.worker.reason }),
        ...(exchange.promptTokens === null ? {} : { promptTokens: exchange.promptTokens }),
        attempts: exchange.attempts,
      });
    });
  };
}
