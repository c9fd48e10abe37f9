/**
 * Process: the least that a proxy in this technology can do, `Deno.serve` and `fetch`, with Hono in between or without.
 * Nothing is looked at, checked, counted or retried.
 *
 * @module
 */
import { Hono } from "hono";
import { childSettings, serveUntilReleased } from "./child.ts";

/** Settings of this process. */
export interface BareSettings {
  readonly upstream: string;
  readonly hono: boolean;
}

const { upstream, hono } = childSettings<BareSettings>();

async function forward(request: Request): Promise<Response> {
  const { url, method, headers, body } = request;
  const reply = await fetch(upstream + url.slice(url.indexOf("/", 8)), { method, headers, body });
  return new Response(reply.body, { status: reply.status, headers: reply.headers });
}

const app = new Hono();
app.all("*", (c) => forward(c.req.raw));
const handler: (request: Request) => Response | Promise<Response> = hono ? app.fetch : forward;
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  (request) => handler(request),
);

await serveUntilReleased(`http://127.0.0.1:${server.addr.port}`, () => server.shutdown());
