import type { MiddlewareHandler } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";

/** Paths that stay open, for probes. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/health", "/readiness"]);

/** The scheme's case does not matter (RFC 9110 §11.1). */
const BEARER = /^bearer +/i;

/** Asks every request for `Authorization: Bearer <apiKey>`; 401 otherwise. Workers never see the key. */
export function auth(apiKey: string): MiddlewareHandler<RouterEnv> {
  const expected = digest(apiKey);
  return async function auth(c, next) {
    if (OPEN_PATHS.has(c.req.path)) return await next();
    const given = c.req.raw.headers.get("authorization");
    if (given !== null && BEARER.test(given)) {
      if (equal(await digest(given.replace(BEARER, "")), await expected)) {
        c.get("exchange").isAuthorizationOurs = true;
        return await next();
      }
    }
    c.header("WWW-Authenticate", "Bearer");
    return c.json({
      error: "Cannot authorize request: a valid API key is required (Authorization: Bearer …)",
    }, 401);
  };
}

// Digests have one length, so that the comparison tells nothing by its time.
async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
