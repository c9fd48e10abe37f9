import assert from "node:assert/strict";
import { Hono } from "hono";
import { plugin } from "../../../src/middleware/plugins.ts";
import type { RouterEnv } from "../../../src/proxy/router_env.ts";

/** What an app answers that has this one middleware, or the message of what it threw. */
async function answered(handler: unknown): Promise<string> {
  const app = new Hono<RouterEnv>();
  app.onError((error, c) => c.text(error.message, 500));
  app.use(plugin(handler, 3));
  app.get("*", (c) => c.text("handled"));
  return await (await app.request("/")).text();
}

Deno.test("plugin(): passes on what its handler does", async () => {
  assert.equal(await answered((_: unknown, next: () => unknown) => next()), "handled");
  assert.equal(await answered(() => new Response("own")), "own");
  assert.equal(await answered(() => Promise.resolve(new Response("own"))), "own");
});

Deno.test("plugin(): whatever is thrown arrives as an Error", async () => {
  const thrown: [value: unknown, message: string][] = [
    [new TypeError("bad"), "bad"],
    ["text", "Middleware 3 (careless) threw text"],
    [undefined, "Middleware 3 (careless) threw undefined"],
    [Object.create(null), "Middleware 3 (careless) threw an object"],
    [Symbol("s"), "Middleware 3 (careless) threw Symbol(s)"],
  ];
  for (const [value, message] of thrown) {
    const careless = () => {
      throw value;
    };
    assert.equal(await answered(careless), message);
  }
});

Deno.test("plugin(): a handler that neither answers nor awaits next() is named", async () => {
  assert.equal(await answered(function idle() {}), "Middleware 3 (idle) neither answered nor awaited next()");
  assert.equal(await answered(() => {}), "Middleware 3 neither answered nor awaited next()");
});

Deno.test("plugin(): refuses what is no function", () => {
  for (const [made, kind] of [[undefined, "undefined"], [null, "null"], [{}, "object"]] as const) {
    assert.throws(() => plugin(made, 2), {
      name: "TypeError",
      message: `Cannot use middleware 2: its factory must return a function (c, next) => …, received ${kind}`,
    });
  }
});
