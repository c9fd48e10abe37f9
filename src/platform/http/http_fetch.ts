/**
 * `fetch` to workers over keep-alive connections of our own.
 *
 * The runtime's `fetch` is most of what a proxy costs: some 200 µs of processor time a request, for a client that can do
 * everything. Workers speak plain HTTP/1.1; for that a connection that is written to and read from is enough, at a third
 * of the cost (`bench/README.md`). What is not plain goes to the runtime's `fetch`: https, redirects to be followed,
 * bodies that stream.
 *
 * @module
 */
import type { Fetch, WorkerFetch, WorkerReply } from "../../types.ts";
import { type ByteStream, ConnectionEndedError, HttpConnection } from "./connection.ts";
import { HttpFormatError, type ReplyHead } from "./reply_head.ts";
import { requestBytes, requestHead } from "./request_head.ts";
import { ConnectionReader, streamOf, StreamReply } from "./stream_reply.ts";
import { WholeReply } from "./whole_reply.ts";

/** Replies of known length up to this are received whole; longer ones, and those without a length, stream. */
export const WHOLE_REPLY_BYTES_MAX = 1024 * 1024;
/** Idle connections kept to one worker. */
export const IDLE_CONNECTIONS_MAX = 256;

/**
 * A reused connection that ends within this time after a request was written was closed by the worker while the request was on its
 * way. One that ends later may have ended because of the request: that is a failed attempt, and not sent again behind the back
 * of whoever counts attempts.
 */
export const STALE_CONNECTION_MS = 50;

/** Opens a connection; rejects when the signal aborts. */
export type OpenStream = (hostname: string, port: number, signal: AbortSignal | null) => Promise<ByteStream>;

/** Settings of {@link createHttpFetch}. */
export interface HttpFetchOptions {
  readonly open: OpenStream;
  /** For everything that is not plain HTTP. */
  readonly fallback: Fetch;
  /** Milliseconds, never going back. Default `performance.now`. */
  readonly nowMs?: () => number;
}

/** A `fetch` with connections of its own. */
export interface HttpFetch {
  readonly fetch: Fetch;
  /** The same for who needs no `Response`: a reply that was received whole is handed over as it came. */
  readonly workerFetch: WorkerFetch;
  /** Ends all idle connections, and each other one with its reply. */
  close(): void;
}

/** A worker's address and the idle connections to it, the last used on top. */
interface Origin {
  readonly hostname: string;
  readonly port: number;
  readonly host: string;
  readonly idle: HttpConnection[];
}

/** A request that this client can send. */
interface PlainRequest {
  readonly origin: Origin;
  readonly method: string;
  readonly head: string;
  readonly body: Uint8Array | null;
  readonly signal: AbortSignal | null;
}

