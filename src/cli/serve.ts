/**
 * `slime-router serve`: a router until a signal ends it.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Router } from "../app.ts";
import type { RouterConfig } from "../config.ts";
import { configureLogging, type Logging } from "../observability/logger.ts";
import { openRouter } from "../platform/deno_router.ts";
import { type ServedHandler, serveHandler } from "../platform/deno_serve.ts";
import { untilStopSignal } from "../platform/signals.ts";
import type { CliIo } from "./io.ts";
import { announcement } from "./announcement.ts";
import { EXIT } from "./program.ts";

const logger = getLogger(["slime-router"]);

/**
 * Serves until SIGTERM or SIGINT, then finishes what is in flight.
 *
 * @returns the exit code
 * @throws ConfigError, TokenizerLoadError, ListenError before it serves
 */
export async function serve(config: RouterConfig, io: CliIo): Promise<number> {
  await using logging = await startLogging(config, io);
  if (config.tokenizer !== null) logger.debug("loading tokenizer {path}", { path: config.tokenizer });
  const router = await openRouter(config);
  const served = serveHandler(router, { hostname: config.host, port: config.port });
  const stopped = untilStopSignal();
  announce(router, served, logging, io);
  await shutDown(router, served, await stopped);
  return await saveSnapshot(router) ? EXIT.ok : EXIT.failure;
}

/** Saves the cache where a place for it is configured. Returns false when that failed, and says why. */
export async function saveSnapshot({ snapshots }: Pick<Router, "snapshots">): Promise<boolean> {
  if (snapshots === null) return true;
  try {
    logger.info("saved snapshot {place}", { place: snapshots.place, ...await snapshots.save() });
    return true;
  } catch (error) {
    logger.error("{error}", { error: (error as Error).message });
    return false;
  }
}

/** Logs to standard error, for a person or for a machine. */
export function startLogging(
  { logFormat, logLevel }: Pick<RouterConfig, "logFormat" | "logLevel">,
  io: CliIo,
): Promise<Logging> {
  return configureLogging({
    format: logFormat === "auto" ? (io.errIsTerminal ? "pretty" : "json") : logFormat,
    level: logLevel,
    stream: Deno.stderr.writable,
    color: io.errIsTerminal && io.env.NO_COLOR === undefined,
  });
}

/** Says where the router listens: a line for a person, a record for a machine. */
function announce(router: Router, served: ServedHandler, logging: Logging, io: CliIo): void {
  const { line, properties } = announcement(router, served.url);
  if (logging.format === "pretty") io.out(`${line}\n`);
  else logger.info(`slime-router listening on ${served.url}`, properties);
}

/** Stops accepting, finishes what is in flight within `shutdownTimeoutMs`, and ends the router. */
export async function shutDown(
  router: Pick<Router, "config" | "pool" | "close">,
  served: ServedHandler,
  cause: string,
): Promise<void> {
  const { shutdownTimeoutMs } = router.config;
  logger.info("stopping on {cause}, {inFlight} requests in flight", {
    cause,
    inFlight: router.pool.totalInFlight,
  });
  const finished = await served.shutdown(shutdownTimeoutMs);
  if (!finished) {
    const inFlight = router.pool.totalInFlight;
    logger.warn("cutting {inFlight} requests off after {shutdownTimeoutMs} ms", {
      inFlight,
      shutdownTimeoutMs,
    });
  }
  // What is in flight after that is cut off by the end of the process.
  const noMoreTime = finished ? AbortSignal.timeout(CLOSE_TIMEOUT_MS) : AbortSignal.abort();
  await router.close(noMoreTime).catch((error) => {
    if (finished) logger.warn("cannot close the router: {error}", { error });
  });
  logger.info("stopped");
}

/** Longest that components take to end once no request is in flight. */
const CLOSE_TIMEOUT_MS = 5_000;
