/**
 * Registering, removing and listing workers.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { BadRequestError } from "../errors.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { AddedWorker, WorkerPool } from "../worker/pool.ts";
import type { WorkerState } from "../worker/worker_state.ts";
import { WORKER_TYPES } from "../worker/worker.ts";
import type { JsonObject } from "../types.ts";
import { isAllowedHost, normalizeWorkerUrl, quotable } from "../worker/worker_url.ts";
import { readJsonObject, validate } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

/** What the worker endpoints need. */
export interface WorkersApiOptions {
  readonly pool: WorkerPool;
  /** Hosts that may be registered; null: any. */
  readonly allowedHosts: readonly string[] | null;
}

const urlSchema = v.object({ url: v.optional(v.string()), worker_url: v.optional(v.string()) });

const workerSchema = v.object({
  ...urlSchema.entries,
  worker_type: v.optional(v.picklist(WORKER_TYPES), "regular"),
  bootstrap_port: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)), null),
});

/** Routes `/add_worker`, `/remove_worker`, `/list_workers`, `/workers`. */
export function workersApi({ pool, allowedHosts }: WorkersApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();

  app.post("/add_worker", async function addWorker(c) {
    await register(c, pool, allowedHosts);
    return c.json({ status: "success", worker_urls: pool.loads() });
  });

  app.post("/remove_worker", async function removeWorker(c) {
    const url = givenUrl(c, validate("remove worker", urlSchema, await readJsonObject(c)));
    if (url === null) throw missingUrl("remove worker");
    const removed = pool.get(url);
    if (removed === null) {
      return c.json({ error: `Cannot remove worker "${quotable(url)}": it is not registered` }, 404);
    }
    leave(pool.removeById(removed.id));
    return c.json({ status: "success", removed: removed.url, worker_urls: pool.loads() });
  });

  app.get("/list_workers", (c) => c.json({ urls: pool.list().map((worker) => worker.url) }));

  app.get("/workers", (c) => c.json({ workers: pool.list().map(describeWorker) }));

  app.post("/workers", async function postWorker(c) {
    const { worker, added } = await register(c, pool, allowedHosts);
    return c.json(describeWorker(worker), added ? 201 : 200);
  });

  app.get("/workers/:id", function getWorker(c) {
    const worker = pool.getById(c.req.param("id"));
    return worker === null ? unknownId(c, "show") : c.json(describeWorker(worker));
  });

  app.delete("/workers/:id", function deleteWorker(c) {
    const id = c.req.param("id");
    const worker = pool.getById(id);
    if (worker === null) return unknownId(c, "remove");
    leave(pool.removeById(id));
    return c.json({ status: "success", removed: worker.url, worker_urls: pool.loads() });
  });

  app.all("/add_worker", methodNotAllowed("POST"));
  app.all("/remove_worker", methodNotAllowed("POST"));
  app.all("/list_workers", methodNotAllowed("GET"));
  app.all("/workers", methodNotAllowed("GET", "POST"));
  app.all("/workers/:id", methodNotAllowed("GET", "DELETE"));
  return app;
}

async function register(
  c: Context<RouterEnv>,
  pool: WorkerPool,
  allowedHosts: readonly string[] | null,
): Promise<AddedWorker> {
  const body = validate("add worker", workerSchema, { ...roleOfQuery(c), ...await readJsonObject(c) });
  const given = givenUrl(c, body);
  if (given === null) throw missingUrl("add worker");
  try {
    const url = normalizeWorkerUrl(given);
    if (!isAllowedHost(url, allowedHosts)) {
      throw new TypeError(`Cannot add worker "${url}": its host is not among the allowed ones`);
    }
    return pool.add(url, { type: body.worker_type, bootstrapPort: body.bootstrap_port });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new BadRequestError(error.message, { cause: error });
  }
}

/** Type and port may stand in the query too, where everything is text. */
function roleOfQuery(c: Context<RouterEnv>): JsonObject {
  const { worker_type, bootstrap_port: port } = c.req.query();
  return {
    ...(worker_type === undefined ? {} : { worker_type }),
    ...(port === undefined ? {} : { bootstrap_port: /^\d+$/.test(port) ? Number(port) : port }),
  };
}

/** The URL of the query stands above one in the body. */
function givenUrl(c: Context<RouterEnv>, body: v.InferOutput<typeof urlSchema>): string | null {
  return c.req.query("url") || c.req.query("worker_url") || body.url || body.worker_url || null;
}

function missingUrl(action: string): BadRequestError {
  return new BadRequestError(`Cannot ${action}: url is required (?url=… or JSON body {"url": …})`);
}

function unknownId(c: Context<RouterEnv, "/workers/:id">, action: string): Response {
  const id = quotable(c.req.param("id"));
  return c.json({ error: `Cannot ${action} worker "${id}": there is no worker of that id` }, 404);
}

/** Requests in flight go on; nobody waits for their end. */
function leave(drained: Promise<void> | null): void {
  drained?.catch(() => {});
}

function describeWorker(worker: WorkerState) {
  return {
    id: worker.id,
    url: worker.url,
    worker_type: worker.type,
    active_requests: worker.inFlight,
    is_healthy: worker.isHealthy,
    circuit: worker.circuitState,
    ...(worker.unhealthyReason === null ? {} : { unhealthy_reason: worker.unhealthyReason }),
    ...(worker.weightVersion === null ? {} : { weight_version: worker.weightVersion }),
    ...(worker.bootstrapPort === null ? {} : { bootstrap_port: worker.bootstrapPort }),
  };
}
