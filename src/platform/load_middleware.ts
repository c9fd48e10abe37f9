/**
 * Middleware of plugins, by the path of their module.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { MiddlewareFactory } from "../app.ts";
import { ConfigError } from "../errors.ts";

/**
 * Loads modules whose default export is a {@link MiddlewareFactory}.
 *
 * @param modules paths, relative to the working directory, or URLs (`file:`, `npm:`, `https:`)
 * @throws ConfigError naming the module that does not load, or whose default export is no function
 */
export function loadMiddleware(modules: readonly string[]): Promise<MiddlewareFactory[]> {
  return Promise.all(modules.map(loadOne));
}

async function loadOne(module: string): Promise<MiddlewareFactory> {
  let exports: { default?: unknown };
  try {
    exports = await import(specifierOf(module));
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw new ConfigError(`Cannot load middleware "${module}": ${reason}`, { cause: error });
  }
  if (typeof exports.default !== "function") {
    throw new ConfigError(
      `Cannot load middleware "${module}": its default export must be a function ({ router }) => handler,` +
        ` received ${exports.default === undefined ? "none" : typeof exports.default}`,
    );
  }
  return exports.default as MiddlewareFactory;
}

/** A scheme of two letters or more; one letter is a Windows drive. */
function specifierOf(module: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? module : pathToFileURL(resolve(module)).href;
}
