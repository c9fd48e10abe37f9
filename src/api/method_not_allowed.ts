/**
 * The router's own paths under a method that they do not have.
 *
 * @module
 */
import type { Context } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";

/**
 * Answers 405 with `Allow`. Put behind a path's handlers: a slip such as `GET /remove_worker` must not become a request to
 * some worker.
 */
export function methodNotAllowed(...allowed: readonly string[]) {
  return function methodNotAllowed(c: Context<RouterEnv>): Response {
    c.header("Allow", allowed.join(", "));
    const method = c.req.method.slice(0, 16);
    return c.json({ error: `Cannot ${method} this path: it is served for ${allowed.join(" and ")}` }, 405);
  };
}
