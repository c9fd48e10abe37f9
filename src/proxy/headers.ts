/**
 * Which headers pass from one side to the other.
 *
 * @module
 */

import type { ReplyHeaders } from "../types.ts";

/** Names and values in the order they stand; what `fetch` and `Response` take. */
export type HeaderPairs = [string, string][];

/** Meant for one connection only (RFC 9110 §7.6.1), or made anew for the rebuilt message. */
const CONNECTION_HEADERS = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

const NOT_TO_WORKERS: ReadonlySet<string> = new Set([
  ...CONNECTION_HEADERS,
  "host",
  "content-length",
  "expect",
  "accept-encoding",
  "x-request-id",
]);
const NOT_TO_WORKERS_NOR_KEY: ReadonlySet<string> = new Set([...NOT_TO_WORKERS, "authorization"]);
/** `fetch` decodes bodies; the server writes its own `Date`, and `Server` names the wrong hop. */
const NOT_TO_CLIENTS: ReadonlySet<string> = new Set([
  ...CONNECTION_HEADERS,
  "content-length",
  "content-encoding",
  "server",
  "date",
]);

/**
 * Headers to send to a worker. Replies are asked for uncompressed: their bytes pass on as they come.
 *
 * @param exchange its id is sent as `x-request-id`; a key that was meant for the router stays here
 */
export function workerRequestHeaders(
  client: Headers,
  { id, isAuthorizationOurs }: { readonly id: string; readonly isAuthorizationOurs: boolean },
): HeaderPairs {
  const headers = without(client, isAuthorizationOurs ? NOT_TO_WORKERS_NOR_KEY : NOT_TO_WORKERS);
  headers.push(["accept-encoding", "identity"], ["x-request-id", id]);
  return headers;
}

/** Headers of a worker's reply as the client gets them. */
export function clientResponseHeaders(worker: ReplyHeaders): HeaderPairs {
  return without(worker, NOT_TO_CLIENTS);
}

/** One pass: a copy of `Headers` with some deleted costs several times as much. */
function without(source: ReplyHeaders, dropped: ReadonlySet<string>): HeaderPairs {
  const kept: HeaderPairs = [];
  // Not `for … of`: the iterator of `Headers` takes ten times as long.
  source.forEach((value, name) => {
    if (!dropped.has(name)) kept.push([name, value]);
  });
  const connection = source.get("connection");
  return connection === null ? kept : withoutNamed(kept, connection);
}

/** Without the headers that `Connection` names. */
function withoutNamed(headers: HeaderPairs, connection: string): HeaderPairs {
  const named = new Set(connection.toLowerCase().split(",").map((name) => name.trim()));
  return headers.filter(([name]) => !named.has(name));
}
