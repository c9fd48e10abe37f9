/**
 * Engine adapters by name: a new engine is one file, and one line here.
 *
 * @module
 */
import type { EngineAdapter } from "./adapter.ts";
import { createSglangAdapter } from "./sglang_adapter.ts";
import { createVllmAdapter, createVllmCompletionsAdapter, type VllmOptions } from "./vllm_adapter.ts";

/** What is known of the engines, beside their name. */
export type EngineOptions = VllmOptions;

const ADAPTERS: Readonly<Record<string, (options: EngineOptions) => EngineAdapter>> = {
  "sglang": createSglangAdapter,
  "vllm": createVllmAdapter,
  "vllm-completions": createVllmCompletionsAdapter,
};

/** Names that {@link createEngineAdapter} knows. */
export const ENGINE_NAMES: readonly string[] = Object.keys(ADAPTERS);

/**
 * The adapter of an engine.
 *
 * @throws {RangeError} for an unknown name, listing those there are
 * @example
 * ```ts
 * import { createEngineAdapter } from "./create.ts";
 * if (createEngineAdapter("sglang").name !== "sglang") throw new Error();
 * ```
 */
export function createEngineAdapter(name: string, options: EngineOptions = {}): EngineAdapter {
  const create = Object.hasOwn(ADAPTERS, name) ? ADAPTERS[name] : undefined;
  if (create === undefined) {
    throw new RangeError(
      `Cannot create engine adapter: engine must be one of ${ENGINE_NAMES.join(", ")}, received "${name}"`,
    );
  }
  return create(options);
}
