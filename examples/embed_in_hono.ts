/**
 * The router within another Hono app: here under `/llm`, beside routes of the app's own. Everything behind the prefix is
 * the router's, and workers are asked for paths without it: `/llm/v1/models` becomes `/v1/models`.
 *
 * Run it: `deno run -A examples/embed_in_hono.ts http://127.0.0.1:10090`, then `curl http://127.0.0.1:8000/llm/health`
 *
 * @module
 */
import { Hono } from "hono";
import { createRouter, type Router, type RouterConfig, type RouterDeps } from "../mod.ts";

/** An app with a router in it. */
export interface Site {
  readonly app: Hono;
  /** Close it when the app ends: it checks its workers' health until then. */
  readonly router: Router;
}

/** Makes the app. A tokenizer (`loadTokenizer(path)`) among `deps` turns the token cache on. */
export async function createSite(
  config: Partial<RouterConfig>,
  deps: Partial<RouterDeps> = {},
): Promise<Site> {
  const router = await createRouter(config, deps);
  const app = new Hono();
  app.get("/", (c) => c.text("The models live under /llm\n"));
  app.route("/llm", router.app);
  return { app, router };
}

if (import.meta.main) {
  const { app, router } = await createSite({ workers: Deno.args });
  const server = Deno.serve({ port: 8000 }, app.fetch);
  Deno.addSignalListener("SIGINT", async () => {
    await server.shutdown();
    await router.close();
  });
}
