/**
 * How many tokens an engine's context holds, for protocols that must be told a limit.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import { type AskDeps, askJson } from "./ask_json.ts";

/** What {@link ContextLength} needs. */
export interface ContextLengthOptions extends AskDeps {
  /** Base URLs of the workers that may be asked now. */
  readonly urls: () => readonly string[];
  /** Told by whoever runs the router: nobody is asked then. Null: the engines tell. */
  readonly tokens: number | null;
}

/** Learned when first needed, and kept by worker: engines have one for life. The smallest of the workers' counts. */
export class ContextLength {
  readonly #options: ContextLengthOptions;
  /** Null: it was asked and told nothing. */
  readonly #known = new Map<string, number | null>();

  constructor(options: ContextLengthOptions) {
    this.#options = options;
  }

  /** Tokens of prompt and reply together; undefined when no worker tells. They are asked again then. */
  async get(headers: HeadersInit): Promise<number | undefined> {
    const { tokens, urls } = this.#options;
    if (tokens !== null) return tokens;
    const now = urls();
    for (const url of this.#known.keys()) if (!now.includes(url)) this.#known.delete(url);
    await Promise.all(now.map((url) => this.#known.has(url) ? undefined : this.#learn(url, headers)));
    const told = now.flatMap((url) => this.#known.get(url) ?? []);
    if (told.length > 0) return Math.min(...told);
    this.#known.clear();
    return undefined;
  }

  async #learn(url: string, headers: HeadersInit): Promise<void> {
    this.#known.set(url, await contextTokensOf(url, headers, this.#options));
  }
}

/** vLLM tells it in `/v1/models`, SGLang there or in `/get_server_info`. */
async function contextTokensOf(url: string, headers: HeadersInit, deps: AskDeps): Promise<number | null> {
  const models = await askJson(`${url}/v1/models`, headers, deps);
  const [model] = Array.isArray(models?.data) ? models.data as JsonObject[] : [];
  const told = positive(model?.max_model_len);
  if (told !== null || models === null) return told;
  return positive((await askJson(`${url}/get_server_info`, headers, deps))?.context_length);
}

function positive(value: JsonValue | undefined): number | null {
  return Number.isSafeInteger(value) && (value as number) > 0 ? value as number : null;
}
