/**
 * Where the router listens, and what it takes of clients.
 *
 * @module
 */
import * as v from "valibot";
import { bearerToken, integer, text, TIME_MAX_MS } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** Longest string that JavaScript engines hold is some 512 MiB; a body becomes one. */
const BODY_MAX_BYTES = 2 ** 29;

/** Settings of "Server" in `--help`. */
export const SERVER_SETTINGS = inGroup("Server", [
  {
    key: "host",
    flag: "--host",
    placeholder: "address",
    kind: "text",
    help: "address to listen on",
    schema: text("a host name or address"),
  },
  {
    key: "port",
    flag: "--port",
    placeholder: "n",
    kind: "number",
    help: "port to listen on; 0 takes a free one",
    schema: integer(0, 65_535),
  },
  {
    key: "apiKey",
    flag: "--api-key",
    placeholder: "token",
    kind: "text",
    help: "bearer token asked for by every path but /health and /readiness",
    schema: v.nullable(bearerToken),
    secret: true,
  },
  {
    key: "maxConnections",
    flag: "--max-connections",
    placeholder: "n",
    kind: "number",
    help: "requests served at once; more get 503 with Retry-After; 0: no bound",
    schema: integer(0, 1_000_000),
  },
  {
    key: "maxBodyBytes",
    flag: "--max-body-bytes",
    placeholder: "n",
    kind: "number",
    help: "largest request body; larger ones get 413",
    schema: integer(1, BODY_MAX_BYTES),
  },
  {
    key: "requestTimeoutMs",
    flag: "--request-timeout-ms",
    placeholder: "ms",
    kind: "number",
    help: "longest a whole request may take; 0: no limit",
    schema: integer(0, TIME_MAX_MS),
  },
  {
    key: "shutdownTimeoutMs",
    flag: "--shutdown-timeout-ms",
    placeholder: "ms",
    kind: "number",
    help: "longest that requests in flight go on after SIGTERM or Ctrl-C",
    schema: integer(0, TIME_MAX_MS),
  },
  {
    key: "middleware",
    flag: "--middleware",
    placeholder: "module",
    kind: "list",
    help: "module whose default export makes a middleware; may be given again",
    schema: v.array(text("a list of module paths"), "a list of module paths"),
  },
]);
