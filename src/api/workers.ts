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
import { isAllowedHost, normalizeWorkerUrl } from "../worker/worker_url.ts";
import { readJsonObject, validate } from "./json_body.ts";

/** What the worker endpoints need. */
export interface WorkersApiOptions {
  readonly pool: WorkerPool;
  /** Hosts that may be registered; null: any. */
  readonly allowedHosts: readonly string[] | null;
}

const workerSchema = v.object({
  url: v.optional(v.string()),
  worker_url: v.optional(v.string()),
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
    const url = queryUrl(c) ?? bodyUrl(await readWorkerBody(c, "remove worker"));
    if (url === null) throw missingUrl("remove worker");
    const removed = pool.get(url);
    if (removed === null) {
      return c.json({ error: `Cannot remove worker "${url}": it is not registered` }, 404);
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

  app.delete("/workers/:id", function deleteWorker(c) {
    const id = c.req.param("id");
    const worker = pool.getById(id);
    if (worker === null) {
      return c.json({ error: `Cannot remove worker "${id}": there is no worker of that id` }, 404);
    }
    leave(pool.removeById(id));
    return c.json({ status: "success", removed: worker.url, worker_urls: pool.loads() });
  });

  return app;
}

async function register(
  c: Context<RouterEnv>,
  pool: WorkerPool,
  allowedHosts: readonly string[] | null,
): Promise<AddedWorker> {
  const body = await readWorkerBody(c, "add worker");
  const given = queryUrl(c) ?? bodyUrl(body);
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

async function readWorkerBody(
  c: Context<RouterEnv>,
  action: string,
): Promise<v.InferOutput<typeof workerSchema>> {
  return validate(action, workerSchema, { ...c.req.query(), ...await readJsonObject(c) });
}

function queryUrl(c: Context<RouterEnv>): string | null {
  return c.req.query("url") || c.req.query("worker_url") || null;
}

function bodyUrl(body: { url?: string | undefined; worker_url?: string | undefined }): string | null {
  return body.url || body.worker_url || null;
}

function missingUrl(action: string): BadRequestError {
  return new BadRequestError(`Cannot ${action}: url is required (?url=… or JSON body {"url": …})`);
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
