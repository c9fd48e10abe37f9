/**
 * Process: an engine that costs next to nothing. Every `POST /generate` gets the same bytes, made beforehand; the body is
 * read and the last one kept. `GET /bench` tells how many came and what the last one was.
 *
 * @module
 */
import { childSettings, serveUntilReleased } from "./child.ts";

/** Settings of this process. */
export interface StubSettings {
  /** The reply's body. */
  readonly reply: string;
}

/** What `GET /bench` answers. */
export interface StubReport {
  readonly requests: number;
  readonly lastBody: string;
}

const reply = new TextEncoder().encode(childSettings<StubSettings>().reply);
const init = { headers: { "content-type": "application/json" } };
let requests = 0;
let lastBody = new Uint8Array();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  if (request.method === "POST") {
    lastBody = await request.bytes();
    requests++;
    return new Response(reply, init);
  }
  if (request.url.endsWith("/bench")) {
    const report: StubReport = { requests, lastBody: new TextDecoder().decode(lastBody) };
    return Response.json(report);
  }
  return new Response("OK");
});

await serveUntilReleased(`http://127.0.0.1:${server.addr.port}`, () => server.shutdown());
