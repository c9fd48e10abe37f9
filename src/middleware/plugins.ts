/**
 * Middleware of plugins within the router's own: whatever they do, the request is answered, counted and logged.
 *
 * @module
 */
import type { Context, MiddlewareHandler, Next } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";

/**
 * Wraps the middleware that a plugin's factory made.
 *
 * @param position of the plugin among all, from 1; for messages
 * @throws TypeError when the factory made no function
 */
export function plugin(handler: unknown, position: number): MiddlewareHandler<RouterEnv> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot use middleware ${position}: its factory must return a function (c, next) => …, received ${
        handler === null ? "null" : typeof handler
      }`,
    );
  }
  const run = handler as (c: Context<RouterEnv>, next: Next) => unknown;
  const name = handler.name === "" ? `${position}` : `${position} (${handler.name})`;
  return async function plugin(c, next) {
    const reply = await runSafely(run, c, next, name);
    if (reply instanceof Response) return reply;
    if (!c.finalized) {
      throw new Error(`Middleware ${name} neither answered nor awaited next()`);
    }
  };
}

/** Hono answers for what is an Error and lets anything else through, past log and metrics. */
async function runSafely(
  run: (c: Context<RouterEnv>, next: Next) => unknown,
  c: Context<RouterEnv>,
  next: Next,
  name: string,
): Promise<unknown> {
  try {
    return await run(c, next);
  } catch (thrown) {
    if (thrown instanceof Error) throw thrown;
    throw new Error(`Middleware ${name} threw ${typeof thrown === "object" ? "an object" : String(thrown)}`);
  }
}
