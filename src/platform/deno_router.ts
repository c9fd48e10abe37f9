/**
 * A router with what Deno gives it: files, sockets, memory figures.
 *
 * @module
 */
import { createRouter, type Router, type RouterDeps } from "../app.ts";
import type { RouterConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { type LoadedTokenizer, loadTokenizerFromData, readTokenizerData } from "../tokenizer/load.ts";
import { normalizeWorkerUrl } from "../worker/worker_url.ts";
import { createHttpFetch } from "./http/http_fetch.ts";
import { loadMiddleware } from "./load_middleware.ts";
import { snapshotFile } from "./snapshot_file.ts";

/** Text that exercises a tokenizer: words, digits, several scripts. */
const WARM_UP_TEXT = "The quick brown fox 12345 今天 Привет 🚀\n".repeat(16);

/**
 * Makes the router that a configuration describes: loads tokenizer and plugins, and warms up.
 *
 * @param deps parts to use instead of those of the configuration
 * @throws ConfigError, TokenizerLoadError: the person who configured can mend it
 */
export async function openRouter(config: RouterConfig, deps: Partial<RouterDeps> = {}): Promise<Router> {
  assertWorkers(config.workers);
  const [tokenizer, middleware] = await Promise.all([
    deps.tokenizer ?? openTokenizer(config),
    deps.middleware ?? loadMiddleware(config.middleware),
  ]);
  if (config.prewarm) tokenizer?.tokenizer.decode(tokenizer.tokenizer.encode(WARM_UP_TEXT));
  const transport = createHttpFetch({ open: openTcp, fallback: globalThis.fetch });
  const router = await createRouter(config, {
    fetch: transport.fetch,
    workerFetch: transport.workerFetch,
    connect: connectTcp,
    memoryUsage: Deno.memoryUsage,
    snapshotStore: config.snapshot === null ? null : snapshotFile(config.snapshot),
    ...deps,
    tokenizer,
    middleware,
  });
  router.registry.register("transport", transport, ({ close }) => close());
  return router;
}

/**
 * The configured tokenizer; null when there is none.
 *
 * @throws ConfigError for a chat template that is not there, does not parse, or has no tokenizer to go with
 */
export async function openTokenizer(
  { tokenizer: path, tokenizerBackend: backend, prewarm, chatTemplate: templatePath }: Pick<
    RouterConfig,
    "tokenizer" | "tokenizerBackend" | "prewarm" | "chatTemplate"
  >,
): Promise<LoadedTokenizer | null> {
  const chatTemplate = templatePath === null ? null : await readTemplate(templatePath);
  if (path === null) {
    if (templatePath === null) return null;
    throw new ConfigError("Cannot use --chat-template: it needs --tokenizer");
  }
  const data = await readTokenizerData(path);
  const loaded = await loadTokenizerFromData(
    chatTemplate === null ? data : { ...data, chatTemplate },
    { backend, worker: prewarm ? "eager" : true },
  );
  if (templatePath === null || loaded.chatTemplateError === undefined) return loaded;
  loaded.tokenizer.close();
  throw new ConfigError(`Cannot use --chat-template ${templatePath}: ${loaded.chatTemplateError}`);
}

async function readTemplate(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "there is no such file" : (cause as Error).message;
    throw new ConfigError(`Cannot read --chat-template ${path}: ${reason}`, { cause });
  }
}

async function openTcp(hostname: string, port: number, signal: AbortSignal | null): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname, port, ...(signal === null ? {} : { signal }) });
  connection.setNoDelay(true);
  return connection;
}

/** Whether a port of a host takes a connection. */
export async function connectTcp(hostname: string, port: number, signal: AbortSignal): Promise<void> {
  const connection = await Deno.connect({ hostname, port, signal });
  connection.close();
}

function assertWorkers(urls: readonly string[]): void {
  for (const url of urls) {
    try {
      normalizeWorkerUrl(url);
    } catch (error) {
      throw new ConfigError((error as Error).message);
    }
  }
}
