/**
 * What `tokenizer_config.json` and `special_tokens_map.json` add to `tokenizer.json`.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import type { ChatTemplateSource } from "./chat_template.ts";
import { isJsonObject, readTokenizerFile, type TokenizerFile } from "./tokenizer_file.ts";

/** The fields of the configuration that are used. */
export interface TokenizerConfig {
  /** Texts by role: `bos_token`, `eos_token`, `pad_token` …. Roles that the model leaves empty are absent. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

/** Fields of the configuration that name a token by its text. */
const TOKEN_ROLE = /^[a-z_]+_token$/;

/** Special tokens by role. `config` goes before `map`. */
export function specialTokensOf(config?: JsonObject, map?: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [role, value] of [...Object.entries(map ?? {}), ...Object.entries(config ?? {})]) {
    const content = contentOf(value);
    if (TOKEN_ROLE.test(role) && content !== null) tokens[role] = content;
  }
  return tokens;
}

/** The chat template of a configuration: one text, or a list of `{name, template}`; null when there is none. */
export function chatTemplateOf(config?: JsonObject): ChatTemplateSource | null {
  const template = config?.chat_template;
  if (typeof template === "string") return template;
  if (!Array.isArray(template)) return null;
  const named: Record<string, string> = {};
  for (const entry of template) {
    if (isJsonObject(entry) && typeof entry.name === "string" && typeof entry.template === "string") {
      named[entry.name] = entry.template;
    }
  }
  return Object.keys(named).length === 0 ? null : named;
}

/** A token is written as its text, or as an object with `content`. */
function contentOf(value: JsonValue): string | null {
  if (typeof value === "string") return value;
  return isJsonObject(value) && typeof value.content === "string" ? value.content : null;
}

/**
 * The file with the tokens that only the configuration knows (`added_tokens_decoder`) among its added tokens, as
 * `transformers` and the engines have them. The same file when there are none.
 */
export function withConfiguredTokens(file: TokenizerFile, config?: JsonObject): TokenizerFile {
  const decoder = isJsonObject(config?.added_tokens_decoder) ? config.added_tokens_decoder : {};
  const known = new Set(file.addedTokens.flatMap((token) => [token.id, token.content]));
  const missing: JsonObject[] = [];
  for (const [key, token] of Object.entries(decoder)) {
    if (isJsonObject(token) && !known.has(Number(key)) && !known.has(String(token.content))) {
      missing.push({ ...token, id: Number(key) });
    }
  }
  if (missing.length === 0) return file;
  const listed = Array.isArray(file.json.added_tokens) ? file.json.added_tokens : [];
  return readTokenizerFile({ ...file.json, added_tokens: [...listed, ...missing] }, file.source);
}