/** Scheme, host and port; not with a name and password, which go into a header of their own. */
const ORIGIN = /^http:\/\/[^/?#@]+(?=[/?#]|$)/;
const PRINTABLE = /^[\x21-\x7e]*$/;
const METHOD = /^[A-Z]+$/;
/** Most URLs that are remembered. */
const KNOWN_URLS_MAX = 256;
const HTTP_PORT = 80;
const RESET_CONTENT = 205;
const encoder = new TextEncoder();

/**
 * Makes a `fetch` for workers.
 *
 * A request whose connection was idle before and ends at once ({@link STALE_CONNECTION_MS}) without a byte of reply is sent once
 * more on a fresh one: the worker closed it while the request was on its way.
 *
 * @example
 * ```ts no-eval
 * const { fetch, close } = createHttpFetch({
 *   open: (hostname, port) => Deno.connect({ hostname, port }),
 *   fallback: globalThis.fetch,
 * });
 * const reply = await fetch("http://127.0.0.1:10090/generate", { method: "POST", body: "{}", redirect: "manual" });
 * ```
 */
export function createHttpFetch(
  { open, fallback, nowMs = () => performance.now() }: HttpFetchOptions,
): HttpFetch {
  const places = new Places();
  let isClosed = false;

  async function connect({ origin, signal }: PlainRequest): Promise<HttpConnection> {
    return new HttpConnection(await open(origin.hostname, origin.port, signal));
  }

  function release(connection: HttpConnection, { idle }: Origin): void {
    if (isClosed || !connection.isReusable || idle.length >= IDLE_CONNECTIONS_MAX) return connection.close();
    idle.push(connection);
    connection.watch(() => idle.splice(idle.indexOf(connection), 1));
  }

  async function send(request: PlainRequest, connection: HttpConnection): Promise<WorkerReply> {
    const { signal, method, origin } = request;
    const onAbort = () => connection.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    let isEnded = false;
    const end = () => {
      if (isEnded) return;
      isEnded = true;
      signal?.removeEventListener("abort", onAbort);
      release(connection, origin);
    };
    try {
      signal?.throwIfAborted();
      const bytes = requestBytes(request.head, request.body, connection.sendBuffer);
      return await respond(connection, await connection.exchange(bytes, method), end, signal);
    } catch (error) {
      connection.close();
      end();
      throw error;
    }
  }

  async function workerFetch(input: Parameters<Fetch>[0], init: RequestInit = {}): Promise<WorkerReply> {
    const request = plainRequest(input, init, places);
    if (request === null) return await fallback(input, init);
    const { signal, origin } = request;
    signal?.throwIfAborted();
    try {
      const idle = origin.idle.pop();
      if (idle === undefined) return await send(request, await connect(request));
      const sentMs = nowMs();
      try {
        return await send(request, idle);
      } catch (error) {
        const isStale = error instanceof ConnectionEndedError && !idle.hasReplyBegun &&
          nowMs() - sentMs <= STALE_CONNECTION_MS;
        if (!isStale || signal?.aborted) throw error;
        return await send(request, await connect(request));
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  return {
    async fetch(input, init) {
      const reply = await workerFetch(input, init);
      return reply instanceof WholeReply || reply instanceof StreamReply
        ? reply.toResponse()
        : reply as Response;
    },
    workerFetch,
    close() {
      isClosed = true;
      for (const { idle } of places.origins()) {
        for (const connection of idle.splice(0)) connection.close();
      }
    },
  };
}

/** null when the request is not for this client. */
function plainRequest(
  input: string | URL | Request,
  init: RequestInit,
  places: Places,
): PlainRequest | null {
  const { method = "GET", headers = [], redirect, signal = null } = init;
  const body = typeof init.body === "string" ? encoder.encode(init.body) : init.body ?? null;
  if (input instanceof Request || redirect !== "manual") return null;
  if (body !== null && !(body instanceof Uint8Array)) return null;
  if (!METHOD.test(method)) return null;
  const place = places.of(String(input));
  if (place === null) return null;
  const { origin, path } = place;
  return {
    origin,
    method,
    signal,
    head: requestHead(method, path, origin.host, pairsOf(headers), body),
    body,
  };
}

/** Where a URL leads. */
interface Place {
  readonly origin: Origin;
  /** With query, without fragment. */
  readonly path: string;
}

/** Knows the origins, and the URLs that came last: a router asks for few, again and again. */
class Places {
  readonly #origins = new Map<string, Origin>();
  readonly #known = new Map<string, Place>();

  origins(): Iterable<Origin> {
    return this.#origins.values();
  }

  /** null when the URL is not for this client. */
  of(url: string): Place | null {
    const known = this.#known.get(url);
    if (known !== undefined) return known;
    const prefix = ORIGIN.exec(url)?.[0];
    const target = url.slice(prefix?.length).split("#", 1)[0] as string;
    if (prefix === undefined || !PRINTABLE.test(target)) return null;
    const place = { origin: this.#origin(prefix), path: target.startsWith("/") ? target : `/${target}` };
    if (this.#known.size >= KNOWN_URLS_MAX) this.#known.clear();
    this.#known.set(url, place);
    return place;
  }

  #origin(prefix: string): Origin {
    const known = this.#origins.get(prefix);
    if (known !== undefined) return known;
    const { hostname, port, host } = new URL(prefix);
    const origin = {
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || HTTP_PORT,
      host,
      idle: [],
    };
    this.#origins.set(prefix, origin);
    return origin;
  }
}

function pairsOf(headers: HeadersInit): Iterable<readonly [string, string]> {
  if (headers instanceof Headers) return headers;
  return Symbol.iterator in headers ? headers as Iterable<[string, string]> : Object.entries(headers);
}

/** The reply; `end` is called when the connection is free again or broken. */
function respond(
  connection: HttpConnection,
  head: ReplyHead,
  end: () => void,
  signal: AbortSignal | null,
): WorkerReply | Promise<WorkerReply> {
  const { status, framing } = head;
  if (status > 599) throw new HttpFormatError(`Cannot read reply: status ${status}`);
  const coding = head.headers.find(([name]) => name === "content-encoding")?.[1].toLowerCase() ?? "identity";
  if (framing.kind === "length" && framing.bytes <= WHOLE_REPLY_BYTES_MAX && coding === "identity") {
    const body = connection.wholeBody(framing.bytes);
    const reply = (whole: Uint8Array<ArrayBuffer>) => {
      end();
      return new WholeReply(status, head.headers, whole);
    };
    return body instanceof Promise ? body.then(reply) : reply(body);
  }
  const init = { status, headers: coding === "identity" ? [...head.headers] : decodedHeaders(head) };
  if (framing.kind === "none") {
    end();
    return new Response(null, init);
  }
  const reader = new ConnectionReader(connection, end, signal);
  // With that status a body is an error, which `Response` tells.
  if (coding === "identity" && status !== RESET_CONTENT) return new StreamReply(status, head.headers, reader);
  return new Response(coding === "identity" ? streamOf(reader) : decoded(streamOf(reader), coding), init);
}

/** Replies are asked for as they are; a worker that compresses all the same is understood. */
function decoded(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  coding: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (coding !== "gzip" && coding !== "deflate") {
    void body.cancel();
    throw new HttpFormatError(
      `Cannot read reply: content-encoding ${JSON.stringify(coding)} was not asked for`,
    );
  }
  return body.pipeThrough(new DecompressionStream(coding));
}

function decodedHeaders({ headers }: ReplyHead): [string, string][] {
  return headers.filter(([name]) => name !== "content-encoding" && name !== "content-length");
}
