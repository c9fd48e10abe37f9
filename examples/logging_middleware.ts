/**
 * A plugin in one file: a line a request, `[METHOD] path - status (x ms)`, when the router is verbose.
 *
 * Run it: `slime-router serve --verbose --middleware ./examples/logging_middleware.ts --worker http://127.0.0.1:10090`
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import type { RouterHandle } from "../mod.ts";

/** Where lines go, and what time it is; a test gives its own. */
export interface LoggingOptions {
  /** Default: standard output. */
  readonly write?: (line: string) => void;
  /** Milliseconds. Default: the machine's clock. */
  readonly now?: () => number;
}

/** The default export is what `--middleware` looks for: a function that is given the router and makes a middleware. */
export default function loggingMiddleware(
  { router }: { router: Pick<RouterHandle, "verbose"> },
  { write = toStandardOutput, now = performance.now.bind(performance) }: LoggingOptions = {},
): MiddlewareHandler {
  return async function logging(c, next) {
    const startMs = now();
    await next();
    if (!router.verbose) return;
    write(`[${c.req.method}] ${c.req.path} - ${c.res.status} (${(now() - startMs).toFixed(1)} ms)`);
  };
}

function toStandardOutput(line: string): void {
  // deno-lint-ignore no-console -- a plugin that prints is the point of this example
  console.log(line);
}
