/**
 * Which headers pass from one side to the other.
 *
 * @module
 */

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

const REQUEST_ONLY = ["host", "content-length", "expect", "accept-encoding"] as const;
/** `fetch` decodes bodies; the server writes its own `Date`, and `Server` names the wrong hop. */
const RESPONSE_ONLY = ["content-length", "content-encoding", "server", "date"] as const;

/**
 * Headers to send to a worker. Replies are asked for uncompressed: their bytes pass on as they come.
 *
 * @param requestId the router's id of the request, sent as `x-request-id`
 */
export function workerRequestHeaders(client: Headers, requestId: string): Headers {
  const headers = withoutConnectionHeaders(client, REQUEST_ONLY);
  headers.set("accept-encoding", "identity");
  headers.set("x-request-id", requestId);
  return headers;
}

/** Headers of a worker's reply as the client gets them. */
export function clientResponseHeaders(worker: Headers): Headers {
  return withoutConnectionHeaders(worker, RESPONSE_ONLY);
}

function withoutConnectionHeaders(source: Headers, more: readonly string[]): Headers {
  const headers = new Headers(source);
  const named = source.get("connection");
  if (named !== null) {
    for (const name of named.split(",")) {
      const token = name.trim();
      if (/^[\w!#$%&'*+.^`|~-]+$/.test(token)) headers.delete(token);
    }
  }
  for (const name of CONNECTION_HEADERS) headers.delete(name);
  for (const name of more) headers.delete(name);
  return headers;
}
