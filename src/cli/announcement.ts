/**
 * The words with which a router says that it listens.
 *
 * @module
 */
import type { Router } from "../app.ts";

/** One line for a person, and the same as properties of a log record. */
export interface Announcement {
  readonly line: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What a router that listens at `url` says of itself. */
export function announcement(
  { config, pool, registry }: Pick<Router, "config" | "pool" | "registry">,
  url: string,
): Announcement {
  const workers = pool.list().length;
  const tokenizer = registry.has("tokenizer")
    ? registry.get<{ backend: string; source: string }>("tokenizer")
    : null;
  const cacheTokens = registry.has("radix_tree") ? config.maxCacheSize : 0;
  const cache = tokenizer
    ? `tokenizer ${tokenizer.source} (${tokenizer.backend}) · cache ${cacheTokens} tokens`
    : "no tokenizer, no token cache";
  return {
    line: `slime-router listening on ${url} · ${workers} ${workers === 1 ? "worker" : "workers"} · ${cache}`,
    properties: {
      url,
      workers,
      policy: config.policy,
      tokenizer: tokenizer?.source ?? null,
      tokenizer_backend: tokenizer?.backend ?? null,
      max_cache_size: cacheTokens,
    },
  };
}
