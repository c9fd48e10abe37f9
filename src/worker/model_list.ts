/**
 * The models that the workers serve.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { type AskDeps, askJson } from "./ask_json.ts";

/** A model in OpenAI's shape; engines tell more, such as `max_model_len`. */
export type ModelEntry = JsonObject & { readonly id: string };

/**
 * What the workers answer to `/v1/models`, each model once, in order of the workers. Workers that give no list are left
 * out.
 */
export async function listModels(
  urls: readonly string[],
  headers: HeadersInit,
  deps: AskDeps,
): Promise<ModelEntry[]> {
  const replies = await Promise.all(urls.map((url) => askJson(`${url}/v1/models`, headers, deps)));
  const byId = new Map<string, ModelEntry>();
  for (const entry of replies.flatMap(entriesOf)) if (!byId.has(entry.id)) byId.set(entry.id, entry);
  return [...byId.values()];
}

function entriesOf(reply: JsonObject | null): ModelEntry[] {
  const data = reply?.data;
  return Array.isArray(data) ? data.filter(isEntry) : [];
}

function isEntry(value: unknown): value is ModelEntry {
  return typeof value === "object" && value !== null && typeof (value as JsonObject).id === "string";
}
