/**
 * `/abort_request`: to the worker that has the request, or to all.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { Hono } from "hono";
import * as v from "valibot";
import { BadRequestError, NoWorkerError } from "../errors.ts";
import { workerRequestHeaders } from "../proxy/headers.ts";
import type { RidTable } from "../proxy/rid_table.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import type { Clock, Fetch } from "../types.ts";
import type { WorkerPool } from "../worker/pool.ts";
import type { WorkerState } from "../worker/worker_state.ts";
import { readJsonObject, validate } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

/** Longest to wait for one worker's answer. */
export const ABORT_TIMEOUT_MS = 10_000;

const logger = getLogger(["slime-router", "abort"]);

/** What the abort endpoint needs. */
export interface AbortApiOptions {
  readonly pool: WorkerPool;
  readonly rids: RidTable;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

const abortSchema = v.looseObject({
  rid: v.nullish(v.string(), null),
  abort_all: v.optional(v.boolean(), false),
});

/** Route `/abort_request`. Engines match ids by prefix, so an empty one would abort everything: it is refused. */
export function abortApi({ pool, rids, fetch, clock }: AbortApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.post("/abort_request", async function abortRequest(c) {
    const fields = await readJsonObject(c);
    const { rid, abort_all: abortAll } = validate("abort request", abortSchema, fields);
    if (!abortAll && (rid === null || rid === "")) {
      throw new BadRequestError("Cannot abort request: give a rid that is not empty, or abort_all true");
    }
    const owners = rids.requestAbort(abortAll ? null : rid);
    const targets = abortAll || owners.size === 0 ? pool.list() : [...owners];
    if (targets.length === 0) throw new NoWorkerError("Cannot abort request: no worker is registered");
    const body = JSON.stringify(fields);
    const headers = new Headers(workerRequestHeaders(c.req.raw.headers, c.get("exchange")));
    headers.set("content-type", "application/json");
    const sent = await Promise.all(targets.map((worker) => sendAbort(worker, fetch, clock, headers, body)));
    const workers = Object.fromEntries(sent);
    const isReached = sent.some(([, status]) => status === 200);
    return c.json({ status: isReached ? "success" : "failed", workers }, isReached ? 200 : 502);
  });
  app.all("/abort_request", methodNotAllowed("POST"));
  return app;
}

async function sendAbort(
  worker: WorkerState,
  fetch: Fetch,
  clock: Clock,
  headers: Headers,
  body: string,
): Promise<[url: string, status: number | null]> {
  const timeUp = new AbortController();
  const answered = new AbortController();
  clock.sleep(ABORT_TIMEOUT_MS, answered.signal).then(
    () => timeUp.abort(new Error(`no answer within ${ABORT_TIMEOUT_MS} ms`)),
    () => {},
  );
  try {
    const init = { method: "POST", headers, body, signal: timeUp.signal };
    const response = await fetch(`${worker.url}/abort_request`, init);
    await response.body?.cancel();
    return [worker.url, response.status];
  } catch (error) {
    logger.warn("Worker {url} did not take the abort: {error}", { url: worker.url, error: String(error) });
    return [worker.url, null];
  } finally {
    answered.abort();
  }
}
