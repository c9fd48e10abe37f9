/**
 * `/v1/models`: what the workers serve, in one list.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import { workerRequestHeaders } from "../proxy/headers.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { AskDeps } from "../worker/ask_json.ts";
import { listModels, type ModelEntry } from "../worker/model_list.ts";
import type { WorkerPool } from "../worker/pool.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";
import { openAiError } from "./openai_errors.ts";

/** What the models endpoints need. */
export interface ModelsApiOptions extends AskDeps {
  readonly pool: WorkerPool;
  /** Id of the one model that is told when no worker names any. */
  readonly fallbackId: string;
  /** Also below `/sessions/{id}`, for clients whose base URL is a session. */
  readonly hasSessions: boolean;
}

const LIST_PATHS = ["/v1/models", "/sessions/:id/v1/models"] as const;
/** Ids may hold slashes: `Qwen/Qwen3-8B`. */
const MODEL_PATHS = ["/v1/models/:model{.+}", "/sessions/:id/v1/models/:model{.+}"] as const;

/** Where models are told. */
export const MODELS_PATHS = [...LIST_PATHS, ...MODEL_PATHS] as const;

/** Routes `/v1/models` and `/v1/models/{model}`. */
export function modelsApi(options: ModelsApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  const count = options.hasSessions ? 2 : 1;
  for (const path of LIST_PATHS.slice(0, count)) {
    app.get(path, async (c) => c.json({ object: "list", data: await models(c, options) }));
    app.all(path, methodNotAllowed("GET"));
  }
  for (const path of MODEL_PATHS.slice(0, count)) {
    app.get(path, async function model(c: Context<RouterEnv>) {
      const id = c.req.param("model");
      const entry = (await models(c, options)).find((each) => each.id === id);
      if (entry !== undefined) return c.json(entry);
      const message = `Cannot find model ${JSON.stringify(id)}: no worker serves it`;
      return c.json(openAiError(404, message, "model_not_found", "model"), 404);
    });
    app.all(path, methodNotAllowed("GET"));
  }
  return app;
}

async function models(
  c: Context<RouterEnv>,
  { pool, fallbackId, fetch, clock }: ModelsApiOptions,
): Promise<ModelEntry[]> {
  const headers = workerRequestHeaders(c.req.raw.headers, c.get("exchange")) as [string, string][];
  const urls = pool.candidates().map(({ url }) => url);
  const known = await listModels(urls, headers, { fetch, clock });
  const base = { object: "model", created: 0, owned_by: "slime-router" };
  return known.length === 0 ? [{ ...base, id: fallbackId }] : known.map((entry) => ({ ...base, ...entry }));
}
