/**
 * Forwards any request to one worker and its reply to the client: same method, path, query, body bytes.
 *
 * @module
 */
import type { Context } from "hono";
import { BadRequestError, UpstreamError } from "../errors.ts";
import { dispatch, type DispatchDeps, type Dispatched, type OutboundRequest } from "./dispatch.ts";
import type { WorkerReply } from "../types.ts";
import type { Exchange } from "./exchange.ts";
import { clientResponseHeaders, workerRequestHeaders } from "./headers.ts";
import { readBytes, readRequestBody } from "./read_body.ts";
import { type OpenBody, readerOf, relayBody, type Tap } from "./relay.ts";
import type { RouterEnv } from "./router_env.ts";

/** Replies of known length up to this are read whole before they pass on; longer and open-ended ones stream. */
export const WHOLE_REPLY_BYTES_MAX = 1024 * 1024;
/** Statuses whose replies have no body. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Methods that `fetch` refuses to send: to try would look as if the workers failed. */
const UNSENDABLE_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** What forwarding needs beside dispatch. */
export interface ForwardDeps extends DispatchDeps {
  readonly maxBodyBytes: number;
}

/** A reply whose head has come. */
export interface OpenReply {
  readonly response: WorkerReply;
  readonly body: OpenBody;
}

/** Handles what no other route does. */
export function forwardAny(deps: ForwardDeps) {
  return async function forward(c: Context<RouterEnv>): Promise<Response> {
    const exchange = c.get("exchange");
    const { method } = c.req;
    if (UNSENDABLE_METHODS.has(method)) {
      throw new BadRequestError(`Cannot forward request: method ${method} is not allowed`, { status: 405 });
    }
    const hasBody = method !== "GET" && method !== "HEAD";
    const body = hasBody ? await readRequestBody(c.req.raw, deps.maxBodyBytes, exchange) : null;
    const outbound = outboundRequest(c, exchange, body);
    watchEnd(deps, exchange);
    return relayReply(await dispatch(deps, outbound, exchange, openReply), exchange);
  };
}

/** The outbound form of the client's request with the given body. */
export function outboundRequest(
  c: Context<RouterEnv>,
  exchange: Exchange,
  body: Uint8Array<ArrayBuffer> | null,
  isRepeatable = false,
): OutboundRequest {
  const { method, url, headers } = c.req.raw;
  return {
    method,
    target: targetOf(url),
    headers: workerRequestHeaders(headers, exchange),
    body,
    isRepeatable,
  };
}

/** Counts exchanges that were cut short, before or within the reply. */
export function watchEnd({ metrics }: ForwardDeps, exchange: Exchange): void {
  exchange.onEnd((_, end) => {
    if (end !== "done") metrics.upstreamAbort(end);
  });
}

/** Path and query of a URL, byte for byte. */
export function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/** Takes a reply's head, and all of a short body. */
export async function openReply(response: WorkerReply): Promise<OpenReply> {
  const hasNoBody = response.reader === undefined && response.body === null;
  if (hasNoBody || BODILESS.has(response.status)) return { response, body: { first: [], reader: null } };
  const length = response.headers.get("content-length");
  if (length !== null && Number(length) <= WHOLE_REPLY_BYTES_MAX) {
    const whole = await readBytes(response, WHOLE_REPLY_BYTES_MAX, tooLongReply);
    return { response, body: { first: [whole], reader: null } };
  }
  return { response, body: { first: [], reader: readerOf(response) } };
}

/** The error for a reply above a bound. */
export function tooLongReply(maxBytes: number): Error {
  return new UpstreamError(`Cannot read the worker's reply: it exceeds ${maxBytes} bytes`);
}

/** The reply for the client. The lease ends with its last byte, however it comes to that. */
export function relayReply(
  { worker, lease, reply }: Dispatched<OpenReply>,
  exchange: Exchange,
  onChunk?: Tap["onChunk"],
): Response {
  const { response, body } = reply;
  const [first] = body.first;
  if (body.reader === null && body.first.length <= 1) {
    lease[Symbol.dispose]();
    return clientResponse(response, BODILESS.has(response.status) ? null : first as Uint8Array<ArrayBuffer>);
  }
  const relayed = relayBody(body, {
    onChunk(chunk) {
      worker.recordActivity();
      return onChunk?.(chunk);
    },
    onEnd(end) {
      if (end === "client left") exchange.clientLeft();
      else exchange.end(end);
    },
  }, (wait) => exchange.blocked(wait));
  exchange.streamReply(relayed);
  return clientResponse(response, relayed);
}

/** Headers are appended: handed over with the rest they take three times as long. */
function clientResponse({ status, headers }: WorkerReply, body: BodyInit | null): Response {
  const response = new Response(body, { status });
  for (const [name, value] of clientResponseHeaders(headers)) response.headers.append(name, value);
  return response;
}
