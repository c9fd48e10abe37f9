/**
 * A simulated engine on a port. The only part of the engine that knows a runtime.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { ConnectionDropError } from "./http.ts";
import type { SimulatedEngine } from "./simulated_engine.ts";

/** Where to listen, and on what. */
export interface ServeSimulatedOptions {
  /** Default `127.0.0.1`. */
  readonly hostname?: string;
  /** 0: any free one. Default 0. */
  readonly port?: number;
  /**
   * `deno` (`Deno.serve`) is the fast one, but cannot end a connection before the headers of a reply: such a drop comes
   * right after them, with an empty body. `node` (`node:http`) ends it before. Default `deno`.
   */
  readonly transport?: "deno" | "node";
}

/** An engine that listens. */
export interface ServedEngine {
  /** `http://host:port`, without a trailing slash. */
  readonly url: string;
  /** Stops listening and ends what is open. */
  shutdown(): Promise<void>;
}

/**
 * Serves `engine`. Rejects when the port is taken.
 *
 * @example Serve on any free port
 * ```ts no-eval
 * const served = await serveSimulatedEngine(engine, { port: 0 });
 * console.log(served.url);
 * await served.shutdown();
 * ```
 */
export function serveSimulatedEngine(
  engine: SimulatedEngine,
  { hostname = "127.0.0.1", port = 0, transport = "deno" }: ServeSimulatedOptions = {},
): Promise<ServedEngine> {
  return transport === "node" ? serveOnNode(engine, hostname, port) : serveOnDeno(engine, hostname, port);
}

function urlOf(hostname: string, port: number): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function serveOnDeno(engine: SimulatedEngine, hostname: string, port: number): Promise<ServedEngine> {
  const closing = new AbortController();
  const server = Deno.serve({
    hostname,
    port,
    signal: closing.signal,
    onListen: () => {},
    onError: () => new Response("Internal Server Error", { status: 500 }),
  }, (request) => engine.fetch(request).catch(brokenBody));
  const shutdown = async () => {
    closing.abort();
    await server.finished;
  };
  return Promise.resolve({ url: urlOf(hostname, server.addr.port), shutdown });
}

/** A reply whose connection ends with its headers. */
function brokenBody(error: unknown): Response {
  if (!(error instanceof ConnectionDropError)) throw error;
  return new Response(new ReadableStream({ start: (controller) => controller.error(error) }));
}

async function serveOnNode(engine: SimulatedEngine, hostname: string, port: number): Promise<ServedEngine> {
  const server = createServer((incoming, outgoing) => {
    void answer(engine, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await listening(server, hostname, port);
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const shutdown = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: urlOf(hostname, bound), shutdown };
}

function listening(server: Server, hostname: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function answer(engine: SimulatedEngine, incoming: IncomingMessage, outgoing: ServerResponse) {
  const left = new AbortController();
  outgoing.once("close", () => left.abort());
  let response: Response;
  try {
    response = await engine.fetch(await toRequest(incoming, left.signal));
  } catch (error) {
    // Rejections are drops; a bug in the engine must not look like one.
    if (!(error instanceof ConnectionDropError)) {
      return void outgoing.writeHead(500).end("Internal Server Error");
    }
    return void outgoing.destroy();
  }
  outgoing.writeHead(response.status, headerList(response.headers));
  if (response.body === null) return void outgoing.end();
  const reader = response.body.getReader();
  left.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  await pump(reader, outgoing, left.signal);
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  outgoing: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  while (!left.aborted) {
    const { done, value } = await reader.read();
    if (done) return void outgoing.end();
    await written(outgoing, value, left);
  }
}

/** Waits until the bytes are out: a connection that is dropped next must not take them along. */
function written(outgoing: ServerResponse, bytes: Uint8Array, left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    left.addEventListener("abort", () => resolve(), { once: true });
    outgoing.write(bytes, () => resolve());
  });
}

async function toRequest(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const method = incoming.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: await bodyBytes(incoming) } : {};
  return new Request(new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "localhost"}`), {
    method,
    headers,
    signal,
    ...body,
  });
}

async function bodyBytes(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of Readable.from(incoming)) parts.push(part as Uint8Array);
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** Name and value in turns, so that a name may come twice. */
function headerList(headers: Headers): string[] {
  return [...headers].flat();
}
