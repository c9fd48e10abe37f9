/**
 * What the Hono context carries through the middleware.
 *
 * @module
 */
import type { Exchange } from "./exchange.ts";
import type { GenerateExchange } from "./generate_exchange.ts";

/** Type parameter of the router's Hono app and middleware. */
export interface RouterEnv {
  Variables: {
    /** The request on its way; set by the first middleware. */
    exchange: Exchange;
    /** Set by the radix cache on `/generate`. */
    generate?: GenerateExchange;
  };
}
