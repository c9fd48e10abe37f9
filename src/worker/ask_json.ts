/**
 * Small questions to a worker: `GET`, and JSON back.
 *
 * @module
 */
import { asObject } from "../engine/json_fields.ts";
import { parseJson } from "../engine/read_json.ts";
import type { Clock, Fetch, JsonObject } from "../types.ts";

/** Longest answer, in bytes. */
export const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Longest to wait for one. */
export const ANSWER_TIMEOUT_MS = 5_000;

/** What asking needs. */
export interface AskDeps {
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** The JSON object that a worker answers with; null when it answers with anything else, too late, or not at all. */
export async function askJson(
  url: string,
  headers: HeadersInit,
  { fetch, clock }: AskDeps,
): Promise<JsonObject | null> {
  const over = new AbortController();
  const deadline = clock.sleep(ANSWER_TIMEOUT_MS, over.signal).then(() => null, () => null);
  try {
    return await Promise.race([
      ask(url, { headers, signal: over.signal, redirect: "manual" }, fetch),
      deadline,
    ]);
  } finally {
    over.abort();
  }
}

async function ask(url: string, init: RequestInit, fetch: Fetch): Promise<JsonObject | null> {
  try {
    const reply = await fetch(url, init);
    const text = reply.ok ? await textOf(reply) : null;
    if (text === null) await reply.body?.cancel();
    return text === null ? null : asObject(parseJson(text));
  } catch {
    return null;
  }
}

/** Null when it is too long. */
async function textOf({ body }: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) return null;
    pieces.push(decoder.decode(chunk, { stream: true }));
  }
  return pieces.join("") + decoder.decode();
}
