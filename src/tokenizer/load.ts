/**
 * Loading a tokenizer from a Hugging Face folder, a `tokenizer.json`, or data at hand.
 *
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TokenizerLoadError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import { BackedTokenizer } from "./backed_tokenizer.ts";
import { ChatTemplate, type ChatTemplateSource } from "./chat_template.ts";
import { EncodePool } from "./encode_pool.ts";
import { loadParts } from "./load_parts.ts";
import type { Tokenizer, TokenizerBackend } from "./tokenizer.ts";
import { chatTemplateOf, specialTokensOf, type TokenizerConfig } from "./tokenizer_config.ts";
import { parseJsonObject } from "./tokenizer_file.ts";

/** Options of {@link loadTokenizer}. */
export interface LoadTokenizerOptions {
  /** Default `auto`: see `choose_backend.ts`. */
  backend?: "auto" | TokenizerBackend;
  /**
   * Whether long texts are encoded in a Web Worker: `true` starts it with the first long text, `"eager"` at once, so that
   * the first long text need not wait; `false` does everything on the caller's thread. Unless false, large files are also
   * read in workers, which end when the tokenizer is loaded. Default true.
   */
  worker?: boolean | "eager";
  /** What `strftime_now` in chat templates tells. Default: the system's clock. */
  now?: () => Date;
}

/** A tokenizer and what came with it. */
export interface LoadedTokenizer {
  readonly tokenizer: Tokenizer;
  /** Null when there is none, or when it does not parse. */
  readonly chatTemplate: ChatTemplate | null;
  /** Text of the chat template, or texts by name. Null when there is none. */
  readonly chatTemplateSource: ChatTemplateSource | null;
  /** Why the chat template does not parse. */
  readonly chatTemplateError?: string;
  readonly config: TokenizerConfig;
  /** Why this backend, in one line for the log. */
  readonly backendReason: string;
}

/** The files of a tokenizer, read. */
export interface TokenizerData {
  /** Path or name for messages. */
  readonly source: string;
  /** `tokenizer.json`, as read or as parsed. */
  readonly tokenizer: Uint8Array<ArrayBuffer> | string | JsonObject;
  /** `tokenizer_config.json`. */
  readonly config?: JsonObject;
  /** `special_tokens_map.json`: fills in what the configuration does not name. */
  readonly specialTokensMap?: JsonObject;
  /** The chat template; goes before the one in `config`. */
  readonly chatTemplate?: ChatTemplateSource;
}

/**
 * Loads a tokenizer.
 *
 * @param path a folder with `tokenizer.json` (and, each optional, `tokenizer_config.json`, `special_tokens_map.json`,
 * `chat_template.jinja`, `chat_template.json`), or a `tokenizer.json` beside which the others are looked for
 * @throws {TokenizerLoadError} when a file is missing, malformed, or not for the backend asked for
 *
 * @example Encode and decode
 * ```ts no-eval
 * import { loadTokenizer } from "./load.ts";
 *
 * const { tokenizer, chatTemplate } = await loadTokenizer("models/Qwen3-8B");
 * const ids = tokenizer.encode("Hello <|im_end|>");
 * const text = tokenizer.decode(ids); // "Hello <|im_end|>"
 * const prompt = chatTemplate?.render({ messages: [{ role: "user", content: "Hi" }], add_generation_prompt: true });
 * tokenizer.close();
 * ```
 */
export async function loadTokenizer(
  path: string,
  options: LoadTokenizerOptions = {},
): Promise<LoadedTokenizer> {
  return await loadTokenizerFromData(await readTokenizerData(path), options);
}

/**
 * Loads a tokenizer from files that are read already.
 *
 * @throws {TokenizerLoadError} as {@link loadTokenizer}
 */
export async function loadTokenizerFromData(
  data: TokenizerData,
  options: LoadTokenizerOptions = {},
): Promise<LoadedTokenizer> {
  const { backend = "auto", worker = true, now } = options;
  const parts = await loadParts(data, backend, worker !== false);
  const pool = worker === false ? null : new EncodePool(parts.workerSource);
  const tokenizer = new BackedTokenizer(parts.tables, parts.backend, pool);
  if (worker === "eager") pool?.start();
  const specialTokens = specialTokensOf(data.config, data.specialTokensMap);
  const chatTemplateSource = data.chatTemplate ?? chatTemplateOf(data.config);
  return {
    tokenizer,
    chatTemplateSource,
    ...parseChatTemplate(chatTemplateSource, specialTokens, now),
    config: { specialTokens },
    backendReason: parts.reason,
  };
}

/** Reads what {@link loadTokenizer} reads, without making a tokenizer of it. */
export async function readTokenizerData(path: string): Promise<TokenizerData> {
  const file = await isFolder(path) ? join(path, "tokenizer.json") : path;
  const folder = dirname(file);
  const [bytes, config, specialTokensMap, chatTemplate] = await Promise.all([
    readIfThere(file),
    readJsonIfThere(join(folder, "tokenizer_config.json")),
    readJsonIfThere(join(folder, "special_tokens_map.json")),
    readChatTemplate(folder),
  ]);
  if (bytes === null) throw new TokenizerLoadError(`Cannot load tokenizer: there is no ${file}`);
  return {
    source: path,
    tokenizer: bytes,
    ...(config && { config }),
    ...(specialTokensMap && { specialTokensMap }),
    ...(chatTemplate !== null && { chatTemplate }),
  };
}

/** A template that does not parse leaves the tokenizer usable: only requests that need the template fail. */
function parseChatTemplate(
  source: ChatTemplateSource | null,
  specialTokens: Readonly<Record<string, string>>,
  now: (() => Date) | undefined,
): Pick<LoadedTokenizer, "chatTemplate" | "chatTemplateError"> {
  if (source === null) return { chatTemplate: null };
  try {
    return { chatTemplate: ChatTemplate.parse(source, { specialTokens, ...(now && { now }) }) };
  } catch (error) {
    return { chatTemplate: null, chatTemplateError: (error as Error).message };
  }
}

/** `chat_template.jinja` goes before the older `chat_template.json`. */
async function readChatTemplate(folder: string): Promise<ChatTemplateSource | null> {
  const text = await readIfThere(join(folder, "chat_template.jinja"));
  if (text !== null) return new TextDecoder().decode(text);
  return chatTemplateOf(await readJsonIfThere(join(folder, "chat_template.json")));
}

async function readJsonIfThere(path: string): Promise<JsonObject | undefined> {
  const bytes = await readIfThere(path);
  return bytes === null ? undefined : parseJsonObject(new TextDecoder().decode(bytes), path);
}

/** The bytes of a file; null when there is none. */
async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw new TokenizerLoadError(
      `Cannot load tokenizer: ${path} cannot be read (${(error as Error).message})`,
      {
        cause: error,
      },
    );
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // a missing path is reported when it is read
  }
}
