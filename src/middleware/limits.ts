import type { MiddlewareHandler } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";

/** Seconds after which a client that was turned away may come again. */
const RETRY_AFTER_S = 1;

/** What one does about a router that is full must work while it is full. They neither count nor are shed. */
const CONTROL_PATHS: ReadonlySet<string> = new Set([
  "/health",
  "/readiness",
  "/metrics",
  "/list_workers",
  "/workers",
  "/add_worker",
  "/remove_worker",
  "/abort_request",
]);

function isControl(path: string): boolean {
  return CONTROL_PATHS.has(path) || path.startsWith("/workers/");
}

/** Serves at most `maxConnections` requests at once; sheds the rest with 503 and `Retry-After`. */
export function limits(maxConnections: number): MiddlewareHandler<RouterEnv> {
  let inFlight = 0;
  // Not async: it waits for nothing itself, and each middleware that does costs a request a promise more.
  return function limits(c, next) {
    if (isControl(c.req.path)) return next();
    if (inFlight >= maxConnections) {
      c.header("Retry-After", String(RETRY_AFTER_S));
      const error =
        `Cannot take request: ${inFlight} are being served, the limit is ${maxConnections} (--max-connections)`;
      return Promise.resolve(c.json({ error }, 503));
    }
    inFlight++;
    c.get("exchange").onEnd(() => inFlight--);
    return next();
  };
}
