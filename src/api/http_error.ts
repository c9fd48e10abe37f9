/**
 * Errors to replies: the one place.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { RouterError } from "../errors.ts";
import { ClientLeftError, ExchangeTimeoutError } from "../proxy/exchange.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** Status for the log of a client that left; nobody reads the reply. */
const CLIENT_CLOSED_REQUEST = 499 as ContentfulStatusCode;

const logger = getLogger(["slime-router", "http"]);

/** Answers what handlers throw with `{error}`. */
export const onHttpError: ErrorHandler<RouterEnv> = (error, c) => {
  if (error instanceof RouterError) {
    if (error.status >= 500) {
      logger.warn("{error}", { error: error.message, requestId: c.get("exchange")?.id });
    }
    return c.json({ error: error.message }, error.status as ContentfulStatusCode);
  }
  // Thrown by middleware of others: Hono's own way to refuse a request.
  if (error instanceof HTTPException) {
    return error.res ?? c.json({ error: error.message || `status ${error.status}` }, error.status);
  }
  if (error instanceof ClientLeftError) return c.json({ error: error.message }, CLIENT_CLOSED_REQUEST);
  if (error instanceof ExchangeTimeoutError) return c.json({ error: error.message }, 504);
  logger.error("Request failed: {error}", {
    error: error.message,
    stack: error.stack,
    requestId: c.get("exchange")?.id,
  });
  return c.json({ error: "Cannot serve request: an internal error occurred" }, 500);
};
