/**
 * Errors in OpenAI's shape, for the paths that OpenAI's clients call.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { MiddlewareHandler } from "hono";
import { RouterError } from "../errors.ts";
import { ChatRequestError } from "../proxy/chat/chat_error.ts";
import { ClientLeftError, ExchangeTimeoutError } from "../proxy/exchange.ts";
import type { RouterEnv } from "../proxy/router_env.ts";

/** OpenAI's error object. */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

const logger = getLogger(["slime-router", "chat"]);

/** OpenAI's name for a kind of failure. */
function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** An error object of these parts. */
export function openAiError(
  status: number,
  message: string,
  code: string | null = null,
  param: string | null = null,
): OpenAiError {
  return { error: { message, type: typeOf(status), param, code } };
}

/** The error object for what a handler threw. What is no error of the router's own is logged, and not told. */
export function openAiErrorOf(error: unknown): OpenAiError {
  if (error instanceof RouterError) {
    const param = error instanceof ChatRequestError ? error.param : null;
    return openAiError(error.status, error.message, error.code, param);
  }
  if (error instanceof ExchangeTimeoutError) return openAiError(504, error.message, "timeout");
  if (error instanceof ClientLeftError) return openAiError(499, error.message, "client_left");
  logger.error("Chat request failed: {error}", { error });
  return openAiError(500, "Cannot serve request: an internal error occurred", "internal_error");
}

/** Puts the router's own errors into OpenAI's shape; what a worker answered passes as it is. */
export function openAiErrors(): MiddlewareHandler<RouterEnv> {
  return async function openAiErrors(c, next) {
    await next();
    const { status, headers } = c.res;
    if (status < 400 || !headers.get("content-type")?.startsWith("application/json")) return;
    if (c.error instanceof RouterError || c.error instanceof ExchangeTimeoutError) {
      c.res = withBody(c.res, openAiErrorOf(c.error));
    } else if (c.error !== undefined || c.get("exchange").worker === null) {
      const message = messageOf(await c.res.clone().json().catch(() => null));
      if (message !== null) c.res = withBody(c.res, openAiError(status, message));
    }
  };
}

/** The sentence of an error in the router's own shape. */
function messageOf(body: unknown): string | null {
  const error = typeof body === "object" && body !== null ? (body as { error?: unknown }).error : null;
  return typeof error === "string" ? error : null;
}

function withBody(response: Response, body: object): Response {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers });
}
