/**
 * `tokenizer.json` as this folder reads it: checked once, so that the backends and the byte tables need not check again.
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../types.ts";

/** A token that is cut out of the text before any other processing. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Matches only where no word character stands beside it. */
  readonly singleWord: boolean;
  /** Swallows the white space to its left. */
  readonly lstrip: boolean;
  /** Swallows the white space to its right. */
  readonly rstrip: boolean;
  /** Looked for in the normalised text, after the tokens that are not. */
  readonly normalized: boolean;
  /** Left out of decoded text by default. */
  readonly special: boolean;
}

/** What is needed of a `tokenizer.json` after it is loaded: small, and of plain data only. */
export interface TokenizerOutline {
  /** Where it came from, for messages. */
  readonly source: string;
  /** `model.type`, or what the model's fields tell when the type is absent. */
  readonly modelType: string;
  readonly addedTokens: readonly AddedToken[];
  /** Every `type` in the named part of the pipeline, in order, sequences flattened. */
  readonly normalizers: readonly JsonObject[];
  readonly preTokenizers: readonly JsonObject[];
  readonly decoders: readonly JsonObject[];
}

/** A checked `tokenizer.json`. */
export interface TokenizerFile extends TokenizerOutline {
  /** The whole file as parsed; not changed by anyone. */
  readonly json: JsonObject;
  /** The whole file as UTF-8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Content to id, added tokens not included unless the model holds them too. */
  readonly vocab: ReadonlyMap<string, number> | Readonly<Record<string, number>>;
}

/** The outline of a file, without the file. */
export function outlineOf(file: TokenizerFile): TokenizerOutline {
  const { source, modelType, addedTokens, normalizers, preTokenizers, decoders } = file;
  return { source, modelType, addedTokens, normalizers, preTokenizers, decoders };
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text that is expected to hold an object.
 *
 * @throws {TokenizerLoadError} naming `source`
 */
export function parseJsonObject(text: string, source: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerLoadError(
      `Cannot load tokenizer: ${source} is not JSON (${(error as Error).message})`,
      {
        cause: error,
      },
    );
  }
  if (!isJsonObject(value)) {
    throw new TokenizerLoadError(`Cannot load tokenizer: ${source} holds no JSON object`);
  }
  return value;
}

/**
 * Checks a parsed `tokenizer.json`. `bytes` is the file it was parsed from; made anew when absent.
 *
 * @throws {TokenizerLoadError} when it has no model, no vocabulary, or malformed added tokens
 */
export function readTokenizerFile(
  json: JsonObject,
  source: string,
  bytes?: Uint8Array<ArrayBuffer>,
): TokenizerFile {
  const model = json.model;
  if (!isJsonObject(model)) throw new TokenizerLoadError(`Cannot load tokenizer: ${source} has no "model"`);
  return {
    source,
    json,
    bytes: bytes ?? new TextEncoder().encode(JSON.stringify(json)),
    modelType: modelType(model),
    vocab: readVocab(model.vocab, source),
    addedTokens: readAddedTokens(json.added_tokens, source),
    normalizers: flatten(json.normalizer, "normalizers"),
    preTokenizers: flatten(json.pre_tokenizer, "pretokenizers"),
    decoders: flatten(json.decoder, "decoders"),
  };
}

/** Whether the file describes a BPE over the byte-level alphabet (GPT-2 and its descendants). */
export function isByteLevelBpe(file: TokenizerOutline): boolean {
  const isByteLevel = (step: JsonObject) => step.type === "ByteLevel";
  return file.modelType === "BPE" &&
    (file.preTokenizers.some(isByteLevel) || file.decoders.some(isByteLevel));
}

/** Older files leave the type out; the fields of each model differ. */
function modelType(model: JsonObject): string {
  if (typeof model.type === "string") return model.type;
  if (Array.isArray(model.merges)) return "BPE";
  if (Array.isArray(model.vocab)) return "Unigram";
  return "continuing_subword_prefix" in model ? "WordPiece" : "WordLevel";
}

function readVocab(vocab: JsonValue | undefined, source: string): TokenizerFile["vocab"] {
  if (isJsonObject(vocab)) {
    for (const content in vocab) {
      if (!isId(vocab[content])) {
        throw new TokenizerLoadError(
          `Cannot load tokenizer: ${source} gives ${JSON.stringify(content)} the id ${
            JSON.stringify(vocab[content])
          }`,
        );
      }
    }
    return vocab as Record<string, number>;
  }
  if (!Array.isArray(vocab)) {
    throw new TokenizerLoadError(`Cannot load tokenizer: ${source} has no "model.vocab"`);
  }
  const ids = new Map<string, number>();
  for (const [id, piece] of vocab.entries()) {
    const content = Array.isArray(piece) ? piece[0] : piece;
    if (typeof content !== "string") {
      throw new TokenizerLoadError(`Cannot load tokenizer: ${source} has no text for piece ${id}`);
    }
    ids.set(content, id);
  }
  return ids;
}

function readAddedTokens(entries: JsonValue | undefined, source: string): AddedToken[] {
  if (entries === undefined || entries === null) return [];
  if (!Array.isArray(entries)) {
    throw new TokenizerLoadError(`Cannot load tokenizer: "added_tokens" of ${source} is no list`);
  }
  return entries.map((entry) => readAddedToken(entry, source)).filter((token) => token.content !== "");
}

/** One entry of `added_tokens`. */
function readAddedToken(entry: JsonValue, source: string): AddedToken {
  if (!isJsonObject(entry) || !isId(entry.id) || typeof entry.content !== "string") {
    throw new TokenizerLoadError(
      `Cannot load tokenizer: ${source} has the added token ${JSON.stringify(entry)} without id and content`,
    );
  }
  const special = entry.special === true;
  return {
    id: entry.id,
    content: entry.content,
    singleWord: entry.single_word === true,
    lstrip: entry.lstrip === true,
    rstrip: entry.rstrip === true,
    normalized: typeof entry.normalized === "boolean" ? entry.normalized : !special,
    special,
  };
}

function isId(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= ID_MAX;
}

/** Largest id accepted: far above any vocabulary, and small enough for a table with an entry per id. */
const ID_MAX = 0xff_ffff;

/** A step and, for a `Sequence`, its parts in order. */
function flatten(step: JsonValue | undefined, partsKey: string): JsonObject[] {
  if (!isJsonObject(step)) return [];
  if (step.type !== "Sequence") return [step];
  const parts = step[partsKey];
  return Array.isArray(parts) ? parts.flatMap((part) => flatten(part, partsKey)) : [];
}
