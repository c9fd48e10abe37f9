/**
 * From files to the parts of a tokenizer: off the caller's thread where that pays, else in place.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { TokenizerLoadError } from "../errors.ts";
import { createBackend, type EncodeBackend } from "./backend.ts";
import type { TokenizerTables } from "./backed_tokenizer.ts";
import { type BackendChoice, chooseBackend } from "./choose_backend.ts";
import type { EncodeSource } from "./encode_protocol.ts";
import type { TokenizerData } from "./load.ts";
import { LOAD_OFF_THREAD_MIN_BYTES, loadOffThread, type OffThreadResult } from "./load_off_thread.ts";
import { TokenBytes } from "./token_bytes.ts";
import type { TokenizerBackend } from "./tokenizer.ts";
import { withConfiguredTokens } from "./tokenizer_config.ts";
import { outlineOf, parseJsonObject, readTokenizerFile, type TokenizerFile } from "./tokenizer_file.ts";
import { VocabularyIndex } from "./vocabulary_index.ts";

/** A loaded tokenizer before it is put together. */
export interface TokenizerParts {
  readonly tables: TokenizerTables;
  readonly backend: EncodeBackend;
  /** What an encoding worker builds the same backend of. */
  readonly workerSource: EncodeSource;
  readonly reason: string;
}

/**
 * Loads the parts of a tokenizer.
 *
 * @param useWorkers whether workers may be started
 * @throws {TokenizerLoadError} when the file is malformed, or not for the backend asked for
 */
export async function loadParts(
  data: TokenizerData,
  backend: "auto" | TokenizerBackend,
  useWorkers: boolean,
): Promise<TokenizerParts> {
  if (!useWorkers) return await loadInPlace(data, backend);
  const loaded = await tryOffThread(data, backend);
  if (loaded === null) return await loadInPlace(data, backend);
  const { reason } = loaded;
  if (loaded.outcome === "other backend") {
    return { ...await loadInPlace(data, "huggingface"), reason };
  }
  const { tables, compiled } = loaded;
  return { tables, backend: loaded.backend, workerSource: { form: "compiled", compiled }, reason };
}

/** Null when the file is not for it, or when workers cannot be had here. */
async function tryOffThread(
  { source, tokenizer, config }: TokenizerData,
  backend: "auto" | TokenizerBackend,
): Promise<OffThreadResult | null> {
  if (backend !== "auto" && backend !== "kitoken") return null;
  if (!(tokenizer instanceof Uint8Array) || tokenizer.length < LOAD_OFF_THREAD_MIN_BYTES) return null;
  if (typeof Worker === "undefined") return null;
  try {
    return await loadOffThread({ source, file: tokenizer, config: config ?? null, backend });
  } catch (error) {
    if (error instanceof TokenizerLoadError) throw error;
    getLogger(["slime-router", "tokenizer"]).warn(
      "Loading {source} in workers failed; it is loaded in place, which takes more memory: {error}",
      { source, error: error instanceof Error ? error.message : String(error) },
    );
    return null;
  }
}

async function loadInPlace(
  data: TokenizerData,
  name: "auto" | TokenizerBackend,
): Promise<TokenizerParts> {
  const file = withConfiguredTokens(readFileData(data), data.config);
  const { backend, reason }: BackendChoice = name === "auto"
    ? await chooseBackend(file)
    : { backend: await createBackend(name, file), reason: "as asked for" };
  return {
    tables: {
      outline: outlineOf(file),
      bytes: TokenBytes.fromFile(file),
      vocabulary: VocabularyIndex.fromVocab(file.vocab),
    },
    backend,
    workerSource: { form: "file", backend: backend.name, source: data.source, file: file.bytes },
    reason,
  };
}

function readFileData({ tokenizer, source }: TokenizerData): TokenizerFile {
  if (typeof tokenizer === "string") return readTokenizerFile(parseJsonObject(tokenizer, source), source);
  if (!(tokenizer instanceof Uint8Array)) return readTokenizerFile(tokenizer, source);
  return readTokenizerFile(parseJsonObject(new TextDecoder().decode(tokenizer), source), source, tokenizer);
}
