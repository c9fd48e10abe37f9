import type { MiddlewareHandler } from "hono";
import { baseRoutePath } from "hono/route";
import type { RouterEnv } from "../proxy/router_env.ts";

const pass: MiddlewareHandler<RouterEnv> = (_c, next) => next();

/**
 * Takes off the path under which the router's app stands within another Hono app (`outer.route("/llm", router.app)`), so
 * that everything behind sees the router's own paths: open paths are found open, and workers are asked for `/v1/models`,
 * not for `/llm/v1/models`. Costs nothing worth telling when the app stands alone.
 *
 * @param inner the first of what is behind. Default: whatever comes next
 */
export function withoutBasePath(inner: MiddlewareHandler<RouterEnv> = pass): MiddlewareHandler<RouterEnv> {
  return function withoutBasePath(c, next) {
    const base = baseRoutePath(c);
    if (base === "/" || base === "") return inner(c, next);
    const segments = base.split("/").filter((segment) => segment !== "").length;
    const { raw, path } = c.req;
    c.req.raw = new Request(withoutSegments(raw.url, segments), raw);
    c.req.path = skipSegments(path, segments) || "/";
    return inner(c, next).finally(() => {
      // The outer app's middleware goes on with the request it knows.
      c.req.raw = raw;
      c.req.path = path;
    });
  };
}

/** The URL without the first segments of its path; all other bytes stay. */
function withoutSegments(url: string, count: number): string {
  const pathStart = url.indexOf("/", url.indexOf("://") + 3);
  const rest = skipSegments(url.slice(pathStart), count);
  return url.slice(0, pathStart) + (rest.startsWith("/") ? rest : `/${rest}`);
}

/** What follows the first `count` segments of a path that begins with a slash. */
function skipSegments(path: string, count: number): string {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const end = path.slice(at + 1).search(/[/?#]/);
    if (end < 0) return "";
    at += 1 + end;
  }
  return path.slice(at);
}
