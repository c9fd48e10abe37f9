import { routePath } from "hono/route";
import type { RouterMetrics } from "../observability/metrics.ts";
import type { HandledListener } from "./request_id.ts";

/** Counts each request and times it, less what was spent waiting for a worker. */
export function requestMetrics(metrics: RouterMetrics): HandledListener {
  return function requestMetrics(c, exchange) {
    const route = routePath(c);
    const status = c.res.status;
    exchange.onEnd(({ elapsedMs, blockedMs }) => {
      const overheadMs = blockedMs === null ? null : Math.max(elapsedMs - blockedMs, 0);
      metrics.requestEnded({ route, status, durationMs: elapsedMs, overheadMs });
    });
  };
}
