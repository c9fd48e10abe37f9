/**
 * The router on a port, under Deno.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";

const logger = getLogger(["slime-router", "server"]);

/** The port cannot be listened on; the message is for the person who chose it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Answers requests; the rest of a router is its owner's business. */
export interface Handler {
  /** @param info of the connection: `remoteAddr`, `completed` */
  fetch(request: Request, info?: Deno.ServeHandlerInfo): Response | Promise<Response>;
}

/** A server that listens. */
export interface ServedHandler {
  /** `http://host:port`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops accepting, and waits for the requests in flight.
   *
   * @param timeoutMs longest wait
   * @returns whether all of them finished; those that did not go on until the process ends
   */
  shutdown(timeoutMs: number): Promise<boolean>;
}

/**
 * Listens and answers.
 *
 * @param options `port` 0 takes a free one
 * @throws ListenError when the port is taken or may not be used
 */
export function serveHandler(
  handler: Handler,
  options: { readonly hostname: string; readonly port: number },
): ServedHandler {
  const { hostname, port } = options;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname, port, onListen: () => {}, onError: internalError },
      (request, info) => handler.fetch(request, info),
    );
  } catch (error) {
    throw new ListenError(`Cannot listen on ${hostname}:${port}: ${listenFailure(error)}`, { cause: error });
  }
  return {
    url: urlOf(hostname, server.addr.port),
    port: server.addr.port,
    async shutdown(timeoutMs) {
      const timeUp = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => timeUp.resolve(false), timeoutMs);
      const finished = await Promise.race([server.shutdown().then(() => true), timeUp.promise]);
      clearTimeout(timer);
      return finished;
    },
  };
}

function urlOf(hostname: string, port: number): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Reached only when the application's own error handler fails. */
function internalError(error: unknown): Response {
  logger.error("Cannot answer: {error}", { error: error instanceof Error ? error.message : String(error) });
  return Response.json({ error: "Cannot answer: internal error" }, { status: 500 });
}

/** Why listening failed, in words. */
export function listenFailure(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use";
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine does not have the address";
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted";
  return (error as Error).message;
}
