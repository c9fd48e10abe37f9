/**
 * Health of the router itself.
 *
 * @module
 */
import { Hono } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { WorkerPool } from "../worker/pool.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

/** Routes `/health` (alive) and `/readiness` (able to serve). */
export function healthApi(pool: WorkerPool): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  const counts = () => ({ healthy_workers: pool.healthyCount, total_workers: pool.size });
  app.get("/health", (c) => c.json({ status: "ok", ...counts() }));
  app.get("/readiness", (c) => {
    const isReady = pool.healthyCount > 0;
    return c.json({ status: isReady ? "ready" : "not ready", ...counts() }, isReady ? 200 : 503);
  });
  app.all("/health", methodNotAllowed("GET"));
  app.all("/readiness", methodNotAllowed("GET"));
  return app;
}
