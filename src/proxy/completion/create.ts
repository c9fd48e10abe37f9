/**
 * Makes the parts of text completions from a configuration.
 *
 * @module
 */
import type { TokenCache } from "../../cache/token_cache.ts";
import type { RouterConfig } from "../../config.ts";
import { createEngineAdapter } from "../../engine/create.ts";
import { ChatFormats } from "../chat/chat_formats.ts";
import type { CompletionDeps } from "./completion.ts";

/** What completions have besides what all requests share. */
export type CompletionParts = Pick<CompletionDeps, "cache" | "textFormats" | "adapter">;

/** The parts; null when completions are to be passed on as they come: without a tokenizer, or with `--chat proxy`. */
export function createCompletionParts(
  { chat, engine }: Pick<RouterConfig, "chat" | "engine">,
  cache: TokenCache | null,
): CompletionParts | null {
  if (cache === null || chat === "proxy") return null;
  const textFormats = new ChatFormats({ toolFormat: "none", reasoningFormat: "none" }, cache.tokenizer);
  return { cache, textFormats, adapter: createEngineAdapter(engine) };
}
