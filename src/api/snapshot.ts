/**
 * Saving the cache by hand.
 *
 * @module
 */
import { Hono } from "hono";
import type { CacheSnapshots } from "../cache/cache_snapshots.ts";
import type { TokenCache } from "../cache/token_cache.ts";
import { BadRequestError, NotConfiguredError } from "../errors.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

/** What the endpoint needs. */
export interface SnapshotApiOptions {
  /** null without a tokenizer: 503. */
  readonly cache: TokenCache | null;
  /** null without a place for snapshots: 409. */
  readonly snapshots: CacheSnapshots | null;
}

/** Routes `/snapshot`. */
export function snapshotApi({ cache, snapshots }: SnapshotApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.post("/snapshot", async function saveSnapshot(c) {
    if (cache === null) {
      throw new NotConfiguredError("Cannot save snapshot: the router has no tokenizer (--tokenizer PATH)");
    }
    if (snapshots === null) {
      const message = "Cannot save snapshot: the router has no file for it (--snapshot FILE)";
      throw new BadRequestError(message, { status: 409, code: "no_snapshot_file" });
    }
    const { bytes, ms } = await snapshots.save();
    return c.json({ status: "success", bytes, ms: Math.round(ms) });
  });
  app.all("/snapshot", methodNotAllowed("POST"));
  return app;
}
