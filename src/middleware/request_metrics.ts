import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** Counts each request and times it, less what was spent waiting for a worker. */
export function requestMetrics(metrics: RouterMetrics): MiddlewareHandler<RouterEnv> {
  // Waits for nothing itself: each middleware that does costs every request a promise more.
  return function requestMetrics(c, next) {
    const exchange = c.get("exchange");
    exchange.onHandled(() => {
      const route = routePath(c);
      const status = c.res.status;
      exchange.onEnd(({ elapsedMs, blockedMs }) => {
        const overheadMs = blockedMs === null ? null : Math.max(elapsedMs - blockedMs, 0);
        metrics.requestEnded({ route, status, durationMs: elapsedMs, overheadMs });
      });
    });
    return next();
  };
}
