import assert from "node:assert/strict";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { onHttpError } from "../../../src/api/http_error.ts";
import { BadRequestError, NotConfiguredError, NoWorkerError, UpstreamError } from "../../../src/errors.ts";
import { ClientLeftError, ExchangeTimeoutError } from "../../../src/proxy/exchange.ts";
import type { RouterEnv } from "../../../src/proxy/router_env.ts";

const CASES: [error: Error, status: number, message: RegExp][] = [
  [new BadRequestError("Cannot do it: no"), 400, /^Cannot do it: no$/],
  [new BadRequestError("Cannot do it: large", { status: 413 }), 413, /large/],
  [new NoWorkerError("Cannot do it: none"), 503, /none/],
  [new NotConfiguredError("Cannot do it: not there"), 503, /not there/],
  [new UpstreamError("Cannot do it: far"), 502, /far/],
  [new ClientLeftError(), 499, /disconnected/],
  [new ExchangeTimeoutError(500), 504, /more than 500 ms/],
  [new HTTPException(403, { message: "not you" }), 403, /^not you$/],
  [new HTTPException(409), 409, /^status 409$/],
  [new TypeError("secret detail"), 500, /^Cannot serve request: an internal error occurred$/],
];

for (const [error, status, message] of CASES) {
  Deno.test(`onHttpError(): ${error.name} of ${status} is answered {error}`, async () => {
    const app = new Hono<RouterEnv>();
    app.onError(onHttpError);
    app.get("/", () => Promise.reject(error));
    const reply = await app.request("/");
    const body = await reply.json();
    assert.deepEqual([reply.status, Object.keys(body)], [status, ["error"]]);
    assert.match(body.error, message);
  });
}

Deno.test("onHttpError(): an HTTPException with a reply of its own is answered with that", async () => {
  const app = new Hono<RouterEnv>();
  app.onError(onHttpError);
  app.get("/", () => {
    throw new HTTPException(401, { res: new Response("custom", { status: 401 }) });
  });
  const reply = await app.request("/");
  assert.deepEqual([reply.status, await reply.text()], [401, "custom"]);
});
